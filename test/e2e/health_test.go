package e2e_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
	"github.com/seed-198b1370/muster/test/system"
)

const (
	healthGroup = "apg-health"
	unhealthy   = healthv1.InstanceEventKind_INSTANCE_EVENT_KIND_UNHEALTHY
	recovered   = healthv1.InstanceEventKind_INSTANCE_EVENT_KIND_RECOVERED
)

// launchTagged launches instances with the tag of a group that nobody keeps, and
// waits until they run.
func launchTagged(t *testing.T, s *system.System, amount int32) []string {
	t.Helper()
	launched, err := s.Fleet.RunInstances(t.Context(), &fleetv1.RunInstancesRequest{
		RequestId: "health", ZoneId: "cn-shenzhen-d", InstanceType: "ecs.c6.large", Amount: amount,
		BillingMethod: fleetv1.BillingMethod_BILLING_METHOD_PAY_AS_YOU_GO, Tags: map[string]string{system.GroupTag: healthGroup},
	})
	if err != nil {
		t.Fatal(err)
	}
	system.Eventually(t, "running instances", func() (bool, any) {
		all := s.Instances(t, healthGroup)
		return !slices.ContainsFunc(all, func(i *fleetv1.Instance) bool {
			return i.GetStatus() != fleetv1.InstanceStatus_INSTANCE_STATUS_RUNNING
		}), all
	})
	return launched.GetInstanceIds()
}

func failAs(t *testing.T, s *system.System, failure fleetv1.InstanceFailure, ids ...string) {
	t.Helper()
	_, err := s.Simulation.FailInstances(t.Context(), &fleetv1.FailInstancesRequest{
		Target:  &fleetv1.FailInstancesRequest_Instances{Instances: &fleetv1.InstanceIds{InstanceIds: ids}},
		Failure: failure,
	})
	if err != nil {
		t.Fatal(err)
	}
}

func setPolicy(t *testing.T, s *system.System, policy *healthv1.HealthPolicy) {
	t.Helper()
	if _, err := s.Health.SetHealthPolicy(t.Context(), &healthv1.SetHealthPolicyRequest{GroupId: healthGroup, Policy: policy}); err != nil {
		t.Fatal(err)
	}
}

// probing is a policy that probes every second of real time.
func probing(s *system.System, timeout time.Duration, probes ...*healthv1.Probe) *healthv1.HealthPolicy {
	for _, probe := range probes {
		probe.Port, probe.Interval, probe.Timeout = int32(s.InstancePort), durationpb.New(time.Second), durationpb.New(timeout)
		probe.UnhealthyThreshold, probe.HealthyThreshold = 2, 1
	}
	return &healthv1.HealthPolicy{Probes: probes, GracePeriod: durationpb.New(0), ImpairedAfter: durationpb.New(time.Hour)}
}

func tcpProbe() *healthv1.Probe {
	return &healthv1.Probe{Kind: &healthv1.Probe_Tcp{Tcp: &healthv1.TcpProbe{}}}
}
func httpProbe() *healthv1.Probe {
	return &healthv1.Probe{Kind: &healthv1.Probe_Http{Http: &healthv1.HttpProbe{}}}
}
func grpcProbe() *healthv1.Probe {
	return &healthv1.Probe{Kind: &healthv1.Probe_Grpc{Grpc: &healthv1.GrpcProbe{}}}
}

// verdictEvents follows the verdicts of the group.
func verdictEvents(t *testing.T, s *system.System) func() *healthv1.InstanceEvent {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), system.Patience)
	t.Cleanup(cancel)
	watch, err := s.Health.WatchInstanceEvents(ctx, &healthv1.WatchInstanceEventsRequest{
		GroupId: healthGroup, FromStart: true, Kinds: []healthv1.InstanceEventKind{unhealthy, recovered},
	})
	if err != nil {
		t.Fatal(err)
	}
	return func() *healthv1.InstanceEvent {
		t.Helper()
		for {
			next, err := watch.Recv()
			if err != nil {
				t.Fatal(err)
			}
			if next.GetEvent() != nil {
				return next.GetEvent()
			}
		}
	}
}

