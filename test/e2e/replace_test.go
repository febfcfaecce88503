package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
	"github.com/seed-198b1370/muster/test/system"
)

// judgedGroup creates a maintain group of pay-as-you-go instances of one type in
// one zone, whose instances are judged by a policy from the first on.
func judgedGroup(t *testing.T, s *system.System, size int32, policy *healthv1.HealthPolicy) string {
	t.Helper()
	id := create(t, s, &groupv1.CreateGroupRequest{Spec: &groupv1.GroupSpec{
		Type: groupv1.GroupType_GROUP_TYPE_MAINTAIN, TargetCapacity: &groupv1.TargetCapacity{}, TerminateInstances: true,
		Candidates: []*groupv1.Candidate{{ZoneId: "cn-shenzhen-d", InstanceType: "ecs.c6.large"}},
	}}).GetGroupId()
	if policy != nil {
		if _, err := s.Health.SetHealthPolicy(t.Context(), &healthv1.SetHealthPolicyRequest{GroupId: id, Policy: policy}); err != nil {
			t.Fatal(err)
		}
	}
	_, err := s.Groups.UpdateGroup(t.Context(), &groupv1.UpdateGroupRequest{
		GroupId: id, Spec: &groupv1.GroupSpec{TargetCapacity: &groupv1.TargetCapacity{Total: size, PayAsYouGo: size}}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"target_capacity"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func idsOf(instances []*fleetv1.Instance) []string {
	ids := make([]string, len(instances))
	for i, instance := range instances {
		ids[i] = instance.GetInstanceId()
	}
	return ids
}

// awaitWithout waits until a group is at its target without instances, and
// tells its members.
func awaitWithout(t *testing.T, s *system.System, groupID string, gone ...string) []string {
	t.Helper()
	var members []string
	system.Eventually(t, fmt.Sprintf("a group without %v", gone), func() (bool, any) {
		members = idsOf(s.Instances(t, groupID))
		return !slices.ContainsFunc(gone, func(id string) bool { return slices.Contains(members, id) }), members
	})
	s.AwaitFulfilled(t, groupID)
	return idsOf(s.Instances(t, groupID))
}

// removalsOf are the reasons for which instances of a group were given up.
func removalsOf(t *testing.T, s *system.System, groupID string) map[string]string {
	t.Helper()
	listed, err := s.Groups.ListActivities(t.Context(), &groupv1.ListActivitiesRequest{GroupId: groupID, PageSize: 200})
	if err != nil {
		t.Fatal(err)
	}
	reasons := map[string]string{}
	for _, activity := range listed.GetActivities() {
		for _, removal := range activity.GetRemovals() {
			reasons[removal.GetInstanceId()] = removal.GetReason()
		}
	}
	return reasons
}

// What crashes, hangs or is slow is replaced, and nothing else.
func TestReplace_failures(t *testing.T) {
	inEach(t, system.Options{Speed: 600, Probed: true}, func(t *testing.T, s *system.System) {
		policy := probing(s, 500*time.Millisecond, httpProbe())
		policy.GracePeriod = durationpb.New(10 * time.Minute)
		group := judgedGroup(t, s, 8, policy)
		s.AwaitFulfilled(t, group)
		before := idsOf(s.Instances(t, group))
		for i, failure := range []fleetv1.InstanceFailure{
			fleetv1.InstanceFailure_INSTANCE_FAILURE_CRASH, fleetv1.InstanceFailure_INSTANCE_FAILURE_HANG, fleetv1.InstanceFailure_INSTANCE_FAILURE_SLOW,
		} {
			failAs(t, s, failure, before[i])
		}
		after := awaitWithout(t, s, group, before[:3]...)
		if len(after) != 8 {
			t.Errorf("%d members, want 8", len(after))
		}
		for _, id := range before[3:] {
			if !slices.Contains(after, id) {
				t.Errorf("%s is gone, which was well", id)
			}
		}
		reasons := removalsOf(t, s, group)
		for _, id := range before[:3] {
			if !strings.HasPrefix(reasons[id], "unhealthy: ") {
				t.Errorf("%s went for the reason %q", id, reasons[id])
			}
		}
	})
}

// An instance that is not up yet is left alone within its grace, however often
// the group is looked at meanwhile.
func TestReplace_graceIsKept(t *testing.T) {
	inEach(t, system.Options{Speed: 60, Probed: true}, func(t *testing.T, s *system.System) {
		policy := probing(s, 500*time.Millisecond, httpProbe())
		policy.GracePeriod, policy.ImpairedAfter = durationpb.New(2*time.Hour), durationpb.New(0)
		group := judgedGroup(t, s, 3, policy)
		s.AwaitFulfilled(t, group)
		before := idsOf(s.Instances(t, group))
		_, err := s.Simulation.InjectFault(t.Context(), &fleetv1.InjectFaultRequest{Fault: &fleetv1.Fault{
			FaultId: "slow", Effect: &fleetv1.Fault_SlowLaunch{SlowLaunch: &fleetv1.SlowLaunch{Pools: &fleetv1.PoolSelector{}, FactorPermille: 1_000_000}},
		}})
		if err != nil {
			t.Fatal(err)
		}
		for i, id := range before { // one after the other, so that each finds earlier ones that boot
			failAs(t, s, fleetv1.InstanceFailure_INSTANCE_FAILURE_CRASH, id)
			system.Eventually(t, "a replacement", func() (bool, any) {
				members := idsOf(s.Instances(t, group))
				return len(members) == 3 && !slices.Contains(members, id), members
			})
			launched := 0
			for _, transition := range s.Transitions(t, group) {
				if transition.GetKind() == fleetv1.TransitionKind_TRANSITION_KIND_CREATED {
					launched++
				}
			}
			if launched != 3+i+1 {
				t.Errorf("%d were launched for %d that crashed", launched-3, i+1)
			}
		}
	})
}

// When most of a group is unhealthy, a share of it is replaced at a time: by the
// fleet's own journal it never holds more than the target and the share, and
// releases nothing but when something that was launched for it runs.
func TestReplace_byShares(t *testing.T) {
	inEach(t, system.Options{Speed: 600}, func(t *testing.T, s *system.System) {
		group := judgedGroup(t, s, 10, nil)
		s.AwaitFulfilled(t, group)
		ill := idsOf(s.Instances(t, group))[:7]
		for _, id := range ill {
			_, err := s.Health.SetInstanceHealth(t.Context(), &healthv1.SetInstanceHealthRequest{
				InstanceId: id, Status: healthv1.HealthStatus_HEALTH_STATUS_UNHEALTHY, Reason: "disk full",
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if after := awaitWithout(t, s, group, ill...); len(after) != 10 {
			t.Errorf("%d members, want 10", len(after))
		}
		held, ran, released := 0, 0, 0
		for _, transition := range s.Transitions(t, group) {
			switch transition.GetKind() {
			case fleetv1.TransitionKind_TRANSITION_KIND_CREATED:
				held++
			case fleetv1.TransitionKind_TRANSITION_KIND_RUNNING:
				ran++
			case fleetv1.TransitionKind_TRANSITION_KIND_RELEASED:
				held--
				released++
			default:
			}
			if held > 12 || released > 0 && ran < 10+released {
				t.Fatalf("after %v: %d are held, %d ran, %d were released", transition, held, ran, released)
			}
		}
		if released != 7 {
			t.Errorf("%d were released, want 7", released)
		}
	})
}

// When nobody in a zone answers any more, a group loses nobody by it, and is
// still kept at its target.
func TestReplace_zoneThatDoesNotAnswer(t *testing.T) {
	inEach(t, system.Options{Speed: 60, Probed: true}, func(t *testing.T, s *system.System) {
		policy := probing(s, 500*time.Millisecond, tcpProbe())
		policy.GracePeriod = durationpb.New(0)
		group := judgedGroup(t, s, 5, policy)
		s.AwaitFulfilled(t, group)
		before := idsOf(s.Instances(t, group))
		policy.Probes[0].Port = 1 // as if a firewall had come in between: nobody answers there
		if _, err := s.Health.SetHealthPolicy(t.Context(), &healthv1.SetHealthPolicyRequest{GroupId: group, Policy: policy}); err != nil {
			t.Fatal(err)
		}
		system.Eventually(t, "a suspicion", func() (bool, any) {
			listed, err := s.Health.ListVerdicts(t.Context(), &healthv1.ListVerdictsRequest{GroupId: group})
			return err == nil && len(listed.GetSuspectedZones()) == 1, listed
		})
		failAs(t, s, fleetv1.InstanceFailure_INSTANCE_FAILURE_CRASH, before[0])
		after := awaitWithout(t, s, group, before[0])
		for _, id := range before[1:] {
			if !slices.Contains(after, id) {
				t.Errorf("%s is gone for a network that broke", id)
			}
		}
	})
}

// A webhook is sent what becomes of a group.
func TestGroupEvents_reachWebhooks(t *testing.T) {
	inEach(t, system.Options{Speed: 600}, func(t *testing.T, s *system.System) {
		var mu sync.Mutex
		var got []string // guarded by mu
		endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			var event struct{ Type, Subject string }
			if err := json.NewDecoder(r.Body).Decode(&event); err != nil {
				t.Errorf("not a CloudEvent: %v", err)
			}
			mu.Lock()
			defer mu.Unlock()
			got = append(got, event.Subject+" "+event.Type)
			w.WriteHeader(http.StatusNoContent)
		}))
		t.Cleanup(endpoint.Close)
		_, err := healthv1.NewWebhookServiceClient(s.Conns[3]).SetWebhook(t.Context(), &healthv1.SetWebhookRequest{
			Webhook: &healthv1.Webhook{WebhookId: "groups", Url: endpoint.URL}, Secret: []byte(strings.Repeat("s", 32)),
		})
		if err != nil {
			t.Fatal(err)
		}
		group := create(t, s, &groupv1.CreateGroupRequest{Spec: maintainSpec(2, 2)}).GetGroupId()
		var want []string
		for _, kind := range []string{"activity_started", "activity_succeeded", "fulfilled"} {
			want = append(want, group+" muster.group."+kind)
		}
		system.Eventually(t, "the group's events", func() (bool, any) {
			mu.Lock()
			defer mu.Unlock()
			return !slices.ContainsFunc(want, func(event string) bool { return !slices.Contains(got, event) }), slices.Clone(got)
		})
	})
}
