package world_test

import (
	"fmt"
	"slices"
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
	if rapid.IntRange(0, 2).Draw(t, "kind") == 0 {
		return drawLater(t, number)
	}
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
			launch.StopOnReclaim = rapid.Bool().Draw(t, "stop")
		}
		if rapid.IntRange(0, 3).Draw(t, "disks") == 0 {
			launch.Disks = []world.DiskRequest{
				{Categories: []world.DiskCategory{world.DiskCloudESSD}, SizeGiB: 40, System: true, Keep: rapid.Bool().Draw(t, "keep")},
				{Categories: []world.DiskCategory{world.DiskCloudSSD, world.DiskCloud}, SizeGiB: 20, Keep: rapid.Bool().Draw(t, "keepData")},
			}
		}
		launch.Attributes.Name = rapid.SampledFrom([]string{"", "", "n", "n[7,2]s"}).Draw(t, "name")
		launch.Attributes.UniqueSuffix = rapid.Bool().Draw(t, "suffix")
		launch.Attributes.Options = world.Share(world.Options{UserData: rapid.SampledFrom([]string{"", "", "a", "b"}).Draw(t, "user data")})
		return launch
	}
}

// drawLater makes a command about instances and disks that are there, or about
// the world itself.
func drawLater(t *rapid.T, number *rapid.Generator[uint64]) world.Command {
	batch := func() world.Batch {
		return world.Batch{
			AccountID: "default", RequestID: rapid.SampledFrom([]string{"", "p1", "p2", "p3"}).Draw(t, "power"),
			Numbers:    rapid.SliceOfNDistinct(number, 1, 10, rapid.ID).Draw(t, "numbers"),
			BestEffort: rapid.IntRange(0, 3).Draw(t, "effort") > 0, DryRun: rapid.IntRange(0, 9).Draw(t, "dry") == 0,
		}
	}
	disk := func() world.DiskID {
		return world.DiskID{Number: number.Draw(t, "diskOf"), Place: uint8(rapid.IntRange(0, 1).Draw(t, "place"))}
	}
	selector := world.Selector{ZoneID: rapid.SampledFrom([]string{"", "cn-test-c", "cn-test-d"}).Draw(t, "zone")}
	switch rapid.IntRange(0, 12).Draw(t, "later") {
	case 0, 1:
		return world.Stop{Batch: batch(), Economical: rapid.Bool().Draw(t, "economical")}
	case 2, 3:
		return world.Start{Batch: batch()}
	case 4:
		return world.Reboot{Batch: batch()}
	case 5:
		return world.Fail{ByPool: true, Pools: []world.Pool{{Offer: 1, Spot: true}, {Offer: 2}}, Max: 5, Failure: world.Failure(rapid.IntRange(1, 5).Draw(t, "failure"))}
	case 6:
		return world.AttachDisk{AccountID: "default", Disk: disk(), Number: number.Draw(t, "to"), Keep: rapid.Bool().Draw(t, "keep")}
	case 7:
		return world.DetachDisk{AccountID: "default", Disk: disk()}
	case 8:
		return world.DeleteDisk{AccountID: "default", Disk: disk()}
	case 9:
		return world.InjectFault{
			ID: rapid.SampledFrom([]string{"f1", "f2", "f3"}).Draw(t, "fault"), Duration: time.Duration(rapid.IntRange(0, 5000).Draw(t, "lasts")) * time.Second,
			Effect: rapid.SampledFrom([]world.Effect{
				world.PriceShock{Pools: selector, Permille: 3000}, world.PriceShock{Pools: selector, Permille: 100},
				world.ZoneOutage{ZoneID: "cn-test-c"}, world.ZoneOutage{ZoneID: "cn-test-d"}, world.SlowLaunch{Pools: selector, Permille: 20_000},
				world.LaunchRefusal{Pools: selector, Refusal: 1}, world.DiskShortage{Category: world.DiskCloudSSD},
			}).Draw(t, "effect"),
		}
	case 10:
		return world.ClearFaults{}
	case 11:
		protect := rapid.IntRange(0, 3).Draw(t, "protect") == 0
		return world.Describe{AccountID: "default", Number: number.Draw(t, "described"), DeletionProtection: &protect}
	default:
		return rapid.SampledFrom([]world.Command{
			world.Deposit{AccountID: "default", RequestID: fmt.Sprint("d", rapid.IntRange(1, 50).Draw(t, "deposit")), Micros: rapid.Int64Range(0, 40_000_000).Draw(t, "micros")},
			world.SetAccount{AccountID: "default", Settings: world.AccountSettings{PayAsYouGoVCPUs: 60, SpotVCPUs: 90}},
			world.SetAccount{AccountID: "default", Settings: world.Unlimited()},
		}).Draw(t, "money")
	}
}

// pauses are lengths of time between commands, in seconds.
var pauses = rapid.OneOf(rapid.Int64Range(0, 30), rapid.Int64Range(0, 3600), rapid.SampledFrom([]int64{300, 3600, 86_400}))

