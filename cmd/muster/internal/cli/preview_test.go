package cli

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"

	"github.com/seed-198b1370/muster/pkg/rpc"
	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

// decided is a decision about a pool of a type in cn-shenzhen-f that weighs 4
// units.
func decided(instanceType string, verdict allocatorv1.Verdict, change ...func(*allocatorv1.PoolDecision)) *allocatorv1.PoolDecision {
	decision := &allocatorv1.PoolDecision{
		CandidateIndex: 1, ZoneId: "cn-shenzhen-f", InstanceType: instanceType, Verdict: verdict, WeightMilliunits: 4000,
		PriceMicrosPerHour: 171_632, UnitPriceMicrosPerHour: 42_908, AvailableInstances: proto.Int32(120), InterruptionPermille: proto.Int32(4),
	}
	for _, change := range change {
		change(decision)
	}
	return decision
}

// spotDecisions are one of each kind.
func spotDecisions() []*allocatorv1.PoolDecision {
	return []*allocatorv1.PoolDecision{
		decided("ecs.c6.xlarge", allocatorv1.Verdict_VERDICT_TAKEN, func(d *allocatorv1.PoolDecision) { d.Instances, d.SharePermille, d.Rank = 2, 666, 1 }),
		decided("ecs.g6.xlarge", allocatorv1.Verdict_VERDICT_TAKEN, func(d *allocatorv1.PoolDecision) { d.Instances, d.SharePermille, d.Rank = 1, 333, 2 }),
		decided("ecs.c6.dear", allocatorv1.Verdict_VERDICT_PRICE_TOO_HIGH, func(d *allocatorv1.PoolDecision) { d.MaxPriceMicrosPerHour = 150_000 }),
		decided("ecs.c6.guarded", allocatorv1.Verdict_VERDICT_PRICE_PROTECTED, func(d *allocatorv1.PoolDecision) { d.ProtectedUnitPriceMicrosPerHour = 41_999 }),
		decided("ecs.c6.empty", allocatorv1.Verdict_VERDICT_NO_STOCK, func(d *allocatorv1.PoolDecision) { d.AvailableInstances = proto.Int32(0) }),
		decided("ecs.c6.elsewhere", allocatorv1.Verdict_VERDICT_NOT_ON_SALE, func(d *allocatorv1.PoolDecision) {
			d.AvailableInstances, d.InterruptionPermille, d.PriceMicrosPerHour, d.UnitPriceMicrosPerHour = nil, nil, 0, 0
		}),
		decided("ecs.c6.sulking", allocatorv1.Verdict_VERDICT_EXCLUDED),
		decided("ecs.c6.large", allocatorv1.Verdict_VERDICT_LIMIT_REACHED),
		decided("ecs.c7.xlarge", allocatorv1.Verdict_VERDICT_NOT_NEEDED, func(d *allocatorv1.PoolDecision) { d.Rank = 3 }),
	}
}

