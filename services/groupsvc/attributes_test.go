package groupsvc

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/seed-198b1370/muster/pkg/rpc"
	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/cloudtest"
)

// byVCPUs is a candidate of all types of a zone with some number of vCPUs, which
// is what they weigh.
func byVCPUs(zone string, vcpus ...int32) *groupv1.Candidate {
	return &groupv1.Candidate{ZoneId: zone, Attributes: &allocatorv1.InstanceAttributes{
		Vcpus: vcpus, CapacityUnit: allocatorv1.CapacityUnit_CAPACITY_UNIT_VCPU,
	}}
}

// newShapedBench makes a bench whose small types have 2 vCPUs and whose large
// ones, cheaper per vCPU, have 8.
func newShapedBench(t *testing.T, folder string) *bench {
	t.Helper()
	b := newBench(t, folder)
	b.cloud.SetVCPUs("small", 2)
	b.cloud.SetVCPUs("large", 8)
	return b
}

// weights are what the group's members count, the heaviest first.
func (b *bench) weights(id string) []float64 {
	b.t.Helper()
	listed, err := b.client.ListGroupInstances(b.t.Context(), &groupv1.ListGroupInstancesRequest{GroupId: id})
	if err != nil {
		b.t.Fatal(err)
	}
	var weights []float64
	for _, member := range listed.GetInstances() {
		weights = append(weights, member.GetWeightedCapacity())
	}
	slices.SortFunc(weights, func(a, b float64) int { return cmp.Compare(b, a) })
	return weights
}

// A group by attributes launches types that it does not name, and goes on to
// count them as it did: after a restart, and when the cloud comes to say
// something else of them.
func TestAttributes_weightsStayAsTheyWere(t *testing.T) {
	b := newShapedBench(t, t.TempDir())
	asked := spec(20, 0, 20)
	asked.Candidates = []*groupv1.Candidate{byVCPUs("zone-a", 2, 8)}
	b.cloud.SetStock(cloudtest.Pool{Zone: "zone-a", Type: "large", Method: fleetv1.BillingMethod_BILLING_METHOD_SPOT}, 2)
	id := b.create(asked).GetGroup().GetGroupId()
	b.settled(2 * time.Minute)
	want := []float64{8, 8, 2, 2}
	if got := b.weights(id); !slices.Equal(got, want) {
		t.Fatalf("members count %v, want %v", got, want)
	}
	group := b.group(id)
	if group.GetCapacity().GetFulfilled() != 20 || group.GetFulfillment() != groupv1.Fulfillment_FULFILLMENT_FULFILLED {
		t.Errorf("group %v", group)
	}
	if group.GetSpec().GetCandidates()[0].WeightedCapacity != nil {
		t.Errorf("the spec shows the weight %v, which could not be given", group.GetSpec().GetCandidates()[0].GetWeightedCapacity())
	}
	b.restart()
	b.cloud.SetVCPUs("small", 8)
	b.cloud.SetVCPUs("large", 2)
	b.settled(10 * time.Minute)
	if got := b.weights(id); !slices.Equal(got, want) || b.cloud.Created() != 4 {
		t.Errorf("members count %v after %d launches, want %v after 4", got, b.cloud.Created(), want)
	}
	// One more is launched: it counts as its kind always did.
	b.update(id, &groupv1.TargetCapacity{Total: 22, Spot: 22}, "target_capacity")
	b.settled(2 * time.Minute)
	if got := b.weights(id); !slices.Equal(got, []float64{8, 8, 2, 2, 2}) {
		t.Errorf("members count %v after scale-out", got)
	}
}

// A launch whose answer was lost has its weight all the same: it is written
// before the call.
func TestAttributes_weightsSurviveALostAnswer(t *testing.T) {
	for _, point := range []string{"after RunInstances", "before RunInstances"} {
		t.Run(point, func(t *testing.T) {
			b := newShapedBench(t, t.TempDir())
			asked := spec(16, 0, 16)
			asked.Candidates = []*groupv1.Candidate{byVCPUs("zone-a", 8)}
			lost := false
			fault := b.cloud.Fault
			b.cloud.Fault = func(at string) error {
				if at == point && !lost {
					lost = true
					b.crash.dead = true
				}
				return fault(at)
			}
			id := b.create(asked).GetGroup().GetGroupId()
			l := &life{b: b, id: id}
			l.pass(2 * time.Minute)
			if got := b.weights(id); !lost || !slices.Equal(got, []float64{8, 8}) || b.cloud.Created() != 2 {
				t.Errorf("members count %v after %d launches", got, b.cloud.Created())
			}
		})
	}
}