func listVerdicts(t *testing.T, s *system.System) *healthv1.ListVerdictsResponse {
	t.Helper()
	listed, err := s.Health.ListVerdicts(t.Context(), &healthv1.ListVerdictsRequest{GroupId: healthGroup})
	if err != nil {
		t.Fatal(err)
	}
	return listed
}

// What fails is told once, with the evidence, and again when it works; what the
// cloud tells needs no probes.
func TestHealth_failuresAreTold(t *testing.T) {
	inEach(t, system.Options{Speed: 600, Probed: true}, func(t *testing.T, s *system.System) {
		setPolicy(t, s, &healthv1.HealthPolicy{GracePeriod: durationpb.New(0)})
		ids := launchTagged(t, s, 3)
		next := verdictEvents(t, s)
		for i, test := range []struct {
			failure fleetv1.InstanceFailure
			reason  string
		}{
			{fleetv1.InstanceFailure_INSTANCE_FAILURE_CRASH, "Stopped"},
			{fleetv1.InstanceFailure_INSTANCE_FAILURE_HANG, "InsufficientData"},
			{fleetv1.InstanceFailure_INSTANCE_FAILURE_IMPAIR, "Impaired"},
		} {
			failAs(t, s, test.failure, ids[i])
			event := next()
			if event.GetKind() != unhealthy || event.GetInstanceId() != ids[i] || event.GetReason() != test.reason ||
				event.GetEventId() != ids[i]+"/v1" || event.GetMessage() == "" {
				t.Errorf("after %v: %v", test.failure, event)
			}
		}
		if got := listVerdicts(t, s).GetVerdicts(); len(got) != 3 || got[0].GetInstanceId() != ids[0] || got[0].GetReason() != "Stopped" {
			t.Errorf("unhealthy are %v", got)
		}
		failAs(t, s, fleetv1.InstanceFailure_INSTANCE_FAILURE_RECOVER, ids[1])
		if event := next(); event.GetKind() != recovered || event.GetEventId() != ids[1]+"/v2" {
			t.Errorf("after it works again: %v", event)
		}
		if _, err := s.Fleet.DeleteInstances(t.Context(), &fleetv1.DeleteInstancesRequest{InstanceIds: ids}); err != nil {
			t.Fatal(err)
		}
		system.Eventually(t, "verdicts that are forgotten", func() (bool, any) {
			got, err := s.Health.ListVerdicts(t.Context(), &healthv1.ListVerdictsRequest{InstanceIds: ids})
			return err == nil && len(got.GetVerdicts()) == 0, got
		})
	})
}

// Probes of each kind find what the cloud does not tell: an instance that is
// slow, and one whose answer is bad.
func TestHealth_probesAreAnswered(t *testing.T) {
	for name, test := range map[string]struct {
		probe   *healthv1.Probe
		failure fleetv1.InstanceFailure
		message string
	}{
		"HTTP of an impaired": {httpProbe(), fleetv1.InstanceFailure_INSTANCE_FAILURE_IMPAIR, "status 503, want 200 to 399"},
		"HTTP of a slow":      {httpProbe(), fleetv1.InstanceFailure_INSTANCE_FAILURE_SLOW, "no answer within 500ms"},
		"gRPC of an impaired": {grpcProbe(), fleetv1.InstanceFailure_INSTANCE_FAILURE_IMPAIR, "NOT_SERVING, want SERVING"},
		"gRPC of a hanging":   {grpcProbe(), fleetv1.InstanceFailure_INSTANCE_FAILURE_HANG, "no answer within 500ms"},
	} {
		t.Run(name, func(t *testing.T) {
			s := system.StartInProcess(t, system.Options{Speed: 1, Probed: true})
			s.SetSpeed(t, 600)
			ids := launchTagged(t, s, 2) // too few to doubt the checker's own network
			s.SetSpeed(t, 1)
			setPolicy(t, s, probing(s, 500*time.Millisecond, test.probe, tcpProbe()))
			next := verdictEvents(t, s)
			failAs(t, s, test.failure, ids[0])
			event := next()
			if event.GetKind() != unhealthy || event.GetInstanceId() != ids[0] || event.GetReason() != "ProbeFailed" {
				t.Fatalf("got %v", event)
			}
			if want := "failed 2 times in a row: " + test.message; event.GetMessage()[len(event.GetMessage())-len(want):] != want {
				t.Errorf("it says %q, want %q", event.GetMessage(), want)
			}
			failAs(t, s, fleetv1.InstanceFailure_INSTANCE_FAILURE_RECOVER, ids[0])
			if event := next(); event.GetKind() != recovered {
				t.Errorf("after it works again: %v", event)
			}
		})
	}
}

