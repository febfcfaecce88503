package scenario_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/seed-198b1370/muster/services/fleetsim/catalog"
	"github.com/seed-198b1370/muster/services/fleetsim/market"
	"github.com/seed-198b1370/muster/services/fleetsim/scenario"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// full uses every key.
const full = `name: full
description: "all of it"
seed: 18
start: 2026-11-02T09:00:00+01:00
speed: 0.5
region:
  id: eu-central-1
  currency: EUR
  pools:
    - {zone_id: eu-central-1a, instance_type: m.big, family: fam, architecture: arm, vcpus: 8, memory_gib: 0.5, gpus: 1, pay_as_you_go_price: 1.000001, spot_price_percent: 12.5, capacity: 7, category: bare-metal, family_level: credit-entry}
    - {zone_id: eu-central-1b, instance_type: a.b.small, vcpus: 1, memory_gib: 1, pay_as_you_go_price: "2.0"}
market:
  model: {volatility: 0.25}
  traces:
    step: 30s
    repeat: true
    files:
      - file: stock.csv
        from: 60
        series: [{name: x, zone_id: eu-central-1a, instance_type: m.big}]
      - {file: prices.csv, from: 2026-11-02T08:00:00Z}
accounts:
  - {id: rich, balance: -0.000001}
  - {id: default, pay_as_you_go_vcpu_quota: 0, spot_vcpu_quota: 10, calls_per_second: 3}
cost_tag_keys: [team, "a b"]
events:
  - {at: 1d1h30m, deposit: {account_id: late, amount: 0.5}}
  - {at: 0s, reclaim: {zone_id: eu-central-1a, max_instances: 4}}
  - {at: 1s, drain: {}}
  - {at: 1s, restore: {instance_type: m.big, billing_method: spot}}
  - {at: 2s, fail: {billing_method: pay_as_you_go, failure: slow, max_instances: 1}}
  - {at: 1d, set_account: {id: late, calls_per_second: 2, call_burst: 9}}
  - {at: 3s, fault: {id: f1, for: 1m, price_shock: {zone_id: eu-central-1b, factor: 2.5}}}
  - {at: 3s, fault: {id: f2, zone_outage: {zone_id: eu-central-1a}}}
  - {at: 3s, fault: {id: f3, slow_launch: {instance_type: m.big, factor: 4}}}
  - {at: 3s, fault: {id: f4, launch_refusal: {reason: disk_category_not_available}}}
  - {at: 3s, fault: {id: f5, disk_shortage: {category: cloud_ssd}}}
  - {at: 3s, fault: {id: f6, call_trouble: {methods: [RunInstances], share_percent: 0.1, latency: 5s, outcome: internal_after, max_calls: 2}}}
  - {at: 3s, fault: {id: f7, call_trouble: {outcome: throttled}}}
  - {at: 3s, fault: {id: f8, stream_trouble: {duplicate_percent: 5, delay: 1s}}}
  - {at: 4s, clear_faults: [f2, f3]}
  - {at: 5s, clear_faults: all}
`

func fullFiles() map[string][]byte {
	return map[string][]byte{
		"stock.csv":  []byte("t_s,x\n0,1\n60,2\n120,3\n"),
		"prices.csv": []byte("time,zone,instance_type,price_per_hour\n2026-11-02T08:01:00Z,eu-central-1a,m.big,0.5\n2026-11-02T08:02:00Z,eu-central-1a,m.big,9\n"),
	}
}

