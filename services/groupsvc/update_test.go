package groupsvc

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/cloudtest"
)

// change updates a group.
func (b *bench) change(id string, spec *groupv1.GroupSpec, paths ...string) *groupv1.Group {
	b.t.Helper()
	resp, err := b.client.UpdateGroup(b.t.Context(), &groupv1.UpdateGroupRequest{
		GroupId: id, Spec: spec, UpdateMask: &fieldmaskpb.FieldMask{Paths: paths},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return resp.GetGroup()
}

// A spec in which all that can be changed differs from that of [spec], with
// defaults filled in.
func changedSpec() *groupv1.GroupSpec {
	return &groupv1.GroupSpec{
		Name: "renamed", Tags: map[string]string{"b": "2"},
		TargetCapacity: &groupv1.TargetCapacity{
			Total: 7, PayAsYouGo: 2, Spot: 3, DefaultType: groupv1.DefaultTargetCapacityType_DEFAULT_TARGET_CAPACITY_TYPE_PAY_AS_YOU_GO,
		},
		Candidates:                       []*groupv1.Candidate{{ZoneId: "zone-b", InstanceType: "large", WeightedCapacity: proto.Float64(4)}},
		Spot:                             &groupv1.SpotOptions{MaxPriceMicrosPerHour: 90_000},
		ExcessCapacityTerminationPolicy:  groupv1.ExcessCapacityTerminationPolicy_EXCESS_CAPACITY_TERMINATION_POLICY_TERMINATION,
		TerminateInstancesWithExpiration: true, Budget: &groupv1.Budget{MaxMicrosPerHour: 1_000_000},
		ScalingBounds: &groupv1.ScalingBounds{Minimum: 1, Maximum: 9},
	}
}

// Each path changes what it names and nothing else; what is left out of the
// request is then unset.
func TestUpdate_everyPath(t *testing.T) {
	b := newBench(t, "")
	asked := changedSpec()
	for path, apply := range map[string]func(*groupv1.GroupSpec){
		"name":                           func(s *groupv1.GroupSpec) { s.Name = asked.GetName() },
		"tags":                           func(s *groupv1.GroupSpec) { s.Tags = asked.GetTags() },
		"target_capacity":                func(s *groupv1.GroupSpec) { s.TargetCapacity = asked.GetTargetCapacity() },
		"target_capacity.total":          func(s *groupv1.GroupSpec) { s.TargetCapacity.Total = 7 },
		"target_capacity.pay_as_you_go":  func(s *groupv1.GroupSpec) { s.TargetCapacity.PayAsYouGo = 2 },
		"target_capacity.spot":           func(s *groupv1.GroupSpec) { s.TargetCapacity.Spot = 3 },
		"target_capacity.default_type":   func(s *groupv1.GroupSpec) { s.TargetCapacity.DefaultType = asked.GetTargetCapacity().GetDefaultType() },
		"candidates":                     func(s *groupv1.GroupSpec) { s.Candidates = asked.GetCandidates() },
		"spot.max_price_micros_per_hour": func(s *groupv1.GroupSpec) { s.Spot.MaxPriceMicrosPerHour = 90_000 },
		"excess_capacity_termination_policy": func(s *groupv1.GroupSpec) {
			s.ExcessCapacityTerminationPolicy = asked.GetExcessCapacityTerminationPolicy()
		},
		"terminate_instances_with_expiration": func(s *groupv1.GroupSpec) { s.TerminateInstancesWithExpiration = true },
		"budget":                              func(s *groupv1.GroupSpec) { s.Budget = asked.GetBudget() },
		"scaling_bounds":                      func(s *groupv1.GroupSpec) { s.ScalingBounds = asked.GetScalingBounds() },
	} {
		first := spec(6, 1, 2)
		first.Name, first.Tags = "first", map[string]string{"a": "1"}
		group := b.create(first).GetGroup()
		want := proto.CloneOf(group.GetSpec())
		apply(want)
		got := b.change(group.GetGroupId(), asked, path)
		if diff := cmp.Diff(want, got.GetSpec(), protocmp.Transform()); diff != "" {
			t.Errorf("after a change of %s (-want +got):\n%s", path, diff)
		}
		if got.GetGeneration() != group.GetGeneration()+1 {
			t.Errorf("a change of %s makes generation %d of %d", path, got.GetGeneration(), group.GetGeneration())
		}
	}
	id := b.create(changedSpec()).GetGroup().GetGroupId()
	got := b.change(id, &groupv1.GroupSpec{}, "name", "tags", "budget", "scaling_bounds", "spot.max_price_micros_per_hour").GetSpec()
	if got.GetName() != "" || len(got.GetTags()) > 0 || got.GetBudget() != nil || got.GetScalingBounds() != nil || got.GetSpot().GetMaxPriceMicrosPerHour() != 0 {
		t.Errorf("what is left out is still there: %v", got)
	}
}

// Every field of a spec can be changed, or is refused by name. Whatever is wrong
// is told at once, and nothing is stored.
func TestUpdate_refusesByName(t *testing.T) {
	b := newBench(t, "")
	first := spec(6, 1, 2)
	first.Spot = &groupv1.SpotOptions{PoolsToUse: 2}
	group := b.create(first).GetGroup()
	can := []string{
		"name", "target_capacity", "candidates", "excess_capacity_termination_policy", "terminate_instances_with_expiration",
		"budget", "scaling_bounds", "tags",
	}
	refused := func(spec *groupv1.GroupSpec, paths ...string) map[string]string {
		t.Helper()
		_, err := b.client.UpdateGroup(t.Context(), &groupv1.UpdateGroupRequest{
			RequestId: "r", GroupId: group.GetGroupId(), Spec: spec, UpdateMask: &fieldmaskpb.FieldMask{Paths: paths},
		})
		return violationsOf(t, err)
	}
	paths := []string{"spot.allocation_strategy", "spot.pools_to_use", "target_capacity.minimum", "pay_as_you_go.zone_policy", "launch_template.version"}
	fields := (&groupv1.GroupSpec{}).ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		if name := string(fields.Get(i).Name()); !slices.Contains(can, name) {
			paths = append(paths, name)
		}
	}
	for _, path := range paths {
		if got := refused(changedSpec(), path); !strings.HasPrefix(got["update_mask.paths[0]"], "can not be changed") || !strings.Contains(got["update_mask.paths[0]"], path) {
			t.Errorf("%s: %v", path, got)
		}
	}
	for _, path := range []string{"", "Name", "spec.name", "candidates.zone_id", "tags.a", "target_capacity.total.x"} {
		if got := refused(changedSpec(), path)["update_mask.paths[0]"]; !strings.HasPrefix(got, "must be a field of the spec") {
			t.Errorf("%q: %v", path, got)
		}
	}
	bad := &groupv1.GroupSpec{
		Name: "x", TargetCapacity: &groupv1.TargetCapacity{Total: 3000}, Budget: &groupv1.Budget{},
		Candidates: []*groupv1.Candidate{{ZoneId: "zone-x", InstanceType: "small", WeightedCapacity: proto.Float64(-1)}},
		Tags:       map[string]string{"acs:x": "1"},
	}
	got := refused(bad, "name", "target_capacity.total", "candidates", "budget", "tags", "type")
	for _, field := range []string{
		"spec.name", "spec.target_capacity.total", "spec.candidates[0].zone_id", "spec.candidates[0].weighted_capacity",
		"spec.spot.pools_to_use", "spec.budget.max_micros_per_hour", `spec.tags["acs:x"]`, "update_mask.paths[5]",
	} {
		if got[field] == "" {
			t.Errorf("nothing is said of %s: %v", field, got)
		}
	}
	if diff := cmp.Diff(group, b.group(group.GetGroupId()), protocmp.Transform()); diff != "" {
		t.Errorf("refused changes changed the group (-before +after):\n%s", diff)
	}
}

// A change of capacity or price is exactly one scheduling task, whatever the
// type; one of anything else is none.
func TestUpdate_tasks(t *testing.T) {
	for _, groupType := range []groupv1.GroupType{groupv1.GroupType_GROUP_TYPE_INSTANT, groupv1.GroupType_GROUP_TYPE_REQUEST} {
		b := newBench(t, "")
		asked := spec(4, 0, 4)
		asked.Type = groupType
		id := b.create(asked).GetGroup().GetGroupId()
		b.settled(time.Minute)
		b.cloud.Change(b.members(id)[0].GetInstanceId(), nil)
		b.settled(time.Hour)
		tasks := len(b.activities(id))
		for _, path := range []string{"name", "tags", "excess_capacity_termination_policy", "terminate_instances_with_expiration", "scaling_bounds"} {
			group := b.change(id, changedSpec(), path)
			b.settled(time.Hour)
			if got := b.group(id); len(b.activities(id)) != tasks || got.GetLifecycle() != groupv1.Lifecycle_LIFECYCLE_ACTIVE || got.GetObservedGeneration() != group.GetGeneration() {
				t.Errorf("%v: %s: %d activities, want %d; %v", groupType, path, len(b.activities(id)), tasks, got)
			}
		}
		for _, change := range []struct {
			path string
			want int
		}{{"candidates", 4}, {"spot.max_price_micros_per_hour", 4}, {"target_capacity", 4}} {
			b.cloud.Change(b.members(id)[0].GetInstanceId(), nil)
			asked := spec(4, 0, 4)
			asked.Spot = &groupv1.SpotOptions{MaxPriceMicrosPerHour: 500_000}
			b.change(id, asked, change.path)
			b.settled(time.Hour)
			tasks++
			if got := len(b.activities(id)); got != tasks || len(b.members(id)) != change.want {
				t.Errorf("%v: %s: %d activities, want %d; %d instances, want %d", groupType, change.path, got, tasks, len(b.members(id)), change.want)
			}
			b.cloud.Change(b.members(id)[0].GetInstanceId(), nil)
			b.settled(time.Hour)
			if got := len(b.activities(id)); got != tasks {
				t.Errorf("%v: %s made another task later", groupType, change.path)
			}
		}
	}
}

// S3, S4: what the instances of a group count is known from the moment on at
// which its candidates change, so that nothing is launched that is not needed,
// nor given up that is.
func TestUpdate_candidatesAndWeights(t *testing.T) {
	named := &groupv1.Candidate{ZoneId: "zone-a", InstanceType: "small", WeightedCapacity: proto.Float64(2)}
	other := &groupv1.Candidate{ZoneId: "zone-b", InstanceType: "large", WeightedCapacity: proto.Float64(8)}
	for name, test := range map[string]struct {
		before, after []*groupv1.Candidate
		weight        float64 // of one of the first instances
		want          int     // instances after the change
	}{
		"the same attributes in another place": {[]*groupv1.Candidate{byVCPUs("zone-a", 2)}, []*groupv1.Candidate{other, byVCPUs("zone-a", 2)}, 2, 4},
		"wider attributes":                     {[]*groupv1.Candidate{byVCPUs("zone-a", 2)}, []*groupv1.Candidate{byVCPUs("zone-a", 2, 8)}, 2, 4},
		"a name for attributes":                {[]*groupv1.Candidate{byVCPUs("zone-a", 2)}, []*groupv1.Candidate{named}, 2, 4},
		"attributes for a name":                {[]*groupv1.Candidate{named}, []*groupv1.Candidate{byVCPUs("zone-a", 2, 8)}, 2, 4},
		"another weight":                       {[]*groupv1.Candidate{byVCPUs("zone-a", 2)}, []*groupv1.Candidate{{ZoneId: "zone-a", InstanceType: "small", WeightedCapacity: proto.Float64(4)}}, 4, 2},
		"no longer named":                      {[]*groupv1.Candidate{byVCPUs("zone-a", 2)}, []*groupv1.Candidate{other}, 1, 4 + 1},
	} {
		t.Run(name, func(t *testing.T) {
			b := newShapedBench(t, "")
			asked := spec(8, 0, 8)
			asked.Candidates = test.before
			id := b.create(asked).GetGroup().GetGroupId()
			b.settled(5 * time.Minute)
			first := b.members(id)
			if len(first) != 4 {
				t.Fatalf("%d instances at first, want 4", len(first))
			}
			b.change(id, &groupv1.GroupSpec{Candidates: test.after}, "candidates")
			listed, err := b.client.ListGroupInstances(t.Context(), &groupv1.ListGroupInstancesRequest{GroupId: id})
			if err != nil {
				t.Fatal(err)
			}
			for _, member := range listed.GetInstances() {
				if member.GetWeightedCapacity() != test.weight {
					t.Errorf("an instance counts %v, want %v", member.GetWeightedCapacity(), test.weight)
				}
			}
			b.settled(30 * time.Minute)
			if got := b.group(id).GetCapacity(); len(b.members(id)) != test.want || got.GetFulfilled() < 8 {
				t.Errorf("%d instances of %v units, want %d", len(b.members(id)), got.GetFulfilled(), test.want)
			}
		})
	}
}

// A pool that refused goes on to be left alone after a change.
func TestUpdate_keepsRefusals(t *testing.T) {
	b := newBench(t, "")
	b.blind = true
	b.end()
	b.start()
	b.cloud.SetStock(cloudtest.Pool{Zone: "zone-a", Type: "small", Method: spot}, 0)
	b.cloud.SetStock(cloudtest.Pool{Zone: "zone-b", Type: "small", Method: spot}, 0)
	id := b.create(spec(2, 0, 2)).GetGroup().GetGroupId()
	b.settled(time.Second)
	results := len(b.activities(id)[0].GetLaunchResults())
	b.change(id, &groupv1.GroupSpec{Candidates: spec(0, 0, 0).GetCandidates()}, "candidates")
	b.settled(time.Second)
	if got := b.activities(id)[0].GetLaunchResults(); len(b.activities(id)) > 1 && len(got) > 0 {
		t.Errorf("%d pools were tried again, of %d", len(got), results)
	}
}
