package e2e_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/seed-198b1370/muster/pkg/rpc"
	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/test/system"
)

// Every bad input is refused with violations that name field, value and rule,
// and leaves nothing behind.
func TestBadInput_create(t *testing.T) {
	inEach(t, system.Options{}, func(t *testing.T, s *system.System) {
		for name, test := range map[string]struct {
			spoil func(*groupv1.CreateGroupRequest)
			want  map[string]string // field to value as the violation repeats it
		}{
			"target below the sum": {
				func(r *groupv1.CreateGroupRequest) {
					r.Spec.TargetCapacity = &groupv1.TargetCapacity{Total: 4, PayAsYouGo: 3, Spot: 2}
				},
				map[string]string{"spec.target_capacity": "total:4"},
			},
			"target above the limit": {
				func(r *groupv1.CreateGroupRequest) {
					r.Spec.TargetCapacity = &groupv1.TargetCapacity{Total: 2001}
				},
				map[string]string{"spec.target_capacity.total": "2001"},
			},
			"no target": {
				func(r *groupv1.CreateGroupRequest) { r.Spec.TargetCapacity = nil },
				map[string]string{"spec.target_capacity": ""},
			},
			"unknown zone": {
				func(r *groupv1.CreateGroupRequest) { r.Spec.Candidates[0].ZoneId = "cn-nowhere-z" },
				map[string]string{"spec.candidates[0].zone_id": `"cn-nowhere-z"`},
			},
			"unknown type": {
				func(r *groupv1.CreateGroupRequest) { r.Spec.Candidates[1].InstanceType = "ecs.c6.enormous" },
				map[string]string{"spec.candidates[1].instance_type": `"ecs.c6.enormous"`},
			},
			"the same pool twice": {
				func(r *groupv1.CreateGroupRequest) {
					r.Spec.Candidates[1] = proto.CloneOf(r.GetSpec().GetCandidates()[0])
				},
				map[string]string{"spec.candidates[1]": ""},
			},
			"weight 0": {
				func(r *groupv1.CreateGroupRequest) { r.Spec.Candidates[0].WeightedCapacity = proto.Float64(0) },
				map[string]string{"spec.candidates[0].weighted_capacity": "0"},
			},
			"weight below a thousandth": {
				func(r *groupv1.CreateGroupRequest) { r.Spec.Candidates[0].WeightedCapacity = proto.Float64(1e-10) },
				map[string]string{"spec.candidates[0].weighted_capacity": "1e-10"},
			},
			"weight with four decimals": {
				func(r *groupv1.CreateGroupRequest) { r.Spec.Candidates[0].WeightedCapacity = proto.Float64(1.0005) },
				map[string]string{"spec.candidates[0].weighted_capacity": "1.0005"},
			},
			"weight that is no number": {
				func(r *groupv1.CreateGroupRequest) {
					r.Spec.Candidates[0].WeightedCapacity = proto.Float64(math.NaN())
				},
				map[string]string{"spec.candidates[0].weighted_capacity": "NaN"},
			},
			"name of one letter": {
				func(r *groupv1.CreateGroupRequest) { r.Spec.Name = "x" },
				map[string]string{"spec.name": `"x"`},
			},
			"name that begins with a digit": {
				func(r *groupv1.CreateGroupRequest) { r.Spec.Name = "1web" },
				map[string]string{"spec.name": `"1web"`},
			},
			"name that is an address": {
				func(r *groupv1.CreateGroupRequest) { r.Spec.Name = "http://web" },
				map[string]string{"spec.name": `"http://web"`},
			},
			"name that is too long": {
				func(r *groupv1.CreateGroupRequest) { r.Spec.Name = strings.Repeat("x", 129) },
				map[string]string{"spec.name": "..."},
			},
			"21 candidates": {
				func(r *groupv1.CreateGroupRequest) {
					for len(r.GetSpec().GetCandidates()) < 21 {
						r.Spec.Candidates = append(r.Spec.Candidates, proto.CloneOf(r.GetSpec().GetCandidates()[0]))
					}
				},
				withRepeated(map[string]string{"spec.candidates": "21 items"}, len(maintainSpec(1, 2).GetCandidates()), 20),
			},
			"no candidates": {
				func(r *groupv1.CreateGroupRequest) { r.Spec.Candidates = nil },
				map[string]string{"spec.candidates": "0 items"},
			},
			"negative price": {
				func(r *groupv1.CreateGroupRequest) { r.Spec.Spot.MaxPriceMicrosPerHour = -1 },
				map[string]string{"spec.spot.max_price_micros_per_hour": "-1"},
			},
			"more pools than candidates": {
				func(r *groupv1.CreateGroupRequest) { r.Spec.Spot.PoolsToUse = 7 },
				map[string]string{"spec.spot.pools_to_use": "7"},
			},
			"garbage token": {
				func(r *groupv1.CreateGroupRequest) { r.RequestId = "with space" },
				map[string]string{"request_id": `"with space"`},
			},
			"undefined enum": {
				func(r *groupv1.CreateGroupRequest) { r.Spec.Type = 99 },
				map[string]string{"spec.type": "99"},
			},
			"several at once": {
				func(r *groupv1.CreateGroupRequest) {
					r.RequestId, r.Spec.Name, r.Spec.Candidates[2].Priority = "with space", "x", proto.Int32(-1)
				},
				map[string]string{"request_id": "", "spec.name": "", "spec.candidates[2].priority": "-1"},
			},
			"bad shapes beside what is not sold": {
				func(r *groupv1.CreateGroupRequest) {
					r.Spec.Name, r.Spec.TargetCapacity, r.Spec.Candidates[2].WeightedCapacity = "x", nil, proto.Float64(math.NaN())
					r.Spec.Candidates[0].ZoneId, r.Spec.Candidates[1].InstanceType = "cn-nowhere-z", "ecs.c6.enormous"
				},
				map[string]string{
					"spec.name": `"x"`, "spec.target_capacity": "must be given", "spec.candidates[2].weighted_capacity": "NaN",
					"spec.candidates[0].zone_id": `"cn-nowhere-z"`, "spec.candidates[1].instance_type": `"ecs.c6.enormous"`,
				},
			},
			"several unknown pools at once": {
				func(r *groupv1.CreateGroupRequest) {
					r.Spec.Candidates[0].ZoneId, r.Spec.Candidates[1].InstanceType, r.Spec.Spot.PoolsToUse = "nowhere", "nothing", 20
				},
				map[string]string{"spec.candidates[0].zone_id": "", "spec.candidates[1].instance_type": "", "spec.spot.pools_to_use": "20"},
			},
		} {
			t.Run(name, func(t *testing.T) {
				request := &groupv1.CreateGroupRequest{Spec: maintainSpec(1, 2)}
				test.spoil(request)
				_, err := s.Groups.CreateGroup(t.Context(), request)
				assertViolations(t, err, test.want)
				_, err = s.Groups.PreviewGroup(t.Context(), &groupv1.PreviewGroupRequest{Spec: request.GetSpec()})
				if request.GetRequestId() == "" {
					assertViolations(t, err, test.want)
				}
			})
		}
		groups, err := s.Groups.ListGroups(t.Context(), &groupv1.ListGroupsRequest{ShowDeleted: true})
		if err != nil {
			t.Fatal(err)
		}
		if len(groups.GetGroups()) != 0 || len(s.Instances(t, "")) != 0 {
			t.Errorf("bad input left %d groups and %d instances behind", len(groups.GetGroups()), len(s.Instances(t, "")))
		}
	})
}

