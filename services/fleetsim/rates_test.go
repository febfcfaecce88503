package fleetsim_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-198b1370/muster/pkg/clock"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim"
	"github.com/seed-198b1370/muster/services/fleetsim/catalog"
	"github.com/seed-198b1370/muster/services/fleetsim/scenario"
)

// mixed is a catalog of types with stock in plenty and of types without, in two
// zones.
func mixed(t testing.TB) *catalog.Catalog {
	t.Helper()
	var csv strings.Builder
	csv.WriteString("zone_id,instance_type,family,architecture,vcpus,memory_mib,gpus,pay_as_you_go_micros_per_hour,spot_base_permille,capacity_instances\n")
	for i := range 40 {
		fmt.Fprintf(&csv, "cn-mixed-%c,ecs.m%d.large,ecs.m%d,x86,2,4096,%d,300000,300,%d\n", 'a'+i%2, i/2, i/2, i/2%2, 1+5*i)
	}
	sold, err := catalog.Parse(strings.NewReader(csv.String()))
	if err != nil {
		t.Fatal(err)
	}
	return sold
}

// advised is the interruption rates that advice tells, by type and zone.
func (c *cloud) advised(sold *catalog.Catalog) map[string]int32 {
	c.t.Helper()
	rates := map[string]int32{}
	for some := range slices.Chunk(sold.InstanceTypes(), 10) {
		resp, err := c.fleet.ListSpotAdvice(c.t.Context(), &fleetv1.ListSpotAdviceRequest{InstanceTypes: some})
		if err != nil {
			c.t.Fatal(err)
		}
		for _, advice := range resp.GetAdvice() {
			rates[advice.GetInstanceType()+" "+advice.GetZoneId()] = advice.GetInterruptionPermille()
		}
	}
	return rates
}

// ratesOf is the interruption rates of spot pools. Those of pay-as-you-go have
// none.
func ratesOf(t testing.TB, pools []*fleetv1.Pool) map[string]int32 {
	t.Helper()
	rates := map[string]int32{}
	for _, pool := range pools {
		if told := pool.InterruptionPermille != nil; told != (pool.GetBillingMethod() == spot) {
			t.Errorf("%v", pool)
		}
		if pool.InterruptionPermille != nil {
			rates[pool.GetInstanceType()+" "+pool.GetZoneId()] = pool.GetInterruptionPermille()
		}
	}
	return rates
}

// listed is the interruption rates that lists of pools tell.
func (c *cloud) listed() map[string]int32 {
	c.t.Helper()
	rates := map[string]int32{}
	for token, first := "", true; first || token != ""; first = false {
		resp, err := c.fleet.ListPools(c.t.Context(), &fleetv1.ListPoolsRequest{PageSize: 250, PageToken: token})
		if err != nil {
			c.t.Fatal(err)
		}
		maps.Copy(rates, ratesOf(c.t, resp.GetPools()))
		token = resp.GetNextPageToken()
	}
	return rates
}

// poolReader follows a stream of pools.
type poolReader struct {
	t     testing.TB
	next  func() (*fleetv1.WatchPoolsResponse, error)
	rates map[string]int32 // as told last
	last  *fleetv1.WatchPoolsResponse
}

func (c *cloud) readPools() *poolReader {
	c.t.Helper()
	stream, err := c.fleet.WatchPools(c.t.Context(), &fleetv1.WatchPoolsRequest{})
	if err != nil {
		c.t.Fatal(err)
	}
	return &poolReader{t: c.t, next: stream.Recv, rates: map[string]int32{}}
}

// until reads responses until something holds, and gives the pools they told.
func (r *poolReader) until(holds func() bool) (told []*fleetv1.Pool) {
	r.t.Helper()
	for {
		var err error
		if r.last, err = r.next(); err != nil {
			r.t.Fatal(err)
		}
		told = append(told, r.last.GetPools()...)
		maps.Copy(r.rates, ratesOf(r.t, r.last.GetPools()))
		if holds() {
			return told
		}
	}
}

// from reads until the stream is current as of a time.
func (r *poolReader) from(at time.Time) (told []*fleetv1.Pool) {
	r.t.Helper()
	return r.until(func() bool { return !r.last.GetAsOfTime().AsTime().Before(at) })
}

// rest reads what else the stream has of a moment at which the clock stands: up
// to its next sign of life.
func (r *poolReader) rest() (told []*fleetv1.Pool) {
	r.t.Helper()
	return r.until(func() bool { return len(r.last.GetPools()) == 0 })
}

// leap moves the clock on to a time, however far.
func (c *cloud) leap(at time.Time) {
	c.t.Helper()
	for c.now().Before(at) {
		month := c.now().Add(30 * 24 * time.Hour) // more at once is refused
		if at.Before(month) {
			month = at
		}
		c.advance(to(month))
	}
}