// previews are answers to a preview: one of each verdict, one of many pools, the
// same again, one with types, and refusals.
func previews() []reply {
	onDemand := &allocatorv1.DemandPlacement{
		BillingMethod: fleetv1.BillingMethod_BILLING_METHOD_PAY_AS_YOU_GO, WantedMilliunits: 4000, PlacedMilliunits: 4000,
		Pools: []*allocatorv1.PoolDecision{{
			ZoneId: "cn-shenzhen-d", InstanceType: "ecs.c6.large", Verdict: allocatorv1.Verdict_VERDICT_TAKEN, Instances: 4, SharePermille: 1000, Rank: 1,
			WeightMilliunits: 1000, PriceMicrosPerHour: 390_000, UnitPriceMicrosPerHour: 390_000, AvailableInstances: proto.Int32(1_836),
		}},
	}
	spot := &allocatorv1.DemandPlacement{
		BillingMethod: fleetv1.BillingMethod_BILLING_METHOD_SPOT, WantedMilliunits: 16_000, PlacedMilliunits: 12_000, Pools: spotDecisions(),
	}
	totals := &allocatorv1.PlacementTotals{Instances: 7, PlacedMilliunits: 16_000, CostMicrosPerHour: 2_074_896, PayAsYouGoCostMicrosPerHour: 3_900_000}
	many := &allocatorv1.DemandPlacement{
		BillingMethod: fleetv1.BillingMethod_BILLING_METHOD_SPOT, WantedMilliunits: 12_000, PlacedMilliunits: 12_000, Pools: spotDecisions()[:2],
	}
	for i := range 13 {
		verdict := allocatorv1.Verdict_VERDICT_NOT_NEEDED
		if i == 12 {
			verdict = allocatorv1.Verdict_VERDICT_NO_STOCK
		}
		many.Pools = append(many.Pools, decided(fmt.Sprintf("ecs.c%d.xlarge", i), verdict))
	}
	summary := "3 instances of 12 units: 2 of ecs.c6.xlarge and 1 of ecs.g6.xlarge in cn-shenzhen-f, for 0.514896 per hour, 78% less than pay-as-you-go. " +
		"Expect 0.28 interruptions a day."
	spec := &groupv1.GroupSpec{Candidates: []*groupv1.Candidate{{ZoneId: "cn-shenzhen-d"}, {ZoneId: "cn-shenzhen-f"}}}
	match := &allocatorv1.CandidateMatch{CandidateIndex: 1}
	for i := range 23 {
		match.InstanceTypes = append(match.InstanceTypes, fmt.Sprintf("ecs.c%d.xlarge", i))
	}
	for i := range 400 {
		match.Unmatched = append(match.Unmatched, &allocatorv1.UnmatchedType{
			InstanceType: fmt.Sprintf("ecs.r%d.large", i), Rule: allocatorv1.MatchRule_MATCH_RULE_VCPUS, Has: fmt.Sprintf("%d vCPUs", i),
		})
	}
	match.Unmatched = append(match.Unmatched, &allocatorv1.UnmatchedType{
		InstanceType: "ecs.c7.xlarge", Rule: allocatorv1.MatchRule_MATCH_RULE_ZONE, Has: "sold in cn-shenzhen-d, cn-shenzhen-e",
	})
	var violations rpc.Violations
	violations.Add("spec.candidates[1].attributes", rpc.Literal("vcpus:4"), "must be those of at least one instance type")
	violations.Add("what_if.pools[0].price_micros_per_hour", 7, "must be another")
	violations.Add("what_if.pools[2]", rpc.Literal("cn-new-a ecs.new.large"), "must come once")
	return []reply{
		answer(&groupv1.PreviewGroupResponse{Spec: spec, Placements: []*allocatorv1.DemandPlacement{onDemand, spot}, Totals: totals}),
		answer(&groupv1.PreviewGroupResponse{Spec: spec, Placements: []*allocatorv1.DemandPlacement{many}, Summary: summary}),
		answer(&groupv1.PreviewGroupResponse{Spec: spec, Placements: []*allocatorv1.DemandPlacement{many}, Summary: summary}),
		answer(&groupv1.PreviewGroupResponse{Spec: spec, Matches: []*allocatorv1.CandidateMatch{match}, Totals: totals}),
		refuse(violations.Err()),
	}
}