// withRepeated adds the violations of candidates that repeat the first one.
func withRepeated(want map[string]string, from, to int) map[string]string {
	for i := from; i < to; i++ {
		want[fmt.Sprintf("spec.candidates[%d]", i)] = "candidates[0] names it"
	}
	return want
}

func assertViolations(t *testing.T, err error, want map[string]string) {
	t.Helper()
	if status.Code(err) != codes.InvalidArgument {
		t.Fatalf("got %v, want INVALID_ARGUMENT", err)
	}
	got := map[string]string{}
	for _, violation := range rpc.FieldViolations(err) {
		got[violation.GetField()] = violation.GetDescription()
	}
	for field, value := range want {
		description, named := got[field]
		if !named || !strings.Contains(description, value) || !strings.Contains(description, ", got ") {
			t.Errorf("the violation of %s is %q, want one that repeats the value %s; all: %v", field, description, value, got)
		}
		delete(got, field)
	}
	if len(got) > 0 {
		t.Errorf("violations of fields that are right: %v", got)
	}
}

// Every combination that makes no sense is told of at once, by whichever service
// knows that it makes none.
func TestBadInput_strategies(t *testing.T) {
	inEach(t, system.Options{}, func(t *testing.T, s *system.System) {
		spec := maintainSpec(1, 2)
		spec.Spot = &groupv1.SpotOptions{
			AllocationStrategy: allocatorv1.SpotAllocationStrategy_SPOT_ALLOCATION_STRATEGY_PRICE_CAPACITY_OPTIMIZED,
			ZonePolicy:         allocatorv1.ZonePolicy_ZONE_POLICY_SEQUENCED,
		}
		spec.PayAsYouGo = &groupv1.PayAsYouGoOptions{
			AllocationStrategy: allocatorv1.PayAsYouGoAllocationStrategy_PAY_AS_YOU_GO_ALLOCATION_STRATEGY_PRIORITIZED,
			TypePolicy:         allocatorv1.TypePolicy_TYPE_POLICY_COST_CENTERED,
		}
		with := func(zone string, attributes *allocatorv1.InstanceAttributes) *groupv1.Candidate {
			return &groupv1.Candidate{ZoneId: zone, Attributes: attributes}
		}
		spec.Candidates = []*groupv1.Candidate{
			{ZoneId: "cn-shenzhen-d"},
			{ZoneId: "cn-shenzhen-d", InstanceType: "ecs.c6.large", Attributes: &allocatorv1.InstanceAttributes{}},
			with("cn-shenzhen-d", &allocatorv1.InstanceAttributes{MinVcpus: proto.Int32(8), MaxVcpus: proto.Int32(4)}),
			with("cn-shenzhen-d", &allocatorv1.InstanceAttributes{Vcpus: []int32{7}}),
			with("cn-nowhere-z", &allocatorv1.InstanceAttributes{Vcpus: []int32{4}}),
			with("cn-shenzhen-e", &allocatorv1.InstanceAttributes{CapacityUnit: allocatorv1.CapacityUnit_CAPACITY_UNIT_MEMORY_GIB}),
		}
		spec.Candidates[5].WeightedCapacity = proto.Float64(2)
		want := map[string]string{
			"spec.spot.zone_policy": "sequenced", "spec.pay_as_you_go.type_policy": "cost-centered",
			"spec.candidates[0].instance_type": `""`, "spec.candidates[1].attributes": "no attributes",
			"spec.candidates[2].attributes.max_vcpus": "4", "spec.candidates[3].attributes": "vcpus:7",
			"spec.candidates[4].zone_id": `"cn-nowhere-z"`, "spec.candidates[5].weighted_capacity": "2",
		}
		_, err := s.Groups.CreateGroup(t.Context(), &groupv1.CreateGroupRequest{Spec: spec})
		assertViolations(t, err, want)
		// Beside what breaks a rule of one field, too.
		spec.Name, want["spec.name"] = "x", `"x"`
		spec.Candidates[3].Attributes.MinGpus, want["spec.candidates[3].attributes.min_gpus"] = proto.Int32(-1), "-1"
		delete(want, "spec.candidates[3].attributes") // it can not be matched
		_, err = s.Groups.PreviewGroup(t.Context(), &groupv1.PreviewGroupRequest{Spec: spec})
		assertViolations(t, err, want)
		if groups, err := s.Groups.ListGroups(t.Context(), &groupv1.ListGroupsRequest{ShowDeleted: true}); err != nil || len(groups.GetGroups()) > 0 {
			t.Errorf("bad input left %v, %v", groups.GetGroups(), err)
		}
	})
}

