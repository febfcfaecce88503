package main

import "math"

// stock is whether an instance could be had, tick by tick.
type stock struct {
	name, region string
	hours        float64 // of a tick
	startHour    float64 // of the day, UTC, at the first tick
	up           []bool
}

// stockFacts is what a set of stocks has in common.
type stockFacts struct {
	available    []float64 // share of time, by pool
	outagesADay  []float64 // by pool
	ups, outages []float64 // lengths of all spells, in hours
	together     float64   // a loss elsewhere in the region within ten minutes of a loss
	alone        float64   // a loss within ten minutes of any moment
	zones        float64   // correlation of stock of one moment inside a region
	byHour       [24]float64
	anyOf        [5]float64 // share of time that any of 1, 2, 3, 4 pools had one
}

func factsOfStock(stocks []*stock) stockFacts {
	var f stockFacts
	var hourUp, hourAll [24]float64
	for _, s := range stocks {
		up, began := 0.0, 0
		for i, now := range s.up {
			hour := int(math.Mod(s.startHour+float64(i)*s.hours, 24))
			hourAll[hour]++
			if now {
				up++
				hourUp[hour]++
			}
			if i > 0 && now != s.up[i-1] {
				// The first spell began before the trace did.
				if began > 0 {
					f.spell(s.up[i-1], float64(i-began)*s.hours)
				}
				began = i
			}
		}
		f.available = append(f.available, up/float64(len(s.up)))
		f.outagesADay = append(f.outagesADay, float64(len(losses(s)))/(float64(len(s.up))*s.hours/24))
	}
	for hour := range f.byHour {
		f.byHour[hour] = hourUp[hour] / hourAll[hour]
	}
	f.compare(stocks)
	f.diversity(stocks)
	return f
}

func (f *stockFacts) spell(up bool, hours float64) {
	if up {
		f.ups = append(f.ups, hours)
	} else {
		f.outages = append(f.outages, hours)
	}
}

// losses is the ticks at which a stock was lost.
func losses(s *stock) (at []int) {
	for i := 1; i < len(s.up); i++ {
		if s.up[i-1] && !s.up[i] {
			at = append(at, i)
		}
	}
	return at
}

// compare looks for losses in pairs of stocks of one region.
func (f *stockFacts) compare(stocks []*stock) {
	var near, all, base, moments float64
	var zones []float64
	for _, a := range stocks {
		for _, b := range stocks {
			if a == b || a.region != b.region || len(a.up) != len(b.up) {
				continue
			}
			if c := correlation(numbers(a), numbers(b)); !math.IsNaN(c) {
				zones = append(zones, c)
			}
			window := int(math.Round(1.0 / 6 / a.hours))
			soon := make([]bool, len(b.up))
			for _, at := range losses(b) {
				for i := max(at-window, 0); i <= min(at+window, len(soon)-1); i++ {
					soon[i] = true
				}
			}
			for i := range soon {
				moments++
				if soon[i] {
					base++
				}
			}
			for _, at := range losses(a) {
				all++
				if soon[at] {
					near++
				}
			}
		}
	}
	f.together, f.alone, f.zones = near/all, base/moments, mean(zones)
}

// numbers is 1 where there was stock and 0 where there was none.
func numbers(s *stock) []float64 {
	values := make([]float64, len(s.up))
	for i, up := range s.up {
		if up {
			values[i] = 1
		}
	}
	return values
}

// diversity is how often any of the first k pools of a region had one, over
// all choices of k.
func (f *stockFacts) diversity(stocks []*stock) {
	for k := 1; k <= 4; k++ {
		var up, all float64
		for first := range stocks {
			var of []*stock
			for i := range len(stocks) {
				s := stocks[(first+i)%len(stocks)]
				if s.region == stocks[first].region && len(s.up) == len(stocks[first].up) && len(of) < k {
					of = append(of, s)
				}
			}
			if len(of) < k {
				continue
			}
			for i := range of[0].up {
				all++
				for _, s := range of {
					if s.up[i] {
						up++
						break
					}
				}
			}
		}
		f.anyOf[k] = up / all
	}
}

// stockAutocorrelation is the mean over the pools that were both up and down,
// at so many hours.
func stockAutocorrelation(stocks []*stock, hours float64) float64 {
	var all []float64
	for _, s := range stocks {
		if c := autocorrelation(numbers(s), int(math.Round(hours/s.hours))); !math.IsNaN(c) {
			all = append(all, c)
		}
	}
	return mean(all)
}
