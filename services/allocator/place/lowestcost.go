package place

import (
	"cmp"
	"math/bits"
	"slices"
)

// lowestCost takes what costs least in all. Of sets that cost the same it takes
// one with the fewest instances, as far as that can be told soon; in any case
// none can be spared, free ones included. Alike pools are emptied in the order of
// the candidates. A need that stock and limits do not allow is met as far as they
// do, and that at the least cost.
func (f *filling) lowestCost() error {
	f.line(byUnitPrice, nil)
	if f.need <= 0 {
		return nil
	}
	goods := make([]good, len(f.order))
	for i, pool := range f.order {
		decision := &f.decisions[pool]
		goods[i] = good{price: decision.Price, weight: decision.Weight, stock: f.stock(pool)}
	}
	counts, err := cheapest(goods, f.need, f.room)
	if err != nil {
		return err
	}
	for i, pool := range f.order {
		if counts[i] > 0 {
			f.take(pool, counts[i])
		}
	}
	if f.need <= 0 {
		return nil
	}
	for i, pool := range f.order {
		if counts[i] == 0 { // eligible pools have stock, so it is a limit
			f.decisions[pool].Verdict = LimitReached
		}
	}
	return nil
}

// A good is something to buy whole instances of.
type good struct {
	price  int64
	weight int64
	stock  int64
}

// cheapest tells how many to buy of each good so that their weights add up to a
// need at the least cost inside limits; of the sets that do, one with the fewest
// instances, as far as that can be told soon. When no set inside the limits meets the need, it is the heaviest
// that there is, and of those the cheapest.
func cheapest(goods []good, need int64, limits room) ([]int64, error) {
	kinds, unit := kindsOf(goods, limits)
	task := covering{
		kinds: kinds, instances: limits.instances,
		need: ceilDiv(need, unit), ceiling: limits.milliunits / unit,
	}
	counts, err := task.solve()
	if err != nil {
		return nil, err
	}
	return spread(goods, kinds, counts), nil
}

// A kind is all goods of one weight and price: there is nothing to choose
// between them.
type kind struct {
	// goods are their indices, in ascending order.
	goods []int32
	// weight is in the unit of the covering.
	weight int64
	stock  int64
	price  int64
	// cost is the price and, for ties, the number of instances.
	cost uint128
}

// kindsOf groups goods that fit the limits, and finds the largest weight that
// divides all of theirs.
func kindsOf(goods []good, limits room) (kinds []kind, unit int64) {
	order := make([]int32, 0, len(goods))
	unit = 0
	for i := range goods {
		if goods[i].stock > 0 && limits.fits(goods[i].weight) {
			order = append(order, int32(i))
			unit = gcd(unit, goods[i].weight)
		}
	}
	unit = max(unit, 1)
	slices.SortFunc(order, func(a, b int32) int {
		x, y := &goods[a], &goods[b]
		return cmp.Or(cmp.Compare(y.weight, x.weight), cmp.Compare(x.price, y.price), cmp.Compare(a, b))
	})
	for i, index := range order {
		g := &goods[index]
		if i > 0 && goods[order[i-1]].weight == g.weight && goods[order[i-1]].price == g.price {
			last := &kinds[len(kinds)-1]
			last.goods = append(last.goods, index)
			last.stock += g.stock
			continue
		}
		kinds = append(kinds, kind{
			goods: order[i : i+1 : i+1], weight: g.weight / unit, stock: g.stock,
			price: g.price, cost: costOf(g.price, limits.instances),
		})
	}
	return kinds, unit
}

// costOf puts a price above an instance: sums of no more instances than a limit
// compare by price, then by number.
func costOf(price, limit int64) uint128 {
	digits := bits.Len64(uint64(limit))
	return uint128{high: uint64(price) >> (64 - digits), low: uint64(price)<<digits | 1}
}

// spread gives what was bought of each kind to its goods in order.
func spread(goods []good, kinds []kind, counts []int64) []int64 {
	each := make([]int64, len(goods))
	for i := range kinds {
		left := counts[i]
		for _, index := range kinds[i].goods {
			each[index] = min(left, goods[index].stock)
			left -= each[index]
		}
	}
	return each
}

// A covering is the task to cover a need by kinds.
type covering struct {
	// kinds are in descending order of weight, then ascending order of cost.
	kinds []kind
	// need and ceiling are the least and the largest capacity that will do.
	need, ceiling int64
	// instances is the largest number that will do.
	instances int64
	// short is true when less than the need will do: what is missing is all that
	// it costs.
	short bool
}

// solve tells how many of each kind to take.
func (c *covering) solve() ([]int64, error) {
	heaviest, weight := c.heaviest()
	if weight <= c.ceiling && weight < c.need {
		return heaviest, nil
	}
	if c.need <= c.ceiling && weight >= c.need {
		counts, err := c.least()
		if counts != nil || err != nil {
			return counts, err
		}
	}
	// Nothing hits the gap between the need and the ceiling.
	return c.fullest()
}

// heaviest takes the heaviest instances that stock and the limit of instances
// allow, of alike ones the cheapest, until the need is met.
func (c *covering) heaviest() (counts []int64, weight int64) {
	counts = make([]int64, len(c.kinds))
	left := c.instances
	for i := range c.kinds {
		k := &c.kinds[i]
		if weight >= c.need {
			break
		}
		counts[i] = min(k.stock, left, ceilDiv(c.need-weight, k.weight))
		weight += counts[i] * k.weight
		left -= counts[i]
	}
	return counts, weight
}

// fullest tells the cheapest of what comes closest to the ceiling.
func (c *covering) fullest() ([]int64, error) {
	filled := covering{need: c.ceiling, ceiling: c.ceiling, instances: c.instances, short: true}
	for _, k := range c.kinds {
		k.price, k.cost = 0, uint128{}
		filled.kinds = append(filled.kinds, k)
	}
	counts, err := filled.least()
	if err != nil {
		return nil, err
	}
	most := filled.weightOf(counts)
	exact := covering{kinds: c.kinds, need: most, ceiling: most, instances: c.instances}
	return exact.least()
}

func (c *covering) weightOf(counts []int64) int64 {
	var sum int64
	for i, count := range counts {
		sum += count * c.kinds[i].weight
	}
	return sum
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
