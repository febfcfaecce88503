//go:build compose

package compose_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/test/system"
)

// Where the overlay is asked.
const (
	prometheus = "http://127.0.0.1:9090"
	jaeger     = "http://127.0.0.1:16686"
)

// observers are the services of the overlay, with the images that they need.
var observers = map[string]string{
	"prometheus": "prom/prometheus:v2.53.5",
	"collector":  "otel/opentelemetry-collector:0.141.0",
	"jaeger":     "jaegertracing/jaeger:2.13.0",
	"grafana":    "grafana/grafana:11.6.0",
}

// TestObservability holds what Prometheus tells after a storm against what there
// is.
func TestObservability(t *testing.T) {
	like := shape{overlays: []string{"observability"}}
	for service, image := range observers {
		if _, err := (stack{T: t}).docker("image", "inspect", image); err != nil {
			fmt.Fprintf(os.Stderr, "*** %s was NOT run: there is no image %s here, and none in its place ***\n", service, image)
			continue
		}
		like.services = append(like.services, service)
	}
	s := start(t, like)
	running := s.connect(groupsA)
	setSpeed(t, running)

	group := create(t, running, "stormy", 60)
	running.AwaitFulfilled(t, group)
	storm(t, running, group)
	t.Run("Prometheus tells what there is", func(t *testing.T) { tellsTheTruth(t, running, group) })
	t.Run("dashboards and alerts are answered", answersExpressions)
	if slices.Contains(like.services, "jaeger") && slices.Contains(like.services, "collector") {
		t.Run("Jaeger has the whole way of a group in one trace", tracesTheWay)
	}
}

// storm has all instances of a type reclaimed at once, and waits until the group is
// whole without them.
func storm(t *testing.T, running *system.System, group string) {
	t.Helper()
	kind := running.Instances(t, group)[0].GetInstanceType()
	var doomed []string
	for _, instance := range running.Instances(t, group) {
		if instance.GetInstanceType() == kind {
			doomed = append(doomed, instance.GetInstanceId())
		}
	}
	if _, err := running.Simulation.ReclaimInstances(t.Context(), &fleetv1.ReclaimInstancesRequest{
		Target: &fleetv1.ReclaimInstancesRequest_Instances{Instances: &fleetv1.InstanceIds{InstanceIds: doomed}},
	}); err != nil {
		t.Fatal(err)
	}
	clock, err := running.Simulation.GetClock(t.Context(), &fleetv1.GetClockRequest{})
	if err != nil {
		t.Fatal(err)
	}
	// They are protected for their first hour.
	if _, err := running.Simulation.AdvanceClock(t.Context(), &fleetv1.AdvanceClockRequest{
		Target: &fleetv1.AdvanceClockRequest_To{To: timestamppb.New(clock.GetTime().AsTime().Add(61 * time.Minute))},
	}); err != nil {
		t.Fatal(err)
	}
	gone := map[string]bool{}
	for _, id := range doomed {
		gone[id] = true
	}
	system.Eventually(t, "the end of all that were reclaimed", func() (bool, any) {
		left := 0
		for _, instance := range running.Instances(t, group) {
			if gone[instance.GetInstanceId()] {
				left++
			}
		}
		return left == 0, fmt.Sprintf("%d of %d are left", left, len(doomed))
	})
	running.AwaitFulfilled(t, group)
	t.Logf("%d of 60 instances were reclaimed at once, and replaced", len(doomed))
}

// tellsTheTruth compares metrics with what the cloud and the group service answer.
// The market goes on: both are asked until they agree.
func tellsTheTruth(t *testing.T, running *system.System, group string) {
	system.Eventually(t, "agreement of Prometheus with the cloud", func() (bool, any) {
		var created, noticed float64
		for _, transition := range running.Transitions(t, group) {
			switch transition.GetKind() {
			case fleetv1.TransitionKind_TRANSITION_KIND_CREATED:
				created++
			case fleetv1.TransitionKind_TRANSITION_KIND_INTERRUPTION_NOTICE:
				noticed++
			default: // not counted
			}
		}
		for _, c := range []struct {
			query string
			want  float64
		}{
			{`count(up{job="muster"} == 1)`, 7},
			{"max(muster_groupsvc_capacity_desired_units)", 60},
			{"sum(max by (billing_method) (muster_groupsvc_capacity_fulfilled_units))", 60},
			{`max(muster_groupsvc_groups{fulfillment="fulfilled"})`, 1},
			{"sum(muster_groupsvc_launched_instances_total)", created},
			{"sum(muster_groupsvc_replacement_seconds_count)", noticed},
			{"sum(muster_healthcheck_owned_partitions)", 64},
			{"max(muster_groupsvc_events_pending_messages)", 0},
		} {
			got, err := query(t.Context(), c.query)
			if err != nil || len(got) != 1 || math.Abs(got[0]-c.want) > 1e-9 {
				return false, fmt.Sprintf("%s is %v, want %v (%v)", c.query, got, c.want, err)
			}
		}
		t.Logf("%v instances created, %v noticed, all replaced", created, noticed)
		return true, nil
	})
}

