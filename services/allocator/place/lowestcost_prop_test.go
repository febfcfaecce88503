package place

import (
	"math"
	"math/big"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// An outcome is what counts about a set: enough or, below that, how heavy; then
// its cost, then its number of instances.
type outcome struct {
	met       int64
	cost      *big.Int
	instances int64
}

func outcomeOf(goods []good, counts []int64, need int64) (o outcome, weight int64) {
	o.cost = new(big.Int)
	for i, count := range counts {
		weight += count * goods[i].weight
		o.instances += count
		o.cost.Add(o.cost, new(big.Int).Mul(big.NewInt(count), big.NewInt(goods[i].price)))
	}
	o.met = min(weight, need)
	return o, weight
}

// better tells whether a set is to be preferred to another.
func (o outcome) better(other outcome) bool {
	if o.met != other.met {
		return o.met > other.met
	}
	if c := o.cost.Cmp(other.cost); c != 0 {
		return c < 0
	}
	return o.instances < other.instances
}

// everySet tries all sets and tells the best outcome.
func everySet(goods []good, need int64, limits room) outcome {
	best := outcome{cost: new(big.Int)}
	counts := make([]int64, len(goods))
	var try func(i int)
	try = func(i int) {
		if i == len(goods) {
			o, weight := outcomeOf(goods, counts, need)
			if o.instances <= limits.instances && weight <= limits.milliunits && o.better(best) {
				best = o
			}
			return
		}
		for counts[i] = 0; counts[i] <= goods[i].stock; counts[i]++ {
			try(i + 1)
		}
		counts[i] = 0
	}
	try(0)
	return best
}

func limitsGen(instances, milliunits int64) *rapid.Generator[room] {
	return rapid.Custom(func(t *rapid.T) room {
		limits := room{instances: math.MaxInt32, milliunits: math.MaxInt64}
		if rapid.IntRange(0, 2).Draw(t, "limited instances") == 0 {
			limits.instances = rapid.Int64Range(0, instances).Draw(t, "instances")
		}
		if rapid.IntRange(0, 2).Draw(t, "limited capacity") == 0 {
			limits.milliunits = rapid.Int64Range(0, milliunits).Draw(t, "milliunits")
		}
		return limits
	})
}

// What is found costs as little as the best of all sets, also when prices are
// alike, nothing, or as high as can be, and when limits bind.
func TestCheapest_isTheBestOfAllSets_Prop(t *testing.T) {
	prices := rapid.OneOf(rapid.Int64Range(0, 12), rapid.Int64Range(0, 1000), rapid.Int64Range(math.MaxInt64-9, math.MaxInt64))
	weights := rapid.OneOf(rapid.Int64Range(1, 12), rapid.Map(rapid.Int64Range(1, 60), func(n int64) int64 { return n * 100 }),
		rapid.Int64Range(1, 5000))
	rapid.Check(t, func(t *rapid.T) {
		var goods []good
		var all int64
		price, weight := prices, weights
		for range rapid.IntRange(0, 4).Draw(t, "goods") {
			g := good{
				price: price.Draw(t, "price"), weight: weight.Draw(t, "weight"), stock: rapid.Int64Range(0, 6).Draw(t, "stock"),
			}
			if rapid.IntRange(0, 3).Draw(t, "by weight") == 0 && g.price < 1000 {
				g.price = 7 * g.weight
			}
			goods = append(goods, g)
			all += g.weight * g.stock
		}
		need := rapid.Int64Range(1, all+all/4+2).Draw(t, "need")
		limits := limitsGen(20, all+2).Draw(t, "limits")
		counts, err := cheapest(goods, need, limits)
		if err != nil {
			t.Fatal(err)
		}
		got, weighs := outcomeOf(goods, counts, need)
		for i, count := range counts {
			if count < 0 || count > goods[i].stock {
				t.Fatalf("%d of a stock of %d", count, goods[i].stock)
			}
		}
		if got.instances > limits.instances || weighs > limits.milliunits {
			t.Fatalf("%d instances of %d units pass %+v", got.instances, weighs, limits)
		}
		want := everySet(goods, need, limits)
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(outcome{}), cmp.Comparer(func(a, b *big.Int) bool { return a.Cmp(b) == 0 })); diff != "" {
			t.Fatalf("of %+v, need %d, limits %+v: %v (-want +got)\n%s", goods, need, limits, counts, diff)
		}
	})
}

// exact tells the best outcome of each exact weight up to one, whatever the
// number of instances, one good after another; nil for a weight that none has.
func exact(goods []good, top int64) []*outcome {
	best := make([]*outcome, top+1)
	best[0] = &outcome{cost: new(big.Int)}
	for _, g := range goods {
		next := make([]*outcome, top+1)
		for weight := range top + 1 {
			for count := int64(0); count <= g.stock && count*g.weight <= weight; count++ {
				from := best[weight-count*g.weight]
				if from == nil {
					continue
				}
				o := &outcome{cost: big.NewInt(count * g.price), instances: from.instances + count}
				o.cost.Add(o.cost, from.cost)
				if next[weight] == nil || o.better(*next[weight]) {
					next[weight] = o
				}
			}
		}
		best = next
	}
	return best
}

// The same where stock is plenty, against a table of all weights.
func TestCheapest_isTheBestOfATable_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var goods []good
		var all int64
		for range rapid.IntRange(1, 5).Draw(t, "goods") {
			g := good{
				price: rapid.Int64Range(0, 200).Draw(t, "price"), weight: rapid.Int64Range(1, 25).Draw(t, "weight"),
				stock: rapid.OneOf(rapid.Int64Range(1, 20), rapid.Just(int64(math.MaxInt32))).Draw(t, "stock"),
			}
			if rapid.Bool().Draw(t, "by weight") {
				g.price = 8*g.weight + rapid.Int64Range(0, 3).Draw(t, "more")
			}
			goods = append(goods, g)
			all += g.weight * min(g.stock, 100)
		}
		need := rapid.Int64Range(1, min(all, 1500)).Draw(t, "need")
		limits := room{instances: math.MaxInt32, milliunits: need + rapid.Int64Range(0, 30).Draw(t, "ceiling")}
		counts, err := cheapest(goods, need, limits)
		if err != nil {
			t.Fatal(err)
		}
		got, _ := outcomeOf(goods, counts, need)
		bounded := make([]good, len(goods))
		for i, g := range goods {
			bounded[i] = g
			bounded[i].stock = min(g.stock, need/g.weight+1)
		}
		want := outcome{cost: new(big.Int)}
		for weight, o := range exact(bounded, limits.milliunits) {
			if o != nil {
				if o.met = min(int64(weight), need); o.better(want) {
					want = *o
				}
			}
		}
		if got.better(want) || want.better(got) {
			t.Fatalf("of %+v, need %d, limits %+v: %v gives %+v, want %+v", goods, need, limits, counts, got, want)
		}
	})
}
