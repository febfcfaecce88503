package world_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/seed-198b1370/muster/services/fleetsim/catalog"
	"github.com/seed-198b1370/muster/services/fleetsim/market"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// origin is where the tests' time begins: the start of a tick.
var origin = world.InstantOf(time.Date(2026, 11, 16, 8, 0, 0, 0, time.UTC))

// small is a catalog of four offers: a.large in zones c and d, b.large in c,
// g.large in d. List prices are 1, 2 and 3 units of the currency.
func small(t interface {
	Helper()
	Fatal(...any)
}) *catalog.Catalog {
	t.Helper()
	c, err := catalog.Parse(strings.NewReader(
		"zone_id,instance_type,family,architecture,vcpus,memory_mib,gpus,pay_as_you_go_micros_per_hour,spot_base_permille,capacity_instances\n" +
			"cn-test-c,ecs.a.large,ecs.a,x86,2,4096,0,1000000,200,10\n" +
			"cn-test-d,ecs.a.large,ecs.a,x86,2,4096,0,1000000,200,40\n" +
			"cn-test-c,ecs.b.large,ecs.b,x86,2,4096,0,2000000,300,120\n" +
			"cn-test-d,ecs.g.large,ecs.g,x86,4,8192,0,3000000,300,20\n"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// still is a market that stands still but where it is told otherwise.
type still struct {
	price, demand map[int]map[int64]int64 // by offer, by tick from the origin on; holds until the next
}

func (s still) Ticks() (int64, time.Duration) { return 0, market.Tick }

func (s still) Price(offer int, tick int64) int64 {
	return latest(s.price[offer], tick, []int64{200_000, 200_000, 200_000, 300_000}[offer])
}

func (s still) Demand(offer int, tick int64) int64 { return latest(s.demand[offer], tick, 2) }

func latest(values map[int64]int64, tick, fallback int64) int64 {
	for at := tick - market.TickOf(int64(origin)); at >= 0; at-- {
		if value, ok := values[at]; ok {
			return value
		}
	}
	return fallback
}

func TestLaunch_remembersAnswersForADayAndTheLastHundredThousand(t *testing.T) {
	w := world.New(world.Config{Catalog: small(t), Market: still{}, Seed: 1, Origin: origin})
	launch := world.Launch{AccountID: "default", RequestID: "first", Pool: world.Pool{Offer: 1}, Amount: 3, MinAmount: 1}
	first, err := w.Apply(origin, launch)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Apply(origin, world.Release{AccountID: "default", Numbers: []uint64{1, 2, 3}}); err != nil {
		t.Fatal(err)
	}
	later := origin.Add(100 * time.Hour)
	again, err := w.Apply(later, launch)
	if err != nil || again.First != first.First || again.Launched != 3 || again.Changed {
		t.Errorf("after release and 100 h: %+v, %v", again, err)
	}
	if w.Live() != 0 {
		t.Errorf("%d instances live", w.Live())
	}
	other := launch
	other.AccountID = "other"
	if _, err := w.Apply(later, world.SetAccount{AccountID: "other", Settings: world.Unlimited()}); err != nil {
		t.Fatal(err)
	}
	if answer, err := w.Apply(later, other); err != nil || answer.First != 4 {
		t.Errorf("the same request id in another account: %+v, %v", answer, err)
	}
	launch.Amount = 4
	if _, err := w.Apply(later, launch); !errors.Is(err, world.ErrRequestMismatch) {
		t.Errorf("other parameters: %v", err)
	}
}

func TestRetag_allOrNone(t *testing.T) {
	w := world.New(world.Config{Catalog: small(t), Market: still{}, Seed: 1, Origin: origin})
	answer, err := w.Apply(origin, world.Launch{
		AccountID: "default", RequestID: "r", Pool: world.Pool{Offer: 1}, Amount: 2, MinAmount: 2,
		Tags: map[string]string{"group": "g1", "role": "web"},
	})
	if err != nil {
		t.Fatal(err)
	}
	retag := world.Retag{AccountID: "default", Numbers: []uint64{answer.First, answer.First + 1}, Set: map[string]string{"group": "g2"}, Remove: []string{"role", "none"}}
	before := w.Sequence()
	for range 2 { // the second changes nothing
		if _, err := w.Apply(origin, retag); err != nil {
			t.Fatal(err)
		}
	}
	if w.Sequence() != before+2 {
		t.Errorf("%d transitions for two changed instances", w.Sequence()-before)
	}
	list := func(tags ...world.Tag) int {
		page := w.List(world.Query{AccountID: "default", Tags: tags, Limit: 10}).Listed
		return len(page)
	}
	if list(world.Tag{Key: "group", Value: "g2"}) != 2 || list(world.Tag{Key: "group", Value: "g1"}) != 0 || list(world.Tag{Key: "role", Value: "web"}) != 0 {
		t.Error("the index of tags is not that of the instances")
	}
	retag.Numbers = append(retag.Numbers, 99)
	retag.Set["group"] = "g3"
	if _, err := w.Apply(origin, retag); err == nil || list(world.Tag{Key: "group", Value: "g2"}) != 2 {
		t.Errorf("one of three is missing: %v", err)
	}
	many := world.Retag{AccountID: "default", Numbers: []uint64{answer.First}, Set: map[string]string{}}
	for _, key := range strings.Split("abcdefghijklmnopqrst", "") {
		many.Set[key] = ""
	}
	if _, err := w.Apply(origin, many); !errors.Is(err, world.ErrTooManyTags) {
		t.Errorf("21 tags: %v", err)
	}
}

func TestDrain_refusesUntilRestored(t *testing.T) {
	w := world.New(world.Config{Catalog: small(t), Market: still{}, Seed: 1, Origin: origin})
	pools := []world.Pool{{Offer: 0, Spot: true}}
	launch := world.Launch{AccountID: "default", RequestID: "r", Pool: pools[0], Amount: 1, MinAmount: 1}
	for _, step := range []struct{ drained, works bool }{{true, false}, {true, false}, {false, true}} {
		if _, err := w.Apply(origin, world.SetDrained{Pools: pools, Drained: step.drained}); err != nil {
			t.Fatal(err)
		}
		w = world.Restore(world.Config{Catalog: small(t), Market: still{}, Seed: 1, Origin: origin}, w.State())
		if _, err := w.Apply(origin, launch); (err == nil) != step.works {
			t.Errorf("drained %v: %v", step.drained, err)
		}
		other := launch
		other.Pool.Spot = false
		other.RequestID += "x"
		if _, err := w.Apply(origin, other); err != nil {
			t.Errorf("the other billing method: %v", err)
		}
	}
}

func TestLaunch_deliversInPartDownToTheLeast(t *testing.T) {
	w := world.New(world.Config{Catalog: small(t), Market: still{}, Seed: 1, Origin: origin}) // 10, of which others want 2
	launch := world.Launch{AccountID: "default", RequestID: "r1", Pool: world.Pool{Offer: 0}, Amount: 20, MinAmount: 9}
	_, err := w.Apply(origin, launch)
	var short *world.StockError
	if !errors.As(err, &short) || short.Wanted != 9 || short.Available != 8 {
		t.Fatalf("got %v", err)
	}
	launch.MinAmount = 8 // the refusal was not remembered
	if answer, err := w.Apply(origin, launch); err != nil || answer.Launched != 8 {
		t.Errorf("got %+v, %v", answer, err)
	}
	launch.RequestID, launch.MinAmount = "r2", 1
	if _, err := w.Apply(origin, launch); err == nil {
		t.Error("launched from an empty stock")
	}
}

func TestLaunch_refusesABidBelowTheMarket(t *testing.T) {
	w := world.New(world.Config{Catalog: small(t), Market: still{}, Seed: 1, Origin: origin})
	launch := world.Launch{AccountID: "default", RequestID: "r1", Pool: world.Pool{Offer: 0, Spot: true}, Amount: 1, MinAmount: 1, MaxPrice: 199_999}
	_, err := w.Apply(origin, launch)
	if low := (*world.PriceError)(nil); !errors.As(err, &low) || low.Bid != 199_999 || low.Market != 200_000 {
		t.Errorf("got %v", err)
	}
	launch.MaxPrice = 200_000
	if _, err := w.Apply(origin, launch); err != nil {
		t.Error(err)
	}
}

func TestStop_requestIDIsOfBothModes(t *testing.T) {
	w := world.New(world.Config{Catalog: small(t), Market: still{}, Seed: 1, Origin: origin})
	if _, err := w.Apply(origin, world.Launch{AccountID: "default", RequestID: "a", Pool: world.Pool{Offer: 1}, Amount: 1, MinAmount: 1}); err != nil {
		t.Fatal(err)
	}
	stop := world.Stop{Batch: world.Batch{AccountID: "default", RequestID: "s", Numbers: []uint64{1}}}
	for _, economical := range []bool{false, true} {
		w.Advance(w.Now().Add(time.Minute))
		if _, err := w.Apply(w.Now(), world.Start{Batch: world.Batch{AccountID: "default", BestEffort: true, Numbers: []uint64{1}}}); err != nil {
			t.Fatal(err)
		}
		w.Advance(w.Now().Add(time.Minute))
		stop.Economical = economical
		if _, err := w.Apply(w.Now(), stop); errors.Is(err, world.ErrRequestMismatch) != economical {
			t.Errorf("economical %v: %v", economical, err)
		}
	}
	stop.Economical = false
	if answer, err := w.Apply(w.Now(), stop); err != nil || answer.Changed {
		t.Errorf("the same again: %+v, %v", answer, err)
	}
}

// A shock that lasts does not keep all later ones from being forgotten.
func TestFacts_shocksAreForgotten(t *testing.T) {
	w := world.New(world.Config{Catalog: small(t), Market: still{}, Seed: 1, Origin: origin})
	shock := func(id string, lasts time.Duration) {
		t.Helper()
		if _, err := w.Apply(w.Now(), world.InjectFault{ID: id, Duration: lasts, Effect: world.PriceShock{Permille: 2000}}); err != nil {
			t.Fatal(err)
		}
	}
	shock("lasting", 0)
	for range 1_100 {
		shock("short", time.Minute)
		w.Advance(w.Now().Add(2 * time.Minute))
	}
	shocks := w.Facts().Shocks
	if len(shocks) != 1_000 || shocks[0].Until != 0 || shocks[999].Until != w.Now().Add(-time.Minute) {
		t.Errorf("%d shocks are remembered, of %v to %v", len(shocks), shocks[0].From.Time(), shocks[len(shocks)-1].Until.Time())
	}
	w.Advance(w.Now().Add(32 * 24 * time.Hour))
	shock("last", time.Minute)
	w.Advance(w.Now().Add(time.Hour))
	if shocks := w.Facts().Shocks; len(shocks) != 2 {
		t.Errorf("%d shocks are remembered after a month", len(shocks))
	}
}

// The history of prices is told from the shocks as [world.Facts] lists them, so
// the price of now has to be what they make of the market's in that order.
func TestFacts_shocksMakeThePrice(t *testing.T) {
	w := world.New(world.Config{Catalog: small(t), Market: still{}, Seed: 1, Origin: origin})
	for _, fault := range []world.InjectFault{
		{ID: "b", Effect: world.PriceShock{Permille: 100}}, {ID: "a", Effect: world.PriceShock{Permille: 10_000}},
		{ID: "c", Effect: world.PriceShock{Permille: 700}, Duration: time.Hour},
	} {
		if _, err := w.Apply(w.Now(), fault); err != nil {
			t.Fatal(err)
		}
		for _, restored := range []*world.World{w, world.Restore(world.Config{Catalog: small(t), Market: still{}, Seed: 1, Origin: origin}, w.State())} {
			price := int64(200_000)
			for _, shock := range restored.Facts().Shocks {
				price = shock.Effect.Price(price, 1_000_000)
			}
			if got := restored.Stock(1).Price; got != price {
				t.Errorf("after %s the price is %d, the shocks make it %d", fault.ID, got, price)
			}
		}
	}
}

// A shock in a tick whose prices nobody had asked for changes them all the same.
func TestTake_tellsOfAShockInAQuietMarket(t *testing.T) {
	w := world.New(world.Config{Catalog: small(t), Market: still{}, Seed: 1, Origin: origin})
	w.Advance(origin.Add(time.Hour))
	w.Take()
	shock := world.InjectFault{ID: "a", Effect: world.PriceShock{Pools: world.Selector{ZoneID: "cn-test-d"}, Permille: 2_000}}
	if _, err := w.Apply(w.Now(), shock); err != nil {
		t.Fatal(err)
	}
	if offers := w.Take().Offers; len(offers) != 2 {
		t.Errorf("the offers %v have changed", offers)
	}
}

// A batch that is asked for again tells that it was done, also of an instance
// that is gone since.
func TestStop_answersTheSameWhenTheInstanceIsGone(t *testing.T) {
	w := world.New(world.Config{Catalog: small(t), Market: still{}, Seed: 1, Origin: origin})
	if _, err := w.Apply(origin, world.Launch{AccountID: "default", RequestID: "a", Pool: world.Pool{Offer: 1}, Amount: 2, MinAmount: 2}); err != nil {
		t.Fatal(err)
	}
	w.Advance(origin.Add(time.Minute))
	stop := world.Stop{Batch: world.Batch{AccountID: "default", RequestID: "s", Numbers: []uint64{1, 2}}}
	if _, err := w.Apply(w.Now(), stop); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Apply(w.Now(), world.Release{AccountID: "default", Numbers: []uint64{2}}); err != nil {
		t.Fatal(err)
	}
	again, err := w.Apply(w.Now(), stop)
	if err != nil || again.Changed || again.Outcomes[0] != (world.Outcome{Before: world.Stopping, After: world.Stopping}) || again.Outcomes[1] != (world.Outcome{}) {
		t.Errorf("got %+v, %v", again, err)
	}
}