// answersExpressions has Prometheus evaluate all that dashboards ask for, and all
// alerts.
func answersExpressions(t *testing.T) {
	expressions := textsOf(read(t, "grafana/dashboards/muster.json"), expressionKey)
	answered := 0
	for _, expression := range expressions {
		got, err := query(t.Context(), expression)
		if err != nil {
			t.Errorf("%s: %v", expression, err)
		}
		if len(got) > 0 {
			answered++
		} else {
			t.Logf("nothing to tell: %s", expression)
		}
	}
	t.Logf("%d of %d expressions of the dashboard have values", answered, len(expressions))
	if answered < len(expressions)*3/4 {
		t.Errorf("only %d of %d expressions of the dashboard have values", answered, len(expressions))
	}
	var rules struct {
		Data struct {
			Groups []struct {
				Rules []struct{ Name, Health, LastError string }
			}
		}
	}
	system.Eventually(t, "the first evaluation of all alerts", func() (bool, any) {
		if err := get(t.Context(), prometheus+"/api/v1/rules?type=alert", &rules); err != nil {
			return false, err
		}
		for _, group := range rules.Data.Groups {
			for _, rule := range group.Rules {
				if rule.Health != "ok" {
					return false, rule
				}
			}
		}
		return len(rules.Data.Groups) > 0, rules
	})
}

// tracesTheWay looks for a trace that goes from the call that made a group over its
// launches to what the cloud's answer to these woke.
func tracesTheWay(t *testing.T) {
	way := []string{
		"muster-groupsvc muster.group.v1.GroupService/CreateGroup",
		"muster-allocator muster.allocator.v1.AllocatorService/Place",
		"muster-fleetsim muster.fleet.v1.FleetService/RunInstances",
		"muster-groupsvc wake group",
	}
	system.Eventually(t, "a trace of the whole way", func() (bool, any) {
		var answer struct {
			Data []struct {
				Spans     []struct{ ProcessID, OperationName string }
				Processes map[string]struct{ ServiceName string }
			}
		}
		if err := get(t.Context(), jaeger+"/api/traces?service=muster-groupsvc&limit=20&operation="+
			url.QueryEscape("muster.group.v1.GroupService/CreateGroup"), &answer); err != nil {
			return false, err
		}
		seen := map[string]bool{}
		for _, trace := range answer.Data {
			clear(seen)
			for _, span := range trace.Spans {
				seen[trace.Processes[span.ProcessID].ServiceName+" "+span.OperationName] = true
			}
			if !slices.ContainsFunc(way, func(step string) bool { return !seen[step] }) {
				t.Logf("a trace of %d spans", len(trace.Spans))
				return true, nil
			}
		}
		return false, fmt.Sprintf("%d traces, of the last: %v", len(answer.Data), seen)
	})
}

// query asks Prometheus for the values of an expression now.
func query(ctx context.Context, expression string) ([]float64, error) {
	var answer struct {
		Error string
		Data  struct {
			Result []struct{ Value [2]any }
		}
	}
	if err := get(ctx, prometheus+"/api/v1/query?query="+url.QueryEscape(expression), &answer); err != nil {
		return nil, err
	}
	var values []float64
	for _, result := range answer.Data.Result {
		value, err := strconv.ParseFloat(fmt.Sprint(result.Value[1]), 64)
		if err != nil {
			return nil, err
		}
		values = append(values, value)
	}
	return values, nil
}

// get reads an answer in JSON.
func get(ctx context.Context, address string, answer any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }() // only read from
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", response.Status, strings.TrimSpace(string(text)))
	}
	return json.Unmarshal(text, answer)
}