// A preview can be read on a screen of a hundred columns, with the longest names
// that the cloud has.
func TestPreview_isNotTooWide(t *testing.T) {
	wide := spotDecisions()
	for _, decision := range wide {
		decision.InstanceType = "ecs.vgn7i-vws-m24.7xlarge"
		decision.PriceMicrosPerHour, decision.AvailableInstances, decision.InterruptionPermille = 104_567_890, proto.Int32(10_000), proto.Int32(125)
		decision.UnitPriceMicrosPerHour = 3_734_567
	}
	cloud := newFakeCloud(t, map[string][]reply{"PreviewGroup": {answer(&groupv1.PreviewGroupResponse{
		Placements: []*allocatorv1.DemandPlacement{{Pools: wide}}, Summary: strings.Repeat("much to say ", 40),
	})}})
	for line := range strings.Lines(cloud.ok("preview -f testdata/preview/group.yaml")) {
		if columns := utf8.RuneCountInString(strings.TrimRight(line, "\n")); columns > 100 {
			t.Errorf("%d columns: %s", columns, line)
		}
	}
}

// What market -o json writes is a market that can be previewed on.
func TestMarketFile_isWhatMarketWrites(t *testing.T) {
	cloud := newFakeCloud(t, usualReplies())
	name := groupFileWith(t, cloud.ok("market -o json"))
	read, err := readMarketFile(name, nil)
	if err != nil {
		t.Fatal(err)
	}
	if pools := read.market.GetPools(); len(pools) != 2 || pools[0].GetInstanceType() != "ecs.c6.large" || pools[1].GetAvailableInstances() != 0 {
		t.Errorf("read %v", read.market)
	}
}

// A part of a market is none: what is missing would count as not sold.
func TestMarketFile_isNotAFirstPage(t *testing.T) {
	cloud := newFakeCloud(t, map[string][]reply{"ListPools": {answer(&fleetv1.ListPoolsResponse{
		Pools: []*fleetv1.Pool{{ZoneId: "z", InstanceType: "t"}}, NextPageToken: "more",
	})}})
	name := groupFileWith(t, cloud.ok("market --limit 1 -o json"))
	if _, err := readMarketFile(name, nil); err == nil || !strings.Contains(err.Error(), "--limit 10000") {
		t.Errorf("got %v, want how to write the whole market", err)
	}
}

// What is wrong in a file of one long line is told in few words.
func TestMarketFile_showsLittleOfALongLine(t *testing.T) {
	name := groupFileWith(t, `{"pools": [`+strings.Repeat(`{"zoneId": "z"}, `, 10_000)+`{}], "prices": 3}`)
	_, err := readMarketFile(name, nil)
	if err == nil || !strings.Contains(err.Error(), `unknown field "prices"`) || len(err.Error()) > 1_000 {
		t.Errorf("got %d characters: %.2000v", len(fmt.Sprint(err)), err)
	}
}

func TestExamples_markets(t *testing.T) {
	read, err := readMarketFile("../../../../examples/markets/crunch.csv", nil)
	if err != nil {
		t.Fatal(err)
	}
	if pool := read.market.GetPools()[6]; len(read.market.GetPools()) != 9 || pool.GetPayAsYouGoPriceMicrosPerHour() != 390_000 || pool.AvailableInstances == nil {
		t.Errorf("read %v", read.market)
	}
	if pool := read.market.GetPools()[5]; pool.AvailableInstances != nil || pool.InterruptionPermille != nil {
		t.Errorf("what is left open was read as %v", pool)
	}
}

func FuzzParseMarketCSV(f *testing.F) {
	for _, name := range []string{"testdata/preview/market.csv", "testdata/preview/bad.csv", "testdata/preview/unknown.csv"} {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		read, err := parseMarketCSV("f.csv", data)
		if err != nil {
			return
		}
		for i, pool := range read.market.GetPools() {
			if pool.GetZoneId() == "" || pool.GetInstanceType() == "" || pool.GetPriceMicrosPerHour() < 0 || pool.GetAvailableInstances() < 0 ||
				pool.GetInterruptionPermille() < 0 || pool.GetInterruptionPermille() > 1000 {
				t.Errorf("read %v", pool)
			}
			if place, _ := read.at(fmt.Sprintf("pools[%d].zone_id", i)); !strings.HasPrefix(place, "f.csv:") {
				t.Errorf("pool %d is at %q", i, place)
			}
		}
	})
}
