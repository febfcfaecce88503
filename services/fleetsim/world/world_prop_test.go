package world_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/seed-198b1370/muster/services/fleetsim/catalog"
	"github.com/seed-198b1370/muster/services/fleetsim/market"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// wild is a market whose price and demand jump at every tick.
type wild struct {
	seed    uint64
	catalog *catalog.Catalog
}

func (m wild) draw(offer int, tick int64, purpose uint64) int64 {
	x := m.seed ^ uint64(tick)*0x9e3779b97f4a7c15 ^ (uint64(offer)*7+purpose)*0xd1b54a32d192ed03
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return int64((x ^ x>>31) % 1000)
}

func (m wild) Ticks() (int64, time.Duration) { return 0, market.Tick }

func (m wild) Price(offer int, tick int64) int64 {
	return m.catalog.Offers()[offer].PayAsYouGoMicros * (100 + m.draw(offer, tick, 1)*900/999) / 1000
}

func (m wild) Demand(offer int, tick int64) int64 {
	share := m.draw(offer, tick, 2)
	if share < 700 {
		share /= 4
	}
	return m.catalog.Offers()[offer].Capacity * share * 12 / 10_000
}

// drawCommand makes a command that fits the small catalog. Request ids repeat
// on purpose.
func drawCommand(t *rapid.T) world.Command {
	pool := rapid.Custom(func(t *rapid.T) world.Pool {
		return world.Pool{Offer: int32(rapid.IntRange(0, 2).Draw(t, "offer")), Spot: rapid.IntRange(0, 3).Draw(t, "spot") > 0}
	})
	number := rapid.Uint64Range(1, 150)
	switch rapid.IntRange(0, 9).Draw(t, "command") {
	case 0:
		return world.Release{AccountID: "default", Numbers: rapid.SliceOfN(number, 1, 20).Draw(t, "numbers")}
	case 1:
		return world.Retag{AccountID: "default", Numbers: rapid.SliceOfNDistinct(number, 1, 3, rapid.ID).Draw(t, "numbers"), Set: map[string]string{"group": rapid.SampledFrom([]string{"g1", "g2", "g3"}).Draw(t, "group")}}
	case 2:
		return world.Reclaim{Numbers: rapid.SliceOfNDistinct(number, 1, 10, rapid.ID).Draw(t, "numbers"), Max: int32(rapid.IntRange(0, 3).Draw(t, "max"))}
	case 3:
		return world.Reclaim{ByPool: true, Offers: []int32{int32(rapid.IntRange(0, 2).Draw(t, "offer"))}, Max: int32(rapid.IntRange(0, 9).Draw(t, "max"))}
	case 4:
		return world.SetDrained{Pools: []world.Pool{pool.Draw(t, "pool")}, Drained: rapid.Bool().Draw(t, "drained")}
	default:
		amount := int32(rapid.IntRange(1, 30).Draw(t, "amount"))
		launch := world.Launch{
			AccountID: "default", RequestID: fmt.Sprint("r", rapid.IntRange(1, 30).Draw(t, "request")), Pool: pool.Draw(t, "pool"),
			Amount: amount, MinAmount: int32(rapid.IntRange(1, int(amount)).Draw(t, "least")),
			Tags: map[string]string{"group": rapid.SampledFrom([]string{"g1", "g2"}).Draw(t, "group")},
		}
		if launch.Pool.Spot {
			launch.Unprotected = rapid.Bool().Draw(t, "unprotected")
			launch.MaxPrice = rapid.SampledFrom([]int64{0, 0, 400_000, 700_000, 1_500_000}).Draw(t, "bid")
		}
		return launch
	}
}

// pauses are lengths of time between commands, in seconds.
var pauses = rapid.OneOf(rapid.Int64Range(0, 30), rapid.Int64Range(0, 3600), rapid.SampledFrom([]int64{300, 3600, 86_400}))

