package market_test

import "testing"

// TestDemand_hasADailyAndAWeeklyRhythm holds that the region's afternoon is busier
// than its night, and a workday than a day of the weekend. 12 weeks even out what
// else moves.
func TestDemand_hasADailyAndAWeeklyRhythm(t *testing.T) {
	c, m := shipped(t, 1, 1_000_000)
	from, _ := week() // a Monday
	const day, hour = 288, 12
	var afternoon, night, workday, weekend []float64
	for i := 0; i < len(c.Offers()); i += 10 {
		for d := range int64(12 * 7) {
			at := func(h int64) float64 {
				return float64(m.Demand(i, from+d*day+h*hour)) / float64(c.Offers()[i].Capacity)
			}
			afternoon, night = append(afternoon, at(8)), append(night, at(20))
			for h := range int64(4) {
				if d%7 < 5 {
					workday = append(workday, at(6*h))
				} else {
					weekend = append(weekend, at(6*h))
				}
			}
		}
	}
	daily, weekly := average(afternoon)-average(night), average(workday)-average(weekend)
	t.Logf("the afternoon is %.3f of the capacity above the night, a workday %.3f above the weekend", daily, weekly)
	if daily < 0.08 || daily > 0.16 || weekly < 0.02 || weekly > 0.08 {
		t.Error("demand has no rhythm")
	}
}

// TestDemand_shortagesComeAndPass holds that types without GPUs are short at
// times, and each time only for hours.
func TestDemand_shortagesComeAndPass(t *testing.T) {
	c, m := shipped(t, 1, 1_000_000)
	from, _ := week()
	const most = 24 * 12 // ticks; a shortage can follow on another
	count := 0
	for i, o := range c.Offers() {
		if o.GPUs > 0 || i%10 != 0 {
			continue
		}
		length := 0
		for tick := from; tick < from+60*288; tick++ {
			if m.Demand(i, tick) < o.Capacity {
				length = 0
				continue
			}
			if length++; length == 1 {
				count++
			}
			if length == most {
				t.Errorf("%s in %s is short for a day", o.InstanceType, o.ZoneID)
			}
		}
	}
	t.Logf("%d shortages in 60 days", count)
	if count < 100 {
		t.Error("there are hardly any shortages")
	}
}

// TestPrice_followsDemand holds that stock and price move together: an offer is
// dearer on days when more of it is taken. Days, for prices follow what lasts.
func TestPrice_followsDemand(t *testing.T) {
	c, m := shipped(t, 1, 1_000_000)
	from, _ := week()
	var all []float64
	for i := 0; i < len(c.Offers()); i += 10 {
		var demand, price []float64
		for d := range int64(90) {
			var taken, cost []float64
			for h := range int64(8) {
				tick := from + d*288 + h*36
				taken, cost = append(taken, float64(m.Demand(i, tick))), append(cost, float64(m.Price(i, tick)))
			}
			demand, price = append(demand, average(taken)), append(price, average(cost))
		}
		if r := correlation(demand, price); r == r { // not of a price that stands still
			all = append(all, r)
		}
	}
	t.Logf("correlation of demand and price by day, of %d offers: %.2f", len(all), average(all))
	if len(all) < 50 || average(all) < 0.2 {
		t.Error("stock and price do not move together")
	}
}

// TestPrice_differsByTypeAndZone holds that each pool has a price of its own.
func TestPrice_differsByTypeAndZone(t *testing.T) {
	c, m := shipped(t, 1, 1_000_000)
	now, _ := week()
	shares := map[string]map[int64]bool{} // of the list price, by type and by zone
	for i, o := range c.Offers() {
		for _, key := range []string{o.InstanceType, o.ZoneID} {
			if shares[key] == nil {
				shares[key] = map[int64]bool{}
			}
			shares[key][m.Price(i, now)*1_000_000/o.PayAsYouGoMicros] = true
		}
	}
	zones := map[string]bool{}
	for i := range c.Offers() {
		if o := c.Offers()[i]; o.InstanceType == "ecs.c6.large" {
			zones[o.ZoneID] = true
		}
	}
	if n := len(shares["ecs.c6.large"]); n != len(zones) {
		t.Errorf("ecs.c6.large has %d prices in %d zones", n, len(zones))
	}
	for zone := range zones {
		if len(shares[zone]) < 50 {
			t.Errorf("%s has %d levels of price", zone, len(shares[zone]))
		}
	}
}