// An instance that is not up within its grace is not called unhealthy.
func TestHealth_graceIsKept(t *testing.T) {
	inEach(t, system.Options{Speed: 60, Probed: true}, func(t *testing.T, s *system.System) {
		policy := probing(s, time.Second, httpProbe())
		policy.GracePeriod = durationpb.New(2 * time.Hour)
		setPolicy(t, s, policy)
		next := verdictEvents(t, s)
		ids := launchTagged(t, s, 2)
		failAs(t, s, fleetv1.InstanceFailure_INSTANCE_FAILURE_CRASH, ids[1])
		if event := next(); event.GetInstanceId() != ids[1] { // the other one gave none while it booted
			t.Errorf("got %v", event)
		}
	})
}

// When nobody in a zone answers any more, the checker doubts its own network and
// says so; what the cloud tells counts all the same.
func TestHealth_zoneThatDoesNotAnswer(t *testing.T) {
	inEach(t, system.Options{Speed: 1, Probed: true}, func(t *testing.T, s *system.System) {
		s.SetSpeed(t, 600)
		ids := launchTagged(t, s, 4)
		s.SetSpeed(t, 1)
		policy := probing(s, 500*time.Millisecond, tcpProbe())
		setPolicy(t, s, policy)
		next := verdictEvents(t, s)
		awaitProbed(t, s, ids)
		policy.Probes[0].Port = 1 // as if a firewall had come in between: nobody answers there
		setPolicy(t, s, policy)
		system.Eventually(t, "a suspicion", func() (bool, any) {
			listed := listVerdicts(t, s)
			zones := listed.GetSuspectedZones()
			return len(zones) == 1 && zones[0].GetZoneId() == "cn-shenzhen-d" && zones[0].GetReason() == "CheckerNetworkSuspected", listed
		})
		failAs(t, s, fleetv1.InstanceFailure_INSTANCE_FAILURE_CRASH, ids[0])
		if event := next(); event.GetReason() != "Stopped" || event.GetInstanceId() != ids[0] {
			t.Errorf("got %v, want only what the cloud told", event)
		}
		if got := listVerdicts(t, s).GetVerdicts(); len(got) != 1 {
			t.Errorf("unhealthy are %v", got)
		}
	})
}

// awaitProbed waits until instances take connections at their addresses.
func awaitProbed(t *testing.T, s *system.System, ids []string) {
	t.Helper()
	for _, instance := range s.Instances(t, healthGroup) {
		host, err := netip.ParseAddr(instance.GetPrivateIpAddress())
		if err != nil || !host.IsLoopback() {
			t.Fatalf("instance %s has address %q", instance.GetInstanceId(), instance.GetPrivateIpAddress())
		}
		conn, err := net.Dial("tcp", netip.AddrPortFrom(host, uint16(s.InstancePort)).String())
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
	}
	if len(ids) == 0 {
		t.Fatal("no instances")
	}
}

