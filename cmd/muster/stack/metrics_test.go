package stack_test

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"go.uber.org/goleak"

	"github.com/seed-198b1370/muster/cmd/muster/stack"
	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

// startMeasured starts a stack that tells what it counts, and stops it with the
// test.
func startMeasured(t *testing.T, config stack.Config) *stack.Stack {
	t.Helper()
	config.Grace, config.MetricsListen = 100*time.Millisecond, "127.0.0.1:0"
	running, err := stack.Start(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		if err := running.Stop(); err != nil {
			t.Error(err)
		}
	})
	return running
}

func get(t *testing.T, running *stack.Stack, path string) (status int, body []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+running.MetricsAddr()+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err = io.ReadAll(resp.Body); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, body
}

// Whether a process is alive and ready is read over HTTP; profiles are when they
// were asked for.
func TestMetrics_aliveAndReady(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) }) // after those that stop stacks
	plain := startMeasured(t, stack.Config{Roles: []stack.Role{stack.Fleetsim}})
	profiled := startMeasured(t, stack.Config{Roles: []stack.Role{stack.Fleetsim}, Profiles: true})
	for path, want := range map[string]string{"/healthz": "alive", "/readyz": "ready", "/metrics": "\ngo_goroutines "} {
		if status, body := get(t, plain, path); status != http.StatusOK || !strings.Contains(string(body), want) {
			t.Errorf("%s is answered with %d %s", path, status, body)
		}
	}
	if status, _ := get(t, plain, "/debug/pprof/"); status != http.StatusNotFound {
		t.Errorf("profiles are answered with %d although nobody asked for them", status)
	}
	if status, body := get(t, profiled, "/debug/pprof/goroutine?debug=1"); status != http.StatusOK || !strings.Contains(string(body), "goroutine profile:") {
		t.Errorf("the profile is answered with %d %.100s", status, body)
	}
}

// docs/metrics.md names each metric of a running system with its type and labels,
// and no other.
func TestMetrics_areDocumented(t *testing.T) {
	running := startMeasured(t, stack.Config{})
	// Labels are there once something was counted.
	_, err := groupv1.NewGroupServiceClient(running.Conn()).CreateGroup(t.Context(), &groupv1.CreateGroupRequest{Spec: &groupv1.GroupSpec{
		Type:           groupv1.GroupType_GROUP_TYPE_INSTANT,
		TargetCapacity: &groupv1.TargetCapacity{Total: 2, PayAsYouGo: 1, Spot: 1},
		Candidates:     []*groupv1.Candidate{{ZoneId: "cn-shenzhen-e", InstanceType: "ecs.c6.large"}},
		PayAsYouGo: &groupv1.PayAsYouGoOptions{
			AllocationStrategy: allocatorv1.PayAsYouGoAllocationStrategy_PAY_AS_YOU_GO_ALLOCATION_STRATEGY_PRIORITIZED,
		},
	}})
	if err != nil {
		t.Fatal(err)
	}
	_, body := get(t, running, "/metrics")
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]string{}
	for name, family := range families {
		if strings.HasPrefix(name, "muster_") {
			told[name] = strings.ToLower(family.GetType().String()) + " by " + labelsOf(family.GetMetric()[0])
		}
	}
	if diff := cmp.Diff(documented(t), told); diff != "" {
		t.Errorf("metrics (-docs/metrics.md +running):\n%s", diff)
	}
}

func labelsOf(metric *dto.Metric) string {
	names := map[string]bool{}
	for _, label := range metric.GetLabel() {
		names[label.GetName()] = true
	}
	return strings.Join(slices.Sorted(maps.Keys(names)), " ")
}

// documented are the metrics of docs/metrics.md. Every one has a unit and says
// something.
func documented(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("../../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	row := regexp.MustCompile("(?m)^\\| `(muster_\\w+)` \\| (\\w+) \\| ([^|]+) \\|([^|]*)\\| ([^|]+) \\|$")
	for _, match := range row.FindAllStringSubmatch(string(text), -1) {
		labels := strings.Fields(strings.NewReplacer("`", "", ",", "").Replace(match[4]))
		found[match[1]] = match[2] + " by " + strings.Join(labels, " ")
	}
	return found
}
