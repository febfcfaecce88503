package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
)

// illGroup is a group with unhealthy instances, more than it shows.
func illGroup(at *timestamppb.Timestamp) *groupv1.Group {
	return &groupv1.Group{
		GroupId: "apg-web", Lifecycle: groupv1.Lifecycle_LIFECYCLE_ACTIVE, Fulfillment: groupv1.Fulfillment_FULFILLMENT_PENDING_FULFILLMENT,
		Spec: &groupv1.GroupSpec{
			Name: "web", Type: groupv1.GroupType_GROUP_TYPE_MAINTAIN, TargetCapacity: &groupv1.TargetCapacity{Total: 10},
			Spot:       &groupv1.SpotOptions{InterruptionReplacement: groupv1.InterruptionReplacement_INTERRUPTION_REPLACEMENT_ON_NOTICE},
			Health:     &groupv1.HealthOptions{MaxUnhealthyReplacementPercent: 10},
			Candidates: []*groupv1.Candidate{{ZoneId: "cn-shenzhen-d", InstanceType: "ecs.c6.large"}},
		},
		Capacity: &groupv1.Capacity{Fulfilled: 7, FulfilledSpot: 7, Running: 7, Instances: 11, UnhealthyInstances: 3},
		Conditions: []*groupv1.Condition{
			{Type: groupv1.ConditionType_CONDITION_TYPE_FULFILLED, Reason: "Unhealthy", Message: "7 of 10 units: 3 instances are unhealthy and are being replaced", LastTransitionTime: at},
			{Type: groupv1.ConditionType_CONDITION_TYPE_HEALTH_KNOWN, Holds: true, Reason: "HealthKnown", Message: "3 instances are unhealthy", LastTransitionTime: at},
		},
		UnhealthyInstances: []*groupv1.UnhealthyInstance{
			{InstanceId: "i-001", Reason: "ProbeFailed", Message: "http :80/ready failed 3 times in a row: status 503", SinceTime: at, BeingReplaced: true},
			{InstanceId: "i-002", Reason: "SetByUser", SinceTime: at},
		},
	}
}

// healthReplies are the answers of the health service in the golden texts.
func healthReplies() map[string][]reply {
	at := timestamppb.New(time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC))
	crashed := &healthv1.HealthVerdict{
		InstanceId: "i-001", Status: healthv1.HealthStatus_HEALTH_STATUS_UNHEALTHY, Reason: "Stopped",
		Message: "it is stopped: it crashed", SinceTime: at, Number: 1,
	}
	recovered := &healthv1.HealthVerdict{
		InstanceId: "i-002", Status: healthv1.HealthStatus_HEALTH_STATUS_HEALTHY, Reason: "Well",
		Message: "nothing speaks against it any more", SinceTime: at, Number: 2,
	}
	policy := &healthv1.HealthPolicy{
		GracePeriod: durationpb.New(5 * time.Minute), ImpairedAfter: durationpb.New(time.Minute), MaxFlaps: 4,
		FlapWindow: durationpb.New(10 * time.Minute), ZoneFailurePercent: 50,
		Probes: []*healthv1.Probe{{
			Kind: &healthv1.Probe_Http{Http: &healthv1.HttpProbe{Path: "/ready"}}, Port: 7090,
			Interval: durationpb.New(30 * time.Second), Timeout: durationpb.New(2 * time.Second), UnhealthyThreshold: 3, HealthyThreshold: 2,
		}},
	}
	return map[string][]reply{
		"GetGroup": {answer(&groupv1.GetGroupResponse{Group: illGroup(at)})},
		"ListVerdicts": {
			answer(&healthv1.ListVerdictsResponse{
				Verdicts: []*healthv1.HealthVerdict{crashed},
				SuspectedZones: []*healthv1.SuspectedZone{{
					ZoneId: "cn-shenzhen-c", Reason: "CheckerNetworkSuspected", SinceTime: at,
					Message: "more than 50 % of the probed instances began to fail together",
				}},
			}),
			answer(&healthv1.ListVerdictsResponse{Verdicts: []*healthv1.HealthVerdict{crashed, recovered}}),
			answer(&healthv1.ListVerdictsResponse{}),
		},
		"SetInstanceHealth": {
			answer(&healthv1.SetInstanceHealthResponse{Verdict: &healthv1.HealthVerdict{
				InstanceId: "i-001", Status: healthv1.HealthStatus_HEALTH_STATUS_UNHEALTHY, Reason: "SetByUser",
				Message: "a user called it unhealthy: disk full", SinceTime: at, Number: 1, SetByUser: true,
			}}),
			answer(&healthv1.SetInstanceHealthResponse{Verdict: recovered}),
		},
		"SetHealthPolicy": {answer(&healthv1.SetHealthPolicyResponse{Policy: policy})},
		"GetHealthPolicy": {
			answer(&healthv1.GetHealthPolicyResponse{Policy: policy, Own: true}),
			answer(&healthv1.GetHealthPolicyResponse{Policy: policy}),
		},
	}
}

// What is shown of a policy can be set, and what is wrong with a file is told
// with its line.
func TestHealthPolicy_file(t *testing.T) {
	cloud := newFakeCloud(t, healthReplies())
	shown := cloud.ok("health policy show apg-1")
	cloud.calls()
	file := filepath.Join(t.TempDir(), "policy.yaml")
	for text, want := range map[string]string{
		shown:                                   `SetHealthPolicy {"groupId":"apg-1","policy":{"probes":[{"http":{"path":"/ready"},"port":7090,`,
		"probes:\n  - {port: 70900, tcp: {}}\n": "policy.yaml:2 probes[0].port: must be greater than or equal to 1 and less than or equal to 65535, got 70900",
		"probes:\n  - {port: 80}\nmaxFlaps: 4\nmaxFlaps: 5": "policy.yaml:4:1 maxFlaps: is given twice, first in line 3",
		"grace: 5m\n":  "policy.yaml:1:1 unknown field",
		"# nothing\n":  "is empty; it must hold a HealthPolicy (--default",
		"probes: [\n":  "policy.yaml:",
		"maxFlaps: []": "policy.yaml:1:11",
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, out, errOut := cloud.run("health policy set apg-1 -f " + file)
		if got := strings.Join(cloud.calls(), "\n") + out + errOut; !strings.Contains(got, want) {
			t.Errorf("%q gave\n%s\nwant one that says %q", text, got, want)
		}
	}
}