// TestInterruptionRates_areThoseOfTheAdvice holds that lists and streams of
// pools tell the figures of the day's advice: at first, a day later, after a leap
// of two months, whatever shocks and outages there are, and after a restart.
func TestInterruptionRates_areThoseOfTheAdvice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config := fleetsim.Config{Origin: origin, Catalog: mixed(t), DataDir: t.TempDir()}
		c := start(t, config, true)
		c.must("SimulationService/PauseClock", &fleetv1.PauseClockRequest{})
		stream := c.readPools()
		stream.until(func() bool { return stream.last.GetComplete() })
		var before map[string]int32
		for _, later := range []time.Duration{time.Hour, 24 * time.Hour, 60 * 24 * time.Hour} {
			at := origin.Add(later)
			c.leap(at)
			stream.from(at)
			stream.rest()
			advised := c.advised(config.Catalog)
			if diff := cmp.Diff(advised, c.listed()); diff != "" {
				t.Errorf("%v later: lists differ from advice (-want +got):\n%s", later, diff)
			}
			if diff := cmp.Diff(advised, stream.rates); diff != "" {
				t.Errorf("%v later: the stream differs from advice (-want +got):\n%s", later, diff)
			}
			if maps.Equal(before, advised) {
				t.Errorf("%v later: no rate has changed", later)
			}
			before = advised
			c.inject(outage(fmt.Sprint("lost-", later.Hours()), "cn-mixed-a"))
			c.inject(&fleetv1.Fault{FaultId: fmt.Sprint("dear-", later.Hours()), Effect: &fleetv1.Fault_PriceShock{PriceShock: &fleetv1.PriceShock{
				Pools: &fleetv1.PoolSelector{}, FactorPermille: 3000,
			}}})
		}
		c.stop()
		again := start(t, config, true)
		if diff := cmp.Diff(before, again.listed()); diff != "" {
			t.Errorf("after a restart (-before +after):\n%s", diff)
		}
	})
}

// TestWatchPools_tellsARateWhenItChanges holds that a pool of which nothing but
// the rate changes is told once when that does, a day after the hour that counts
// and a month later, and not in between.
func TestWatchPools_tellsARateWhenItChanges(t *testing.T) {
	const badHour = "name: bad-hour\nstart: 2026-11-01T00:00:00Z\nregion:\n  currency: EUR\n  pools:\n" +
		"    - {zone_id: eu-test-a, instance_type: m1.large, vcpus: 2, memory_gib: 8, pay_as_you_go_price: 0.1}\n" +
		"    - {zone_id: eu-test-b, instance_type: m1.large, vcpus: 2, memory_gib: 8, pay_as_you_go_price: 0.1}\n" +
		"market:\n  model: {volatility: 0}\n  traces:\n    files:\n      - {file: hour.csv}\n"
	s, err := scenario.Parse("bad-hour.yaml", []byte(badHour), scenario.Kept(map[string][]byte{"hour.csv": []byte("t_s,m1.large eu-test-a\n0,50\n3600,0\n7200,50\n10800,50\n")}))
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		c := start(t, fleetsim.Config{Scenario: s}, true)
		c.must("SimulationService/PauseClock", &fleetv1.PauseClockRequest{})
		c.advance(to(s.Start.Add(20 * time.Hour))) // after the hour
		stream := c.readPools()
		stream.until(func() bool { return stream.last.GetComplete() })
		for _, step := range []struct {
			day  int
			told []int32
		}{{1, []int32{1}}, {2, nil}, {30, nil}, {31, []int32{0}}, {32, nil}} {
			at := s.Start.Add(time.Duration(step.day) * 24 * time.Hour)
			c.leap(at)
			var got []int32
			for _, pool := range append(stream.from(at), stream.rest()...) {
				if pool.GetZoneId() != "eu-test-a" || pool.GetBillingMethod() != spot {
					t.Errorf("day %d: %v", step.day, pool)
				}
				got = append(got, pool.GetInterruptionPermille())
			}
			if !slices.Equal(got, step.told) {
				t.Errorf("day %d: told %d, want %d", step.day, got, step.told)
			}
		}
	})
}

// TestWatchPools_speaksInRealTime holds that a reader hears of the cloud at
// least every five seconds of real time, whether the clock stands, creeps or
// races.
func TestWatchPools_speaksInRealTime(t *testing.T) {
	for name, speed := range map[string]float64{"standing": 0, "creeping": clock.MinSpeed, "real": 1, "racing": 3600} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := start(t, fleetsim.Config{Origin: origin, Volatility: still(), Speed: max(speed, clock.MinSpeed)}, true)
				if speed == 0 {
					c.must("SimulationService/PauseClock", &fleetv1.PauseClockRequest{})
				}
				stream := c.readPools()
				heard, begun := time.Now(), time.Now()
				stream.until(func() bool {
					if silent := time.Since(heard); silent > 5*time.Second {
						t.Errorf("silent for %v", silent)
					}
					heard = time.Now()
					return time.Since(begun) > time.Minute
				})
			})
		})
	}
}