// S8: an account is told of its own instances only, and can say nothing of
// others'.
func TestHealth_isOfTheAccount(t *testing.T) {
	inEach(t, system.Options{Speed: 600}, func(t *testing.T, s *system.System) {
		ids := launchTagged(t, s, 1)
		if _, err := s.Simulation.SetAccount(t.Context(), &fleetv1.SetAccountRequest{AccountId: "other"}); err != nil {
			t.Fatal(err)
		}
		set, err := s.Health.SetInstanceHealth(t.Context(), &healthv1.SetInstanceHealthRequest{
			InstanceId: ids[0], Status: healthv1.HealthStatus_HEALTH_STATUS_UNHEALTHY, Reason: "disk full",
		})
		if err != nil || set.GetVerdict().GetReason() != "SetByUser" || !set.GetVerdict().GetSetByUser() {
			t.Fatalf("got %v, %v", set, err)
		}
		setPolicy(t, s, &healthv1.HealthPolicy{MaxFlaps: 7})
		other := metadata.AppendToOutgoingContext(t.Context(), "muster-account", "other")
		for _, request := range []*healthv1.ListVerdictsRequest{{GroupId: healthGroup}, {InstanceIds: ids}} {
			if got, err := s.Health.ListVerdicts(other, request); err != nil || len(got.GetVerdicts()) != 0 {
				t.Errorf("%v told %v, %v", request, got, err)
			}
		}
		_, err = s.Health.SetInstanceHealth(other, &healthv1.SetInstanceHealthRequest{
			InstanceId: ids[0], Status: healthv1.HealthStatus_HEALTH_STATUS_HEALTHY,
		})
		if !rpc.HasReason(err, healthv1.ErrorReason_ERROR_REASON_INSTANCE_NOT_FOUND) {
			t.Errorf("another's instance was set: %v", err)
		}
		if got, err := s.Health.GetHealthPolicy(other, &healthv1.GetHealthPolicyRequest{GroupId: healthGroup}); err != nil || got.GetOwn() {
			t.Errorf("told %v, %v", got, err)
		}
		if got, err := s.Health.GetHealthPolicy(t.Context(), &healthv1.GetHealthPolicyRequest{GroupId: healthGroup}); err != nil || !got.GetOwn() || got.GetPolicy().GetMaxFlaps() != 7 {
			t.Errorf("the group's policy is %v, %v", got, err)
		}
		set, err = s.Health.SetInstanceHealth(t.Context(), &healthv1.SetInstanceHealthRequest{
			InstanceId: ids[0], Status: healthv1.HealthStatus_HEALTH_STATUS_HEALTHY,
		})
		if err != nil || set.GetVerdict().GetStatus() != healthv1.HealthStatus_HEALTH_STATUS_HEALTHY || set.GetVerdict().GetNumber() != 2 {
			t.Errorf("taken back, it is %v, %v", set, err)
		}
	})
}

// S8: instances of every account are followed and judged, each by the policies of
// its own account, and told to it alone.
func TestHealth_ofEveryAccount(t *testing.T) {
	inEach(t, system.Options{Speed: 600}, func(t *testing.T, s *system.System) {
		accounts := []string{"default", "acme", "acme.corp"}
		as := func(account string) context.Context {
			return metadata.AppendToOutgoingContext(t.Context(), "muster-account", account)
		}
		ids := map[string]string{}
		for _, account := range accounts {
			if _, err := s.Simulation.SetAccount(t.Context(), &fleetv1.SetAccountRequest{AccountId: account}); err != nil {
				t.Fatal(err)
			}
			launched, err := s.Fleet.RunInstances(as(account), &fleetv1.RunInstancesRequest{
				RequestId: "of-" + account, ZoneId: "cn-shenzhen-d", InstanceType: "ecs.c6.large", Amount: 1,
				BillingMethod: fleetv1.BillingMethod_BILLING_METHOD_PAY_AS_YOU_GO, Tags: map[string]string{system.GroupTag: healthGroup},
			})
			if err != nil {
				t.Fatal(err)
			}
			ids[account] = launched.GetInstanceIds()[0]
			// Only that of acme.corp lets an impaired instance be.
			policy := &healthv1.HealthPolicy{GracePeriod: durationpb.New(0), ImpairedAfter: durationpb.New(time.Second)}
			if account == "acme.corp" {
				policy.ImpairedAfter = durationpb.New(time.Hour)
			}
			if _, err := s.Health.SetHealthPolicy(as(account), &healthv1.SetHealthPolicyRequest{GroupId: healthGroup, Policy: policy}); err != nil {
				t.Fatal(err)
			}
		}
		for _, account := range accounts {
			awaitEvents(as(account), t, s, ids[account], healthv1.InstanceEventKind_INSTANCE_EVENT_KIND_CREATED, healthv1.InstanceEventKind_INSTANCE_EVENT_KIND_RUNNING)
			failAs(t, s, fleetv1.InstanceFailure_INSTANCE_FAILURE_IMPAIR, ids[account])
		}
		for _, account := range accounts[:2] {
			awaitEvents(as(account), t, s, ids[account], unhealthy)
		}
		set, err := s.Health.SetInstanceHealth(as("acme.corp"), &healthv1.SetInstanceHealthRequest{
			InstanceId: ids["acme.corp"], Status: healthv1.HealthStatus_HEALTH_STATUS_UNHEALTHY,
		})
		if err != nil || set.GetVerdict().GetNumber() != 1 {
			t.Errorf("S8: judged by another's policy, or not at all: %v, %v", set, err)
		}
		for _, account := range accounts {
			listed, err := s.Health.ListVerdicts(as(account), &healthv1.ListVerdictsRequest{GroupId: healthGroup})
			if err != nil || len(listed.GetVerdicts()) != 1 || listed.GetVerdicts()[0].GetInstanceId() != ids[account] || listed.GetVerdicts()[0].GetAccountId() != account {
				t.Errorf("S8: %s is told %v, %v", account, listed, err)
			}
		}
	})
}

