package world_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/seed-198b1370/muster/services/fleetsim/catalog"
	"github.com/seed-198b1370/muster/services/fleetsim/market"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// bytesPerInstance is what one of 100,000 live instances may take, with its
// indexes, tags, timers and the memory of the request that launched it.
const bytesPerInstance = 400

// populate launches n instances into a world without rival demand, perCall a
// call, with a tag for the group, one for the launch and one for all.
func populate(t testing.TB, n, perCall int) *world.World {
	t.Helper()
	c, err := catalog.Default()
	if err != nil {
		t.Fatal(err)
	}
	m, err := market.New(c, 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	w := world.New(world.Config{Catalog: c, Market: m, Seed: 1, Origin: origin})
	offer, now := int32(0), origin
	for call := 0; w.Live() < n; call++ {
		_, err := w.Apply(now, world.Launch{
			AccountID: "default", RequestID: fmt.Sprint("request-", call), Pool: world.Pool{Offer: offer, Spot: call%5 > 0},
			Amount: int32(perCall), MinAmount: int32(perCall),
			Tags: map[string]string{"muster:group": fmt.Sprintf("apg-%013d", call%100), "muster:launch": fmt.Sprintf("launch-%013d", call), "app": "web"},
		})
		if err != nil {
			offer++ // sold out
			if int(offer) == len(c.Offers()) {
				t.Fatalf("only %d instances fit", w.Live())
			}
		}
		now = now.Add(100 * time.Millisecond)
		w.Take()
	}
	w.Advance(now.Add(time.Minute))
	w.Take()
	return w
}

// large is a catalog of one pool, of a million instances.
func large(t testing.TB) *catalog.Catalog {
	t.Helper()
	c, err := catalog.Parse(strings.NewReader(
		"zone_id,instance_type,family,architecture,vcpus,memory_mib,gpus,pay_as_you_go_micros_per_hour,spot_base_permille,capacity_instances\n" +
			"cn-test-c,ecs.a.large,ecs.a,x86,2,4096,0,1000000,200,1000000\n"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func heapOf(build func() *world.World) (*world.World, uint64) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&before)
	w := build()
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&after)
	return w, after.HeapAlloc - before.HeapAlloc
}

func TestWorld_instanceIsSmall(t *testing.T) {
	for _, perCall := range []int{100, 10} {
		const n = 100_000
		w, bytes := heapOf(func() *world.World { return populate(t, n, perCall) })
		perInstance := float64(bytes) / float64(w.Live())
		t.Logf("%d a call: %.0f bytes an instance", perCall, perInstance)
		if perInstance > bytesPerInstance {
			t.Errorf("an instance takes %.0f bytes, %d are allowed", perInstance, bytesPerInstance)
		}
		runtime.KeepAlive(w)
	}
}

// TestWorld_optionsAreKeptOnce launches one by one, each launch with its own copy
// of the largest user data.
func TestWorld_optionsAreKeptOnce(t *testing.T) {
	const n = 2_000
	c := large(t)
	w, bytes := heapOf(func() *world.World {
		w := world.New(world.Config{Catalog: c, Market: still{price: map[int]map[int64]int64{0: {0: 200_000}}}, Seed: 1, Origin: origin})
		for call := range n {
			launch := world.Launch{
				AccountID: "default", RequestID: fmt.Sprint("own-", call), Pool: world.Pool{Offer: 0, Spot: call%2 > 0}, Amount: 1, MinAmount: 1,
				Attributes: world.Attributes{Options: world.Share(world.Options{ImageID: "i", UserData: strings.Repeat("dXNl", 10_900)})},
			}
			if _, err := w.Apply(w.Now(), launch); err != nil {
				t.Fatal(err)
			}
			w.Take()
		}
		return w
	})
	if perInstance := float64(bytes) / n; perInstance > 5*bytesPerInstance {
		t.Errorf("an instance takes %.0f bytes beside the options that all have", perInstance)
	}
	runtime.KeepAlive(w)
}

func BenchmarkWorld_memory(b *testing.B) {
	for _, perCall := range []int{100, 1} {
		b.Run(fmt.Sprintf("%dPerCall", perCall), func(b *testing.B) {
			for b.Loop() {
				w, bytes := heapOf(func() *world.World { return populate(b, 100_000, perCall) })
				b.ReportMetric(float64(bytes)/float64(w.Live()), "bytes/instance")
			}
		})
	}
}

// BenchmarkWorld_groupAmongMany lists one group's 1,000 instances among
// 100,000.
func BenchmarkWorld_groupAmongMany(b *testing.B) {
	w := populate(b, 100_000, 100)
	tags := []world.Tag{{Key: "muster:group", Value: fmt.Sprintf("apg-%013d", 7)}}
	for b.Loop() {
		page := w.List(world.Query{AccountID: "default", Tags: tags, Limit: 250})
		seen := len(page.Listed)
		for page.Next != 0 {
			page = w.List(world.Query{AccountID: "default", Tags: tags, After: page.Next, Limit: 250})
			seen += len(page.Listed)
		}
		if seen < 700 || seen > 1300 {
			b.Fatal(seen)
		}
	}
}

func BenchmarkWorld_launch100(b *testing.B) {
	w := populate(b, 100_000, 100)
	now := w.Now()
	c, err := catalog.Default()
	if err != nil {
		b.Fatal(err)
	}
	offer, _ := c.Find("cn-shenzhen-f", "ecs.u1-c1m1.large")
	for call := 0; b.Loop(); call++ {
		answer, err := w.Apply(now, world.Launch{AccountID: "default", RequestID: fmt.Sprint("bench-", call), Pool: world.Pool{Offer: int32(offer)}, Amount: 100, MinAmount: 100})
		if err != nil {
			b.Fatal(err)
		}
		var numbers []uint64
		for n := range uint64(100) {
			numbers = append(numbers, answer.First+n)
		}
		if _, err := w.Apply(now, world.Release{AccountID: "default", Numbers: numbers}); err != nil {
			b.Fatal(err)
		}
		w.Take()
	}
}

// BenchmarkWorld_protectionEnds lets the protection of many instances of one
// pool end at one moment, at a price above their bid. What an instance costs is
// the same for few and for many.
func BenchmarkWorld_protectionEnds(b *testing.B) {
	c := large(b)
	m := still{price: map[int]map[int64]int64{0: {6: 500_000}}}
	for _, n := range []int{1_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				w := world.New(world.Config{Catalog: c, Market: m, Seed: 1, Origin: origin})
				for call := range n / 100 {
					launch := world.Launch{
						AccountID: "default", RequestID: fmt.Sprint(call), Pool: world.Pool{Offer: 0, Spot: true},
						Amount: 100, MinAmount: 100, MaxPrice: 400_000,
					}
					if _, err := w.Apply(origin, launch); err != nil {
						b.Fatal(err)
					}
				}
				w.Advance(origin.Add(world.Protection - 1))
				w.Take()
				b.StartTimer()
				w.Advance(origin.Add(world.Protection))
				if noticed := len(w.Take().Transitions); noticed != n {
					b.Fatalf("%d of %d instances were noticed", noticed, n)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/instance")
		})
	}
}

