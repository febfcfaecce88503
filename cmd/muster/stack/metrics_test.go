package stack_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/seed-198b1370/muster/cmd/muster/stack"
)

// What the services count is read over HTTP, and whether the process is there.
func TestMetrics(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	running, err := stack.Start(t.Context(), stack.Config{Grace: 100 * time.Millisecond, MetricsListen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		http.DefaultClient.CloseIdleConnections()
		if err := running.Stop(); err != nil {
			t.Error(err)
		}
	}()
	for path, wants := range map[string][]string{
		"/healthz": {"alive"},
		"/readyz":  {"ready"},
		"/metrics": {
			"\nmuster_healthcheck_events_published_total ", "\nmuster_healthcheck_follow_lag_seconds ", "\nmuster_healthcheck_owned_partitions ",
			"\nmuster_groupsvc_events_lag_seconds ", "\nmuster_groupsvc_events_handled_total ", "\nmuster_groupsvc_events_failed_total ",
			"\nmuster_groupsvc_events_skipped_total ", "\nmuster_groupsvc_events_set_aside_total ", "\nmuster_groupsvc_group_events_published_total ",
			"\ngo_goroutines ",
		},
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+running.MetricsAddr()+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Errorf("%s is answered with %d, %v", path, resp.StatusCode, err)
		}
		for _, want := range wants {
			if !strings.Contains(string(body), want) {
				t.Errorf("%s does not tell %q:\n%s", path, want, body)
			}
		}
	}
}