// awaitEvents waits for events of an instance, in order, and holds that no other's
// come.
func awaitEvents(ctx context.Context, t *testing.T, s *system.System, id string, kinds ...healthv1.InstanceEventKind) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, system.Patience)
	defer cancel()
	watch, err := s.Health.WatchInstanceEvents(ctx, &healthv1.WatchInstanceEventsRequest{FromStart: true, Kinds: kinds})
	if err != nil {
		t.Fatal(err)
	}
	for len(kinds) > 0 {
		next, err := watch.Recv()
		if err != nil {
			t.Fatalf("waiting for %v of %s: %v", kinds, id, err)
		}
		event := next.GetEvent()
		if event == nil {
			continue
		}
		if event.GetInstanceId() != id || event.GetKind() != kinds[0] {
			t.Fatalf("S8: waiting for %v of %s, got %v", kinds, id, event)
		}
		kinds = kinds[1:]
	}
}

// Bad input is refused with every field that is wrong, and changes nothing.
func TestHealth_badInput(t *testing.T) {
	inEach(t, system.Options{}, func(t *testing.T, s *system.System) {
		for want, call := range map[string]func() error{
			"group_id": func() error {
				_, err := s.Health.ListVerdicts(t.Context(), &healthv1.ListVerdictsRequest{})
				return err
			},
			"status": func() error {
				_, err := s.Health.SetInstanceHealth(t.Context(), &healthv1.SetInstanceHealthRequest{InstanceId: "i-1"})
				return err
			},
			"policy.max_flaps policy.probes[0].kind policy.probes[0].port": func() error {
				_, err := s.Health.SetHealthPolicy(t.Context(), &healthv1.SetHealthPolicyRequest{
					GroupId: healthGroup, Policy: &healthv1.HealthPolicy{MaxFlaps: 21, Probes: []*healthv1.Probe{{Port: 70_000}}},
				})
				return err
			},
			"group_id policy.probes[0].http.expected_status": func() error {
				probe := httpProbe()
				probe.Port, probe.GetHttp().ExpectedStatus = 80, 99
				_, err := s.Health.SetHealthPolicy(t.Context(), &healthv1.SetHealthPolicyRequest{
					GroupId: "_", Policy: &healthv1.HealthPolicy{Probes: []*healthv1.Probe{probe}},
				})
				return err
			},
		} {
			err := call()
			var fields []string
			for _, violation := range rpc.FieldViolations(err) {
				fields = append(fields, violation.GetField())
			}
			slices.Sort(fields)
			if got := fmt.Sprint(fields); status.Code(err) != codes.InvalidArgument || got != "["+want+"]" {
				t.Errorf("want violations of %s, got %v", want, err)
			}
		}
		if got, err := s.Health.GetHealthPolicy(t.Context(), &healthv1.GetHealthPolicyRequest{GroupId: healthGroup}); err != nil || got.GetOwn() {
			t.Errorf("a refused policy was stored: %v, %v", got, err)
		}
	})
}