// An allocator that does not know what is sold out is led past a great many
// pools that refuse, over several looks: none of them is forgotten on the way.
func TestAttributes_manyRefusals(t *testing.T) {
	b := newBench(t, "")
	b.end()
	b.blind = true
	b.start()
	const pools = 120
	for i := range pools {
		b.cloud.Sell("zone-a", fmt.Sprintf("type-%03d", i), int64(1000+i), 0, 0)
	}
	b.cloud.Sell("zone-a", "type-999", 99_000, 5, 5)
	asked := spec(5, 0, 5)
	asked.Candidates = []*groupv1.Candidate{{ZoneId: "zone-a", Attributes: &allocatorv1.InstanceAttributes{ExcludedInstanceTypes: []string{"small", "large"}}}}
	id := b.create(asked).GetGroup().GetGroupId()
	b.settled(20 * time.Minute)
	if got := b.group(id); got.GetFulfillment() != groupv1.Fulfillment_FULFILLMENT_FULFILLED {
		t.Errorf("with %d pools sold out: %v", pools, got)
	}
}

// A type belongs to the first candidate that names it or has it among its types.
func TestAttributes_overlap(t *testing.T) {
	b := newShapedBench(t, "")
	asked := spec(6, 0, 6)
	asked.Candidates = []*groupv1.Candidate{
		{ZoneId: "zone-a", InstanceType: "large", WeightedCapacity: proto.Float64(3)}, byVCPUs("zone-a", 8), byVCPUs("zone-a"),
	}
	id := b.create(asked).GetGroup().GetGroupId()
	b.settled(2 * time.Minute)
	if got := b.weights(id); !slices.Equal(got, []float64{2, 2, 2}) {
		t.Errorf("members count %v, want the cheapest per unit, three small ones", got)
	}
}

func TestAttributes_refusals(t *testing.T) {
	b := newShapedBench(t, "")
	asked := spec(1, 0, 1)
	both := byVCPUs("zone-a", 2)
	both.InstanceType = "small"
	weighed := byVCPUs("zone-a", 2)
	weighed.WeightedCapacity = proto.Float64(4)
	crossed := byVCPUs("zone-a")
	crossed.Attributes.MinVcpus, crossed.Attributes.MaxVcpus = proto.Int32(8), proto.Int32(2)
	left := byVCPUs("zone-a", 8)
	left.Attributes.ExcludedInstanceTypes = []string{"large"}
	asked.Candidates = []*groupv1.Candidate{
		{ZoneId: "zone-a"}, both, weighed, byVCPUs("zone-x", 2), byVCPUs("zone-b", 3, 5), crossed, left, byVCPUs("zone-a", 2), byVCPUs("zone-a", 2),
	}
	asked.Spot = &groupv1.SpotOptions{PoolsToUse: 20, ZonePolicy: allocatorv1.ZonePolicy_ZONE_POLICY_BALANCED}
	asked.PayAsYouGo = &groupv1.PayAsYouGoOptions{
		AllocationStrategy: allocatorv1.PayAsYouGoAllocationStrategy_PAY_AS_YOU_GO_ALLOCATION_STRATEGY_LOWEST_COST,
		ZonePolicy:         allocatorv1.ZonePolicy_ZONE_POLICY_SEQUENCED, TypePolicy: allocatorv1.TypePolicy_TYPE_POLICY_COST_CENTERED,
	}
	want := map[string]string{
		"spec.candidates[0].instance_type":     `must be given, or attributes instead of it, got ""`,
		"spec.candidates[1].attributes":        `must be left out when instance_type is given, which is "small", got vcpus:2 capacity_unit:CAPACITY_UNIT_VCPU`,
		"spec.candidates[2].weighted_capacity": "must be left out when attributes.capacity_unit says what types weigh, got 4",
		"spec.candidates[3].zone_id":           `must be a zone of the region, one of zone-a, zone-b, got "zone-x"`,
		"spec.candidates[4].attributes": "must be those of at least one instance type that zone zone-b sells; nearest is small: 2 vCPUs, " +
			"got vcpus:3 vcpus:5 capacity_unit:CAPACITY_UNIT_VCPU",
		"spec.candidates[5].attributes.min_vcpus": "must be at most max_vcpus, 2, got 8",
		"spec.candidates[6].attributes": "must be those of at least one instance type that zone zone-a sells; nearest is large: is left out, " +
			`got vcpus:8 excluded_instance_types:"large" capacity_unit:CAPACITY_UNIT_VCPU`,
		"spec.spot.zone_policy":          "must be left out unless allocation_strategy is zone-and-type, and it is unspecified, got balanced",
		"spec.pay_as_you_go.zone_policy": "must be left out unless allocation_strategy is zone-and-type, and it is lowest-cost, got sequenced",
		"spec.pay_as_you_go.type_policy": "must be left out unless allocation_strategy is zone-and-type, and it is lowest-cost, got cost-centered",
	}
	inPreview := map[string]string{
		"spec.spot.zone_policy": "must be left out unless allocation_strategy is zone-and-type, and it is lowest-price, got balanced",
	}
	_, createErr := b.client.CreateGroup(t.Context(), &groupv1.CreateGroupRequest{Spec: asked})
	_, previewErr := b.client.PreviewGroup(t.Context(), &groupv1.PreviewGroupRequest{Spec: asked})
	// With something else wrong, too, the same is told.
	_, absurdErr := b.client.CreateGroup(t.Context(), &groupv1.CreateGroupRequest{RequestId: "a b", Spec: asked})
	for call, err := range map[string]error{"create": createErr, "preview": previewErr, "absurd": absurdErr} {
		got := violationsOf(t, err)
		delete(got, "request_id")
		for field, text := range want {
			if other, ok := inPreview[field]; ok && call != "absurd" {
				text = other // defaults are filled in before
			}
			if got[field] != text {
				t.Errorf("%s: %s: got %q, want %q", call, field, got[field], text)
			}
			delete(got, field)
		}
		if len(got) > 0 {
			t.Errorf("%s: more violations: %v", call, got)
		}
	}
}

