package main

import "math"

// pool is the spot price of a type in a zone over time.
type pool struct {
	instanceType, zone, family string
	list                       float64
	steps                      []priceStep
	days                       float64 // from the first step to the end
}

type priceStep struct{ day, price float64 }

// at is the price on a day.
func (p *pool) at(day float64) float64 {
	price := p.steps[0].price
	for _, s := range p.steps {
		if s.day > day {
			break
		}
		price = s.price
	}
	return price
}

// lasted is how many days a step lasted.
func (p *pool) lasted(i int) float64 {
	until := p.steps[0].day + p.days
	if i+1 < len(p.steps) {
		until = p.steps[i+1].day
	}
	return until - p.steps[i].day
}

// meanPrice is the price over time by the list price.
func meanPrice(p *pool) float64 {
	sum := 0.0
	for i, s := range p.steps {
		sum += p.lasted(i) * s.price / p.list
	}
	return sum / p.days
}

// priceFacts is what a set of pools has in common.
type priceFacts struct {
	level          []float64 // mean price by list price, by pool
	changes        []float64 // a day, by pool
	logSteps       []float64
	gaps           []float64 // between changes, in hours
	swing          []float64 // highest by lowest, by pool
	atFloor        float64   // share of pools and time
	atList         float64
	sameType       float64 // correlations of daily returns
	sameFamilyZone float64
	other          float64
}

// factsOf looks at pools whose lowest price is a part of the list price.
func factsOf(pools []*pool, floor float64) priceFacts {
	var f priceFacts
	total := 0.0
	for _, p := range pools {
		low, high := math.Inf(1), 0.0
		for i, s := range p.steps {
			if i > 0 {
				f.logSteps = append(f.logSteps, math.Abs(math.Log(s.price/p.steps[i-1].price)))
			}
			lasted := p.lasted(i)
			if i > 0 && i+1 < len(p.steps) {
				f.gaps = append(f.gaps, 24*lasted)
			}
			low, high = min(low, s.price), max(high, s.price)
			if s.price <= floor*p.list*1.01 {
				f.atFloor += lasted
			}
			if s.price >= p.list*.995 {
				f.atList += lasted
			}
		}
		total += p.days
		f.level = append(f.level, meanPrice(p))
		f.swing = append(f.swing, high/low)
		f.changes = append(f.changes, float64(len(p.steps)-1)/p.days)
	}
	f.atFloor, f.atList = f.atFloor/total, f.atList/total
	f.correlate(pools)
	return f
}

// correlate compares the daily returns of pools whose price moves.
func (f *priceFacts) correlate(pools []*pool) {
	var returns [][]float64
	var moving []*pool
	for _, p := range pools {
		if len(p.steps) < 10 || p.days < 60 {
			continue
		}
		var of []float64
		for day := range 58 {
			from := p.steps[0].day + p.days - 60 + float64(day)
			of = append(of, math.Log(p.at(from+1)/p.at(from)))
		}
		moving, returns = append(moving, p), append(returns, of)
	}
	var sums, counts [3]float64
	for i, a := range moving {
		for j, b := range moving[:i] {
			kind := 2
			switch {
			case a.instanceType == b.instanceType:
				kind = 0
			case a.family == b.family && a.zone == b.zone:
				kind = 1
			case (i*7919+j)%13 != 0: // of the many others, some
				continue
			}
			if c := correlation(returns[i], returns[j]); !math.IsNaN(c) {
				sums[kind], counts[kind] = sums[kind]+c, counts[kind]+1
			}
		}
	}
	f.sameType, f.sameFamilyZone, f.other = sums[0]/counts[0], sums[1]/counts[1], sums[2]/counts[2]
}
