package bench_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/seed-198b1370/muster/services/fleetsim/catalog"
	"github.com/seed-198b1370/muster/services/fleetsim/market"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// offersOfRegion is how many offers a large region has: with two billing
// methods 5,000 pools.
const offersOfRegion = 2_500

// region is a catalog of 2,500 offers in five zones, each with room for 2,000
// instances.
func region(tb testing.TB) *catalog.Catalog {
	tb.Helper()
	var csv strings.Builder
	csv.WriteString("zone_id,instance_type,family,architecture,vcpus,memory_mib,gpus,pay_as_you_go_micros_per_hour,spot_base_permille,capacity_instances\n")
	for i := range offersOfRegion {
		kind := i / 5
		fmt.Fprintf(&csv, "cn-large-%c,ecs.f%d.s%d,ecs.f%d,x86,2,4096,0,%d,%d,2000\n", 'a'+i%5, kind/10, kind%10, kind/10, 300_000+1_000*kind, 150+kind)
	}
	sold, err := catalog.Parse(strings.NewReader(csv.String()))
	if err != nil {
		tb.Fatal(err)
	}
	return sold
}

// largeWorld is a world of a million running instances, four of five of them
// spot, half of those with a bid, in groups of 1,000.
func largeWorld(tb testing.TB, sold *catalog.Catalog, instances int) *world.World {
	tb.Helper()
	moving, err := market.New(sold, 1, 1_000_000)
	if err != nil {
		tb.Fatal(err)
	}
	now := world.InstantOf(time.Date(2026, 11, 16, 8, 0, 0, 0, time.UTC))
	w := world.New(world.Config{Catalog: sold, Market: moving, Seed: 1, Origin: now})
	for call := 0; w.Live() < instances; call++ {
		launch := world.Launch{
			AccountID: world.DefaultAccountID, RequestID: fmt.Sprint("r", call),
			Pool: world.Pool{Offer: int32(call % offersOfRegion), Spot: call%5 > 0}, Amount: 100, MinAmount: 1,
			Tags: map[string]string{"muster:group": fmt.Sprint("apg-", call/10), "muster:launch": fmt.Sprint("l-", call)},
		}
		if launch.Pool.Spot && call%2 == 0 {
			launch.MaxPrice = sold.Offers()[launch.Pool.Offer].PayAsYouGoMicros
		}
		// A pool that happens to be sold out is passed over.
		_, _ = w.Apply(now, launch)
		w.Take()
	}
	w.Advance(now.Add(2 * time.Hour)) // beyond every protection
	w.Take()
	return w
}

// One tick of the market over all pools of a region with a million running
// instances takes at most 10 ms of one core: prices, demand, and who is to be
// reclaimed by them.
func BenchmarkBarMarketTick(b *testing.B) {
	w := largeWorld(b, region(b), 1_000_000)
	const ticks = 50
	var took []float64
	for range ticks {
		next := world.Instant(int64(w.Now())/int64(market.Tick)*int64(market.Tick)) + world.Instant(market.Tick)
		w.Advance(next - 1)
		w.Take()
		took = append(took, 1e3*seconds(func() {
			w.Advance(next)
			for offer := range int32(offersOfRegion) {
				_ = w.Stock(offer)
			}
		}))
		w.Take()
	}
	typical := median(took)
	bar("market_tick_ms_over_5000_pools_1m_instances", fmt.Sprintf("%.2f", typical), "<=10", typical <= 10)
}