// Defaults are shown, and only those that mean something.
func TestStrategies_defaults(t *testing.T) {
	b := newBench(t, "")
	asked := spec(0, 0, 0)
	asked.Spot = &groupv1.SpotOptions{
		AllocationStrategy: allocatorv1.SpotAllocationStrategy_SPOT_ALLOCATION_STRATEGY_ZONE_AND_TYPE,
		TypePolicy:         allocatorv1.TypePolicy_TYPE_POLICY_COST_CENTERED,
	}
	shown := b.create(asked).GetGroup().GetSpec()
	if shown.GetSpot().GetZonePolicy() != allocatorv1.ZonePolicy_ZONE_POLICY_BALANCED ||
		shown.GetSpot().GetTypePolicy() != allocatorv1.TypePolicy_TYPE_POLICY_COST_CENTERED {
		t.Errorf("spot options %v", shown.GetSpot())
	}
	if shown.GetPayAsYouGo().GetZonePolicy() != 0 || shown.GetPayAsYouGo().GetTypePolicy() != 0 {
		t.Errorf("pay-as-you-go options %v", shown.GetPayAsYouGo())
	}
	b.create(shown) // what is shown can be given
}

// A preview on a market that does not exist is held against that market.
func TestPreview_whatIf(t *testing.T) {
	b := newBench(t, "")
	asked := spec(1, 0, 1)
	asked.Candidates = []*groupv1.Candidate{
		{ZoneId: "zone-new", InstanceType: "new"}, {ZoneId: "zone-a", InstanceType: "small"}, byVCPUs("zone-a", 7), {ZoneId: "zone-typo", InstanceType: "typo"},
	}
	market := &allocatorv1.Market{Pools: []*fleetv1.Pool{{
		ZoneId: "zone-new", InstanceType: "new", BillingMethod: fleetv1.BillingMethod_BILLING_METHOD_SPOT,
	}}}
	_, err := b.client.PreviewGroup(t.Context(), &groupv1.PreviewGroupRequest{Spec: asked, WhatIf: market})
	got := violationsOf(t, err)
	if len(got) != 2 || !strings.Contains(got["spec.candidates[3].zone_id"], "what-if market") || !strings.Contains(got["spec.candidates[3].instance_type"], "what-if market") {
		t.Errorf("violations %v", got)
	}
	asked.Candidates = asked.GetCandidates()[1:2]
	if _, err := b.client.PreviewGroup(t.Context(), &groupv1.PreviewGroupRequest{Spec: asked, WhatIf: market}); err != nil {
		t.Error(err)
	}
}

// What the allocator finds wrong with what is the caller's, the caller is told.
func TestPreview_tellsWhatTheAllocatorRefuses(t *testing.T) {
	b := newBench(t, "")
	fault := b.cloud.Fault
	var refusal error
	b.cloud.Fault = func(point string) error {
		if point == "before Place" {
			return refusal
		}
		return fault(point)
	}
	preview := func() error {
		_, err := b.client.PreviewGroup(t.Context(), &groupv1.PreviewGroupRequest{Spec: spec(1, 0, 1)})
		return err
	}
	var violations rpc.Violations
	violations.Add("what_if.pools[3].price_micros_per_hour", -1, "must be at least 0")
	violations.Add("candidates[1].attributes.min_vcpus", 8, "must be at most max_vcpus, 2")
	violations.Add("demands[0].wanted_milliunits", 0, "must be at least 1")
	refusal = violations.Err()
	got := violationsOf(t, preview())
	if len(got) != 2 || got["what_if.pools[3].price_micros_per_hour"] == "" || got["spec.candidates[1].attributes.min_vcpus"] == "" {
		t.Errorf("violations %v", got)
	}
	tooLarge := allocatorv1.ErrorReason_ERROR_REASON_SEARCH_TOO_LARGE
	refusal = rpc.Error(codes.ResourceExhausted, tooLarge, nil, "too many pools")
	if err := preview(); !rpc.HasReason(err, tooLarge) {
		t.Errorf("got %v, want %v", err, tooLarge)
	}
	// A group that meets with it waits, and says why.
	id := b.create(spec(1, 0, 1)).GetGroup().GetGroupId()
	b.settled(time.Minute)
	if got := b.group(id).GetConditions()[0]; got.GetReason() != "SearchTooLarge" {
		t.Errorf("condition %v", got)
	}
	refusal = nil
	b.settled(5 * time.Minute)
	if got := b.group(id).GetConditions()[0]; !got.GetHolds() {
		t.Errorf("condition %v when the search is small", got)
	}
}