func TestWorld_keepsItsRules_Prop(t *testing.T) {
	c := small(t)
	rapid.Check(t, func(t *rapid.T) {
		m := wild{rapid.Uint64().Draw(t, "seed"), c}
		w := world.New(world.Config{Catalog: c, Market: m, Seed: m.seed, Origin: origin, CostTagKeys: []string{"group"}})
		watch := newWatcher(t, c)
		answers := map[string]world.Answer{}
		for range rapid.IntRange(1, 40).Draw(t, "commands") {
			// Tick by tick, so that the rules are held at every step.
			to := w.Now().Add(time.Duration(pauses.Draw(t, "pause")) * time.Second)
			for w.NextDue() < to {
				w.Advance(w.NextDue())
				watch.check(w)
			}
			w.Advance(to)
			watch.check(w)
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
			if err != nil && (w.Live() != live || answer.Launched > 0) {
				t.Errorf("S1: a refused command left %d instances more", w.Live()-live)
			}
			watch.check(w)
		}
	})
}

// watcher holds transitions, stocks and bills against the rules.
type watcher struct {
	t        *rapid.T
	sequence uint64
	time     world.Instant
	before   map[uint64]world.Instance // by number: as after its last transition
	catalog  *catalog.Catalog

	looked world.Instant
	prices map[uint64]int64 // of live instances, since looked
	bills  map[uint64]int64 // in micro-units an hour times seconds
}

func newWatcher(t *rapid.T, c *catalog.Catalog) *watcher {
	return &watcher{
		t: t, catalog: c, before: map[uint64]world.Instance{}, looked: origin,
		prices: map[uint64]int64{}, bills: map[uint64]int64{},
	}
}

// check is called whenever anything can have happened; nothing has between two
// calls but at the time of the second.
func (c *watcher) check(w *world.World) {
	second := int64(w.Now())/1e9 - int64(c.looked)/1e9
	for number, price := range c.prices {
		c.bills[number] += price * second
	}
	for transition := range w.Take().All() {
		c.sequence++
		c.step(transition)
	}
	if c.sequence != w.Sequence() {
		c.t.Fatalf("%d transitions seen, the last has number %d", c.sequence, w.Sequence())
	}
	if findings := w.Audit(3); len(findings) > 0 {
		c.t.Fatalf("%v", findings)
	}
	c.checkBills(w)
}

// checkBills holds that a bill is the integral of the price over time (S9).
func (c *watcher) checkBills(w *world.World) {
	c.looked = w.Now()
	clear(c.prices)
	counted := map[world.CountKey]int64{}
	for _, listed := range w.List(world.Query{AccountID: "default", Limit: 1 << 20}).Listed {
		i := listed.Instance
		c.prices[i.Number] = listed.Price
		counted[world.CountKey{Pool: world.Pool{Offer: i.Offer, Spot: i.Spot}, Status: i.Status, Health: i.Health, Noticed: i.Noticed != 0}]++
	}
	var sum int64
	for number, raw := range c.bills {
		sum += raw
		bill, err := w.BillOf("default", number)
		if err != nil || bill.ComputeMicros != raw/3600 {
			c.t.Fatalf("S9: instance %d was billed %d micros, %v; the integral of its price is %d", number, bill.ComputeMicros, err, raw/3600)
		}
	}
	if all := w.BillOfAll("default"); all.ComputeMicros != sum/3600 {
		c.t.Fatalf("S9: the account was billed %d micros, its instances %d", all.ComputeMicros, sum/3600)
	}
	var pools int64
	for offer := range c.catalog.Offers() {
		for _, spot := range []bool{false, true} {
			pools += w.BillOfPool("default", world.Pool{Offer: int32(offer), Spot: spot}).Instances
		}
	}
	var counts int64
	for _, count := range w.Count(world.CountQuery{AccountID: "default"}) {
		counts += count.Instances
		if counted[count.CountKey] != count.Instances {
			c.t.Fatalf("counted %+v, there are %d", count, counted[count.CountKey])
		}
	}
	if live := int64(len(c.prices)); pools != live || counts != live {
		c.t.Fatalf("%d instances are listed, %d in bills of pools, %d counted", live, pools, counts)
	}
}

// successors is the life cycle: which status can follow which.
var successors = map[world.Status][]world.Status{
	world.Pending:  {world.Pending, world.Starting, world.Stopping, world.Stopped, world.Released},
	world.Starting: {world.Starting, world.Running, world.Stopping, world.Stopped, world.Released},
	world.Running:  {world.Running, world.Starting, world.Stopping, world.Stopped, world.Released},
	world.Stopping: {world.Stopping, world.Stopped, world.Released},
	world.Stopped:  {world.Stopped, world.Starting, world.Released},
}