// BenchmarkWorld_account tells about an account, and refuses it a launch as it
// owes. It costs the same for few instances and for many.
func BenchmarkWorld_account(b *testing.B) {
	for _, n := range []int{10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			w := populate(b, n, 100)
			if _, err := w.Apply(w.Now(), world.Deposit{AccountID: "default", RequestID: "d", Micros: -1e15}); err != nil {
				b.Fatal(err)
			}
			launch := world.Launch{AccountID: "default", RequestID: "one more", Amount: 1, MinAmount: 1}
			for b.Loop() {
				if account, _ := w.AccountOf("default"); !account.Overdue {
					b.Fatal(account)
				}
				if _, err := w.Apply(w.Now(), launch); err == nil {
					b.Fatal("launched")
				}
			}
		})
	}
}

// What waited for instances that are gone is forgotten, long before it would
// have been due.
func TestWorld_forgetsWhatWaitedForTheGone(t *testing.T) {
	w := populate(t, 100, 100)
	heap := func() uint64 {
		var stats runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&stats)
		return stats.HeapAlloc
	}
	before, last := uint64(0), uint64(0)
	for round := range 26 {
		if round == 6 { // as many bills are kept as there can be
			before = heap()
		}
		first := w.LastNumber() + 1
		for call := range 200 {
			launch := world.Launch{AccountID: "default", RequestID: fmt.Sprint(round, "-", call), Pool: world.Pool{Offer: int32(call), Spot: true}, Amount: 100, MinAmount: 1}
			if _, err := w.Apply(w.Now(), launch); err != nil {
				t.Fatal(err)
			}
		}
		w.Advance(w.Now().Add(30 * time.Second))
		for last = w.LastNumber(); first <= last; first++ {
			if _, err := w.Apply(w.Now(), world.Release{AccountID: "default", Numbers: []uint64{first}}); err != nil {
				t.Fatal(err)
			}
		}
		w.Take()
	}
	grown := int64(heap() - before)
	t.Logf("%d instances later %d bytes more are held", last, grown)
	if grown > 5<<20 { // that of requests grows, that of bills varies
		t.Errorf("%d instances that are gone left %d bytes", last, grown)
	}
	runtime.KeepAlive(w)
}
