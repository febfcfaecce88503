package plan_test

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/plan"
)

func TestClasses_roundWeights(t *testing.T) {
	spec := &groupv1.GroupSpec{Candidates: []*groupv1.Candidate{{ZoneId: "z", InstanceType: "t", WeightedCapacity: proto.Float64(0.29)}}}
	classes := plan.ClassesOf(spec, nil)
	if got := classes.Of("z", "t").Weight; got != 290 {
		t.Errorf("weight %d, want 290", got)
	}
	if got := classes.Of("z", "other").Weight; got != 1000 {
		t.Errorf("weight %d of an instance of no candidate, want 1000", got)
	}
}

func TestClasses_ofTypesThatAttributesBring(t *testing.T) {
	byType := &allocatorv1.InstanceAttributes{CapacityUnit: allocatorv1.CapacityUnit_CAPACITY_UNIT_VCPU}
	spec := &groupv1.GroupSpec{Candidates: []*groupv1.Candidate{
		{ZoneId: "b", Attributes: byType, Priority: proto.Int32(3)},
		{ZoneId: "b", InstanceType: "named", WeightedCapacity: proto.Float64(5)},
		{ZoneId: "a", Attributes: &allocatorv1.InstanceAttributes{}, WeightedCapacity: proto.Float64(7)},
	}}
	classes := plan.ClassesOf(spec, []plan.Expansion{
		{Zone: "b", Type: "big", Candidate: 0, Weight: 8000},
		{Zone: "a", Type: "big", Candidate: 2, Weight: 8000},  // every type of this candidate weighs the same
		{Zone: "b", Type: "old", Candidate: 1, Weight: 8000},  // a candidate that has no attributes any more
		{Zone: "b", Type: "older", Candidate: 9, Weight: 800}, // one that is gone
		{Zone: "a", Type: "moved", Candidate: 0, Weight: 800}, // one that is of another zone now
	})
	last := int32(math.MaxInt32)
	for name, test := range map[string]struct {
		zone, instanceType string
		want               plan.Class
	}{
		"the weight of its type":         {"b", "big", plan.Class{Weight: 8000, Priority: 3, Candidate: 0, ZoneRank: 0}},
		"the weight of its candidate":    {"a", "big", plan.Class{Weight: 7000, Priority: last, Candidate: 2, ZoneRank: 1}},
		"one that is named":              {"b", "named", plan.Class{Weight: 5000, Priority: last, Candidate: 1, ZoneRank: 0}},
		"of a candidate without them":    {"b", "old", plan.Class{Weight: 1000, Priority: last, Candidate: last, ZoneRank: 0}},
		"of a candidate that is gone":    {"b", "older", plan.Class{Weight: 1000, Priority: last, Candidate: last, ZoneRank: 0}},
		"of a candidate that went away":  {"a", "moved", plan.Class{Weight: 1000, Priority: last, Candidate: last, ZoneRank: 1}},
		"in a zone that no one mentions": {"c", "big", plan.Class{Weight: 1000, Priority: last, Candidate: last, ZoneRank: last}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, classes.Of(test.zone, test.instanceType)); diff != "" {
				t.Errorf("class (-want +got):\n%s", diff)
			}
		})
	}
}

// A group whose types have weights of their own is not full for as long as the
// lightest of them may fit.
func TestIsFull_withAttributes(t *testing.T) {
	for unit, full := range map[allocatorv1.CapacityUnit]bool{
		allocatorv1.CapacityUnit_CAPACITY_UNIT_VCPU: true, allocatorv1.CapacityUnit_CAPACITY_UNIT_MEMORY_GIB: false,
	} {
		spec := &groupv1.GroupSpec{Candidates: []*groupv1.Candidate{{ZoneId: "a", Attributes: &allocatorv1.InstanceAttributes{CapacityUnit: unit}}}}
		observed := plan.Observed{Pending: []plan.Pending{{Zone: "a", Method: spot, Weight: plan.MaxMilliunits - 999, Count: 1}}}
		if got := plan.IsFull(spec, observed); got != full {
			t.Errorf("%v: full is %v, want %v", unit, got, full)
		}
	}
}