func (c *watcher) step(transition world.Transition) {
	i := transition.Instance
	before, known := c.before[i.Number]
	if i.Transitions != before.Transitions+1 || transition.Time < c.time || known != (transition.Kind != world.KindCreated) {
		c.t.Fatalf("transition out of order: %+v", transition)
	}
	if known && !slices.Contains(successors[before.Status], i.Status) {
		c.t.Errorf("status %d follows status %d", i.Status, before.Status)
	}
	c.time = transition.Time
	list := c.catalog.Offers()[i.Offer].PayAsYouGoMicros
	if transition.Price > list || i.MaxPrice > 0 && transition.Price > i.MaxPrice {
		c.t.Errorf("price %d, list price %d, bid %d", transition.Price, list, i.MaxPrice)
	}
	switch {
	case transition.Kind == world.KindNotice:
		c.notice(transition, before)
	case transition.Kind == world.KindReleased || before.Noticed != 0 && i.Noticed == 0:
		c.taken(transition, before)
	}
	c.before[i.Number] = i
	if transition.Kind == world.KindReleased {
		delete(c.before, i.Number)
	}
}

// notice holds that only spot is reclaimed, once, and never in its protection.
func (c *watcher) notice(transition world.Transition, before world.Instance) {
	i := transition.Instance
	if !i.Spot || transition.Time < i.ProtectionEnd() || i.Noticed != transition.Time {
		c.t.Errorf("S10: reclaimed inside the protection: %+v", transition)
	}
	if before.Noticed != 0 {
		c.t.Errorf("noticed twice: %+v", transition)
	}
	if transition.Reason == world.ReasonPriceAboveBid && i.MaxPrice == 0 {
		c.t.Errorf("reclaimed by price without a bid: %+v", transition)
	}
}

// taken holds that what is taken back is so exactly five minutes after its
// notice, released or stopped as its interruption behaviour says.
func (c *watcher) taken(transition world.Transition, before world.Instance) {
	released := transition.Kind == world.KindReleased
	switch {
	case transition.Reason == world.ReasonRequested && released:
	case before.Noticed == 0:
		c.t.Errorf("S10: taken back without notice: %+v", transition)
	case transition.Time != before.Noticed.Add(5*time.Minute) || transition.Reason != before.NoticeReason:
		c.t.Errorf("S10: noticed %v, taken back %+v", before.Noticed.Time(), transition)
	case released == before.StopOnReclaim:
		c.t.Errorf("released %v, to be stopped %v", released, before.StopOnReclaim)
	}
}

// TestWorld_sameHistory_Prop holds that the world is a function of its commands:
// how often time is advanced, and whether the world was put away and restored
// on the way, makes no difference.
func TestWorld_sameHistory_Prop(t *testing.T) {
	c := small(t)
	rapid.Check(t, func(t *rapid.T) {
		m := wild{rapid.Uint64().Draw(t, "seed"), c}
		plain, other := world.New(world.Config{Catalog: c, Market: m, Seed: m.seed, Origin: origin, CostTagKeys: []string{"group"}}), world.New(world.Config{Catalog: c, Market: m, Seed: m.seed, Origin: origin, CostTagKeys: []string{"group"}})
		now := origin
		var expected, got []world.Transition
		for range rapid.IntRange(1, 30).Draw(t, "commands") {
			pause := time.Duration(pauses.Draw(t, "pause")) * time.Second
			for range rapid.IntRange(0, 3).Draw(t, "looks") {
				other.Advance(now.Add(pause * time.Duration(rapid.IntRange(0, 100).Draw(t, "part")) / 100))
			}
			got = slices.AppendSeq(got, other.Take().All())
			if rapid.Bool().Draw(t, "restore") {
				other = world.Restore(world.Config{Catalog: c, Market: m, Seed: m.seed, Origin: origin, CostTagKeys: []string{"group"}}, other.State())
			}
			now = now.Add(pause)
			command := drawCommand(t)
			answer, err := plain.Apply(now, command)
			answerOther, errOther := other.Apply(now, command)
			if diff := cmp.Diff(answer, answerOther); diff != "" || fmt.Sprint(err) != fmt.Sprint(errOther) {
				t.Fatalf("%T: %v, %v: %s", command, err, errOther, diff)
			}
			expected, got = slices.AppendSeq(expected, plain.Take().All()), slices.AppendSeq(got, other.Take().All())
		}
		if diff := cmp.Diff(plainTransitions(expected), plainTransitions(got)); diff != "" {
			t.Fatal(diff)
		}
		if diff := cmp.Diff(account(plain), account(other)); diff != "" {
			t.Fatal(diff)
		}
	})
}

// account is what an account sees of a world, beside its instances.
func account(w *world.World) []any {
	disks, _ := w.Disks(world.DiskQuery{AccountID: "default", Limit: 1000})
	tagged, _ := w.BillOfTag("default", world.Tag{Key: "group", Value: "g1"})
	return []any{
		w.BillOfAll("default"), tagged, w.BillOfPool("default", world.Pool{Offer: 1, Spot: true}),
		w.Accounts(), disks, w.Count(world.CountQuery{AccountID: "default"}), w.Facts(), w.Audit(10),
	}
}

// plainTransitions makes transitions comparable: tags and accounts are shared
// pointers, other in each world.
func plainTransitions(transitions []world.Transition) []string {
	var all []string
	for _, tr := range transitions {
		tags, account := tr.Instance.Tags.Map(), tr.Instance.Account.ID()
		tr.Instance.Tags, tr.Instance.Account, tr.Instance.Disks, tr.Instance.Attributes = nil, nil, nil, nil
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
		for transition := range w.Take().All() {
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