func TestParse_readsEveryKey(t *testing.T) {
	s, err := scenario.Parse("full.yaml", []byte(full), scenario.Kept(fullFiles()))
	if err != nil {
		t.Fatal(err)
	}
	owed, both := int64(-1), []world.Pool{{Offer: 0}, {Offer: 0, Spot: true}, {Offer: 1}, {Offer: 1, Spot: true}}
	want := &scenario.Scenario{
		Name: "full", Description: "all of it", Seed: 18, Start: time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC), Speed: 0.5,
		Currency: "EUR", Volatility: 250_000,
		Accounts: []world.AccountSetup{
			{ID: "rich", Settings: world.Unlimited(), BalanceMicros: &owed},
			{ID: "default", Settings: world.AccountSettings{PayAsYouGoVCPUs: 0, SpotVCPUs: 10, CallsPerSecond: 3, CallBurst: 3}},
		},
		CostTagKeys: []string{"a b", "team"},
		Agenda: []scenario.Timed{
			{After: 0, Command: world.Reclaim{ByPool: true, Offers: []int32{1}, Max: 4}},
			{After: time.Second, Command: world.SetDrained{Pools: both, Drained: true}},
			{After: time.Second, Command: world.SetDrained{Pools: []world.Pool{{Offer: 1, Spot: true}}}},
			{After: 2 * time.Second, Command: world.Fail{ByPool: true, Pools: []world.Pool{{Offer: 0}, {Offer: 1}}, Max: 1, Failure: world.FailureSlow}},
			fault("f1", time.Minute, world.PriceShock{Pools: world.Selector{ZoneID: "eu-central-1b"}, Permille: 2_500}),
			fault("f2", 0, world.ZoneOutage{ZoneID: "eu-central-1a"}),
			fault("f3", 0, world.SlowLaunch{Pools: world.Selector{InstanceType: "m.big"}, Permille: 4_000}),
			fault("f4", 0, world.LaunchRefusal{Refusal: 15}),
			fault("f5", 0, world.DiskShortage{Category: world.DiskCloudSSD}),
			fault("f6", 0, world.CallTrouble{Methods: []string{"RunInstances"}, SharePermille: 1, Latency: 5 * time.Second, Outcome: 4, MaxCalls: 2}),
			fault("f7", 0, world.CallTrouble{SharePermille: 1_000, Outcome: 5}),
			fault("f8", 0, world.StreamTrouble{DuplicatePermille: 50, Delay: time.Second}),
			{After: 4 * time.Second, Command: world.ClearFaults{IDs: []string{"f2", "f3"}}},
			{After: 5 * time.Second, Command: world.ClearFaults{}},
			{After: 24 * time.Hour, Command: world.SetAccount{AccountID: "late", Settings: world.AccountSettings{PayAsYouGoVCPUs: -1, SpotVCPUs: -1, CallsPerSecond: 2, CallBurst: 9}}},
			{After: 25*time.Hour + 30*time.Minute, Command: world.Deposit{AccountID: "late", RequestID: "scenario-event-0", Micros: 500_000}},
		},
	}
	if diff := cmp.Diff(want, s, cmpopts.IgnoreFields(scenario.Scenario{}, "Catalog", "Replay", "YAML", "Files")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]catalog.Offer{
		{ZoneID: "eu-central-1b", InstanceType: "a.b.small", Family: "a.b", Architecture: catalog.X86, VCPUs: 1, MemoryMiB: 1024, PayAsYouGoMicros: 2_000_000, SpotBasePermille: 200, Capacity: 100, Category: catalog.CategoryX86, Level: catalog.LevelEnterprise},
		{ZoneID: "eu-central-1a", InstanceType: "m.big", Family: "fam", Architecture: catalog.ARM, VCPUs: 8, MemoryMiB: 512, GPUs: 1, PayAsYouGoMicros: 1_000_001, SpotBasePermille: 125, Capacity: 7, Category: catalog.CategoryBareMetal, Level: catalog.LevelCreditEntry},
	}, s.Catalog.Offers()); diff != "" {
		t.Error(diff)
	}
	checkReplay(t, s)
}

func fault(id string, length time.Duration, effect world.Effect) scenario.Timed {
	return scenario.Timed{After: 3 * time.Second, Command: world.InjectFault{ID: id, Duration: length, Effect: effect}}
}

// checkReplay holds the market of the full scenario in ticks of 30 s. The stock
// is known from second -60 on, the last price is at second 120: what is repeated
// is the 210 seconds from -60 to 150.
func checkReplay(t *testing.T, s *scenario.Scenario) {
	t.Helper()
	if s.Replay == nil || s.Replay.Tick != 30*time.Second || !s.Replay.Repeat || s.Replay.ClampedPrices != 1 || len(s.Replay.Series) != 1 {
		t.Fatalf("replay %+v", s.Replay)
	}
	config, err := s.Config(world.InstantOf(s.Start))
	if err != nil {
		t.Fatal(err)
	}
	for tick, want := range map[int64]int64{0: 2, 1: 2, 2: 3, 4: 3, 5: 1, 6: 1, 7: 2, 9: 3} {
		if got := s.Catalog.Offers()[1].Capacity - config.Market.Demand(1, tick); got != want {
			t.Errorf("at tick %d there are %d, want %d", tick, got, want)
		}
	}
	if first, second := config.Market.Price(1, 2), config.Market.Price(1, 4); first != 500_000 || second != 1_000_001 {
		t.Errorf("prices %d, %d", first, second)
	}
}

// A scenario can begin at any moment; its ticks still begin at whole seconds.
func TestConfig_ticksBeginAtWholeSeconds(t *testing.T) {
	s, err := scenario.Parse("full.yaml", []byte(full), scenario.Kept(fullFiles()))
	if err != nil {
		t.Fatal(err)
	}
	config, err := s.Config(world.InstantOf(s.Start.Add(1_999 * time.Millisecond)))
	if err != nil {
		t.Fatal(err)
	}
	source, ok := config.Market.(market.Source)
	if !ok {
		t.Fatalf("a market of type %T", config.Market)
	}
	if start, length := source.Ticks(); start != s.Start.Add(time.Second).UnixNano() || length != 30*time.Second {
		t.Errorf("ticks of %v from %d", length, start)
	}
}

func TestConfig_refusesATimeWithoutRoom(t *testing.T) {
	s, err := scenario.Parse("x.yaml", []byte("name: x\nevents: [{at: 3650d, drain: {}}]"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Config(world.Instant(1<<63 - 1)); err == nil {
		t.Error("it began at the end of time")
	}
}