func TestWorld_keepsItsRules_Prop(t *testing.T) {
	c := small(t)
	rapid.Check(t, func(t *rapid.T) {
		m := wild{rapid.Uint64().Draw(t, "seed"), c}
		w := world.New(world.Config{Catalog: c, Market: m, Seed: m.seed, Origin: origin})
		watch := watcher{t: t, noticed: map[uint64]world.Transition{}, numbers: map[uint64]uint32{}, market: m, catalog: c}
		answers := map[string]world.Answer{}
		for range rapid.IntRange(1, 40).Draw(t, "commands") {
			// Tick by tick, so that the rules are held at every step.
			to := w.Now().Add(time.Duration(pauses.Draw(t, "pause")) * time.Second)
			for w.NextDue() < to {
				w.Advance(w.NextDue())
				watch.check(w)
			}
			command := drawCommand(t)
			live := w.Live()
			answer, err := w.Apply(to, command)
			if launch, ok := command.(world.Launch); ok && err == nil {
				// S1: the same request launches nothing more.
				key := fmt.Sprint(launch)
				if before, ok := answers[key]; ok && (answer.First != before.First || answer.Launched != before.Launched || answer.Changed) {
					t.Errorf("S1: the same launch answered %+v, then %+v", before, answer)
				}
				answers[key] = answer
			}
			if err != nil && w.Live() > live {
				t.Errorf("S1: a refused command left %d instances more", w.Live()-live)
			}
			watch.check(w)
		}
	})
}

// watcher holds transitions and stocks against the rules.
type watcher struct {
	t        *rapid.T
	sequence uint64
	time     world.Instant
	noticed  map[uint64]world.Transition
	numbers  map[uint64]uint32 // transitions by instance
	market   wild
	catalog  *catalog.Catalog
}

func (c *watcher) check(w *world.World) {
	for _, transition := range w.Take().Transitions {
		c.sequence++
		c.step(transition)
	}
	if c.sequence != w.Sequence() {
		c.t.Fatalf("%d transitions seen, the last has number %d", c.sequence, w.Sequence())
	}
	page := w.List(world.Query{AccountID: "default", Limit: 1 << 20}).Listed
	used := map[int32]int64{}
	for _, listed := range page {
		used[listed.Instance.Offer]++
	}
	for offer := range c.catalog.Offers() {
		s := w.Stock(int32(offer))
		if s.Used+s.Free+s.Others != s.Capacity || s.Free < 0 || s.Others < 0 || s.Used != used[int32(offer)] {
			c.t.Fatalf("S9: offer %d with %d instances: %+v", offer, used[int32(offer)], s)
		}
	}
}

func (c *watcher) step(transition world.Transition) {
	i := transition.Instance
	c.numbers[i.Number]++
	if i.Transitions != c.numbers[i.Number] || transition.Time < c.time {
		c.t.Fatalf("transition out of order: %+v", transition)
	}
	c.time = transition.Time
	list := c.catalog.Offers()[i.Offer].PayAsYouGoMicros
	if transition.Price > list || i.MaxPrice > 0 && transition.Price > i.MaxPrice || !i.Spot && transition.Price != list {
		c.t.Errorf("price %d, list price %d, bid %d", transition.Price, list, i.MaxPrice)
	}
	switch transition.Kind {
	case world.KindNotice:
		c.notice(transition)
	case world.KindReleased:
		notice, ok := c.noticed[i.Number]
		switch {
		case transition.Reason == world.ReasonRequested:
		case !ok:
			c.t.Errorf("S10: released without notice: %+v", transition)
		case transition.Time != notice.Time.Add(5*time.Minute) || transition.Reason != notice.Reason:
			c.t.Errorf("S10: noticed %v, released %v", notice, transition)
		}
		delete(c.noticed, i.Number)
	default:
	}
}

func (c *watcher) notice(transition world.Transition) {
	i := transition.Instance
	if !i.Spot || transition.Time < i.ProtectionEnd() {
		c.t.Errorf("S10: reclaimed inside the protection: %+v", transition)
	}
	if _, twice := c.noticed[i.Number]; twice {
		c.t.Errorf("noticed twice: %+v", transition)
	}
	c.noticed[i.Number] = transition
	tick := market.TickOf(int64(transition.Time))
	if price := c.market.Price(int(i.Offer), tick); transition.Reason == world.ReasonPriceAboveBid && (i.MaxPrice == 0 || price <= i.MaxPrice) {
		c.t.Errorf("reclaimed at price %d with bid %d", price, i.MaxPrice)
	}
}

