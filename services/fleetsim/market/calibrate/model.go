package main

import (
	"fmt"
	"time"

	"github.com/seed-198b1370/muster/services/fleetsim/catalog"
	"github.com/seed-198b1370/muster/services/fleetsim/market"
)

// Ticks of the model.
const (
	hourTicks = int64(time.Hour / market.Tick)
	dayTicks  = 24 * hourTicks
)

// model is the seeded market of the shipped catalog, from a Monday on.
type model struct {
	seed    uint64
	catalog *catalog.Catalog
	market  *market.Market
	from    int64
}

func newModel(seed uint64) (*model, error) {
	c, err := catalog.Default()
	if err != nil {
		return nil, err
	}
	m, err := market.New(c, seed, 1_000_000)
	if err != nil {
		return nil, err
	}
	return &model{seed, c, m, market.TickOf(time.Date(2026, 8, 3, 0, 0, 0, 0, time.UTC).UnixNano())}, nil
}

// pools is the prices of all offers over some days.
func (m *model) pools(days int64) []*pool {
	var pools []*pool
	for i, o := range m.catalog.Offers() {
		p := &pool{instanceType: o.InstanceType, zone: o.ZoneID, family: o.Family, list: float64(o.PayAsYouGoMicros), days: float64(days)}
		for tick := range days * dayTicks {
			if price := float64(m.market.Price(i, m.from+tick)); tick == 0 || price != p.steps[len(p.steps)-1].price {
				p.steps = append(p.steps, priceStep{float64(tick) / float64(dayTicks), price})
			}
		}
		pools = append(pools, p)
	}
	return pools
}

// stocks is whether one instance could be had, of offers with GPUs or without.
func (m *model) stocks(days int64, gpus bool) []*stock {
	var stocks []*stock
	for i, o := range m.catalog.Offers() {
		if (o.GPUs > 0) != gpus {
			continue
		}
		// Types stand for regions: what is compared is one type in several zones.
		s := &stock{name: o.InstanceType + " " + o.ZoneID, region: fmt.Sprint(m.seed, o.InstanceType), hours: 1 / float64(hourTicks)}
		for tick := range days * dayTicks {
			s.up = append(s.up, m.market.Demand(i, m.from+tick) < o.Capacity)
		}
		stocks = append(stocks, s)
	}
	return stocks
}

// demand is the demand of offers by their capacity.
func (m *model) demand(days int64, gpus bool) (all [][]float64) {
	for i, o := range m.catalog.Offers() {
		if (o.GPUs > 0) != gpus {
			continue
		}
		var of []float64
		for tick := int64(0); tick < days*dayTicks; tick++ {
			of = append(of, float64(m.market.Demand(i, m.from+tick))/float64(o.Capacity))
		}
		all = append(all, of)
	}
	return all
}

// bands is the share of offers in each band of advice, and the mean of their
// prices in percent of the list price.
func (m *model) bands(gpus bool) (shares [4]float64, prices []string) {
	var sums, counts [4]float64
	for i, o := range m.catalog.Offers() {
		if (o.GPUs > 0) != gpus {
			continue
		}
		a := market.Advise(m.market, i, o.Capacity, o.PayAsYouGoMicros, (m.from+90*dayTicks)*int64(market.Tick))
		sums[a.Band] += float64(a.DiscountPercent)
		counts[a.Band]++
	}
	total := counts[0] + counts[1] + counts[2] + counts[3]
	for i := range shares {
		shares[i] = counts[i] / total
		price := ""
		if counts[i] > 0 {
			price = fmt.Sprintf("%.0f %%", sums[i]/counts[i])
		}
		prices = append(prices, price)
	}
	return shares, prices
}

// stockByPrice is how far the share of time with stock and the mean price of
// the offers with GPUs go together, in the first market.
func (m *model) stockByPrice(pools []*pool, facts stockFacts) float64 {
	var prices []float64
	for i, o := range m.catalog.Offers() {
		if o.GPUs > 0 {
			prices = append(prices, meanPrice(pools[i]))
		}
	}
	return correlation(prices, facts.available[:len(prices)])
}
