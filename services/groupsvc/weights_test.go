package groupsvc

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

// What a unit gives candidates is stored and shown, counted, and stays when the
// cloud tells otherwise.
func TestCapacityUnit_fillsWeights(t *testing.T) {
	for unit, want := range map[allocatorv1.CapacityUnit][2]float64{
		allocatorv1.CapacityUnit_CAPACITY_UNIT_UNSPECIFIED: {1, 1},
		allocatorv1.CapacityUnit_CAPACITY_UNIT_INSTANCE:    {1, 1},
		allocatorv1.CapacityUnit_CAPACITY_UNIT_VCPU:        {2, 8},
		allocatorv1.CapacityUnit_CAPACITY_UNIT_MEMORY_GIB:  {0.488, 32},
	} {
		b := newBench(t, "")
		b.cloud.SetVCPUs("small", 2)
		b.cloud.SetVCPUs("large", 8)
		b.cloud.SetMemory("small", 500)
		b.cloud.SetMemory("large", 32<<10)
		asked := spec(16, 0, 16)
		asked.CapacityUnit = unit
		asked.Candidates = []*groupv1.Candidate{
			{ZoneId: "zone-a", InstanceType: "small"},
			{ZoneId: "zone-b", InstanceType: "small", WeightedCapacity: proto.Float64(3)},
			{ZoneId: "zone-a", InstanceType: "large"},
			{ZoneId: "zone-b", Attributes: &allocatorv1.InstanceAttributes{Vcpus: []int32{8}}},
		}
		created := b.create(asked).GetGroup()
		b.cloud.SetVCPUs("small", 4)
		b.settled(time.Minute)
		group := b.group(created.GetGroupId())
		got := group.GetSpec().GetCandidates()
		if got[0].GetWeightedCapacity() != want[0] || got[1].GetWeightedCapacity() != 3 || got[2].GetWeightedCapacity() != want[1] {
			t.Errorf("%v: candidates %v", unit, got)
		}
		byCatalog := unit >= allocatorv1.CapacityUnit_CAPACITY_UNIT_VCPU
		if (got[3].WeightedCapacity == nil) != byCatalog || byCatalog && got[3].GetAttributes().GetCapacityUnit() != unit {
			t.Errorf("%v: the one with attributes is %v", unit, got[3])
		}
		if group.GetSpec().GetCapacityUnit() == allocatorv1.CapacityUnit_CAPACITY_UNIT_UNSPECIFIED {
			t.Error("the unit is not filled in")
		}
		if group.GetFulfillment() != groupv1.Fulfillment_FULFILLMENT_FULFILLED || group.GetCapacity().GetFulfilled() < 16 {
			t.Errorf("%v: capacity %v", unit, group.GetCapacity())
		}
	}
}

// New candidates of a group are weighed as its first ones were.
func TestCapacityUnit_weighsNewCandidates(t *testing.T) {
	b := newBench(t, "")
	b.cloud.SetVCPUs("small", 2)
	b.cloud.SetVCPUs("large", 8)
	asked := spec(16, 0, 16)
	asked.CapacityUnit = allocatorv1.CapacityUnit_CAPACITY_UNIT_VCPU
	id := b.create(asked).GetGroup().GetGroupId()
	resp, err := b.client.UpdateGroup(t.Context(), &groupv1.UpdateGroupRequest{
		GroupId: id, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"candidates"}},
		Spec: &groupv1.GroupSpec{Candidates: []*groupv1.Candidate{{ZoneId: "zone-a", InstanceType: "large"}}},
	})
	if err != nil || resp.GetGroup().GetSpec().GetCandidates()[0].GetWeightedCapacity() != 8 {
		t.Errorf("candidates %v, %v", resp.GetGroup().GetSpec().GetCandidates(), err)
	}
}

func TestCapacityUnit_refusesWhatCanNotBeWeighed(t *testing.T) {
	b := newBench(t, "")
	b.cloud.SetMemory("large", 11_000<<10)
	asked := spec(16, 0, 16)
	asked.CapacityUnit = allocatorv1.CapacityUnit_CAPACITY_UNIT_MEMORY_GIB
	asked.Candidates = append(asked.Candidates[:1], &groupv1.Candidate{ZoneId: "zone-a", InstanceType: "large"})
	_, err := b.client.CreateGroup(t.Context(), &groupv1.CreateGroupRequest{Spec: asked})
	got := violationsOf(t, err)
	for field, part := range map[string]string{
		"spec.candidates[0].weighted_capacity": "small has 0 units by capacity_unit", "spec.candidates[1].weighted_capacity": "large has 11000 units by capacity_unit",
	} {
		if !strings.Contains(got[field], part) {
			t.Errorf("violation of %s is %q, want one with %q", field, got[field], part)
		}
	}
}