// assertNamed wants a violation of a field.
func assertNamed(t *testing.T, err error, field string) {
	t.Helper()
	for _, violation := range rpc.FieldViolations(err) {
		if violation.GetField() == field {
			return
		}
	}
	t.Errorf("got %v, want a violation of %s", err, field)
}

func TestBadInput_lists(t *testing.T) {
	inEach(t, system.Options{}, func(t *testing.T, s *system.System) {
		_, err := s.Groups.ListGroups(t.Context(), &groupv1.ListGroupsRequest{PageSize: 10_000})
		assertViolations(t, err, map[string]string{"page_size": "10000"})
		_, err = s.Groups.ListGroups(t.Context(), &groupv1.ListGroupsRequest{PageToken: "garbage"})
		if status.Code(err) != codes.InvalidArgument || !rpc.HasReason(err, groupv1.ErrorReason_ERROR_REASON_INVALID_TOKEN) {
			t.Errorf("a garbage token gave %v", err)
		}
		_, err = s.Groups.GetGroup(t.Context(), &groupv1.GetGroupRequest{GroupId: "apg-none"})
		if status.Code(err) != codes.NotFound || !rpc.HasReason(err, groupv1.ErrorReason_ERROR_REASON_GROUP_NOT_FOUND) {
			t.Errorf("an unknown group gave %v", err)
		}
	})
}

func TestListGroups_pages(t *testing.T) {
	inEach(t, system.Options{}, func(t *testing.T, s *system.System) {
		var want []string
		for range 7 {
			spec := maintainSpec(0, 0)
			want = append(want, create(t, s, &groupv1.CreateGroupRequest{Spec: spec}).GetGroupId())
		}
		var got []string
		request := &groupv1.ListGroupsRequest{PageSize: 3}
		for {
			page, err := s.Groups.ListGroups(t.Context(), request)
			if err != nil {
				t.Fatal(err)
			}
			for _, group := range page.GetGroups() {
				got = append(got, group.GetGroupId())
			}
			if request.PageToken = page.GetNextPageToken(); request.PageToken == "" {
				break
			}
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("pages hold %v, want %v", got, want)
		}
	})
}