// TestWorld_sameHistory_Prop holds that the world is a function of its commands:
// how often time is advanced, and whether the world was put away and restored
// on the way, makes no difference.
func TestWorld_sameHistory_Prop(t *testing.T) {
	c := small(t)
	rapid.Check(t, func(t *rapid.T) {
		m := wild{rapid.Uint64().Draw(t, "seed"), c}
		plain, other := world.New(world.Config{Catalog: c, Market: m, Seed: m.seed, Origin: origin}), world.New(world.Config{Catalog: c, Market: m, Seed: m.seed, Origin: origin})
		now := origin
		var expected, got []world.Transition
		for range rapid.IntRange(1, 30).Draw(t, "commands") {
			pause := time.Duration(pauses.Draw(t, "pause")) * time.Second
			for range rapid.IntRange(0, 3).Draw(t, "looks") {
				other.Advance(now.Add(pause * time.Duration(rapid.IntRange(0, 100).Draw(t, "part")) / 100))
			}
			got = append(got, other.Take().Transitions...)
			if rapid.Bool().Draw(t, "restore") {
				other = world.Restore(world.Config{Catalog: c, Market: m, Seed: m.seed, Origin: origin}, other.State())
			}
			now = now.Add(pause)
			command := drawCommand(t)
			answer, err := plain.Apply(now, command)
			answerOther, errOther := other.Apply(now, command)
			if diff := cmp.Diff(answer, answerOther); diff != "" || fmt.Sprint(err) != fmt.Sprint(errOther) {
				t.Fatalf("%T: %v, %v: %s", command, err, errOther, diff)
			}
			expected, got = append(expected, plain.Take().Transitions...), append(got, other.Take().Transitions...)
		}
		if diff := cmp.Diff(plainTransitions(expected), plainTransitions(got)); diff != "" {
			t.Fatal(diff)
		}
	})
}

// plainTransitions makes transitions comparable: tags and accounts are shared
// pointers, other in each world.
func plainTransitions(transitions []world.Transition) []string {
	var all []string
	for _, tr := range transitions {
		tags, account := tr.Instance.Tags.Map(), tr.Instance.Account.ID()
		tr.Instance.Tags, tr.Instance.Account = nil, nil
		all = append(all, fmt.Sprintf("%+v %v %v", tr, tags, account))
	}
	return all
}

// TestReclaim_takesNoMoreThanOthersNeed_Prop holds that demand takes the lowest
// bids first, then the oldest, and never more than are needed.
func TestReclaim_takesNoMoreThanOthersNeed_Prop(t *testing.T) {
	c := small(t)
	rapid.Check(t, func(t *rapid.T) {
		demand := rapid.Int64Range(0, 50).Draw(t, "demand")
		m := still{demand: map[int]map[int64]int64{1: {0: 0, 1: demand}}}
		w := world.New(world.Config{Catalog: c, Market: m, Seed: 1, Origin: origin})
		for i := range rapid.IntRange(1, 10).Draw(t, "launches") {
			pool := world.Pool{Offer: 1, Spot: rapid.Bool().Draw(t, "spot")}
			launch := world.Launch{AccountID: "default", RequestID: fmt.Sprint(i), Pool: pool, Amount: 4, MinAmount: 4}
			if pool.Spot {
				launch.Unprotected = true
				launch.MaxPrice = rapid.SampledFrom([]int64{0, 300_000, 500_000}).Draw(t, "bid")
			}
			if _, err := w.Apply(origin, launch); err != nil {
				t.Fatal(err)
			}
		}
		page := w.List(world.Query{AccountID: "default", Limit: 1000}).Listed
		w.Take()
		w.Advance(origin.Add(5 * time.Minute))
		var taken []world.Instance
		for _, transition := range w.Take().Transitions {
			if transition.Kind == world.KindNotice {
				taken = append(taken, transition.Instance)
			}
		}
		spot := 0
		for _, listed := range page {
			if listed.Instance.Spot {
				spot++
			}
		}
		need := max(0, int(demand)+len(page)-40)
		if len(taken) != min(need, spot) {
			t.Fatalf("others need %d, there are %d spot instances, %d were taken", need, spot, len(taken))
		}
		bid := func(i world.Instance) int64 {
			if i.MaxPrice == 0 {
				return 1_000_000
			}
			return i.MaxPrice
		}
		for _, taken := range taken {
			for _, left := range page {
				i := left.Instance
				_, noticed := find(w, i.Number)
				if i.Spot && !noticed && (bid(i) < bid(taken) || bid(i) == bid(taken) && i.Number < taken.Number) {
					t.Fatalf("%d (bid %d) was taken, %d (bid %d) was left", taken.Number, bid(taken), i.Number, bid(i))
				}
			}
		}
	})
}

// find looks an instance up and tells whether it is noticed.
func find(w *world.World, number uint64) (world.Instance, bool) {
	page := w.List(world.Query{AccountID: "default", ByNumber: true, Numbers: []uint64{number}, Limit: 1}).Listed
	return page[0].Instance, page[0].Instance.Noticed != 0
}
