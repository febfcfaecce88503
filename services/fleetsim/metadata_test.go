package fleetsim_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim"
)

// TestMetadata_tellsOfTheTermination follows an instance that polls for its
// termination: 404 until it is noticed, then the time, then nothing of it.
func TestMetadata_tellsOfTheTermination(t *testing.T) {
	c := start(t, fleetsim.Config{Volatility: still()}, false)
	c.setAccount("other", nil)
	resp, err := c.fleet.RunInstances(as(t.Context(), "other"), launch("a", 1, func(r *fleetv1.RunInstancesRequest) {
		r.SpotProtection, r.InstanceName = fleetv1.SpotProtection_SPOT_PROTECTION_NONE, "web-1"
	}))
	if err != nil {
		t.Fatal(err)
	}
	id := resp.GetInstanceIds()[0]
	get := func(id, item string) (int, string) {
		w := httptest.NewRecorder()
		c.Metadata().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/"+id+"/latest/meta-data/"+item, nil))
		return w.Code, w.Body.String()
	}
	const termination = "instance/spot/termination-time"
	for item, want := range map[string]string{
		"instance-id": id, "instance/instance-type": "ecs.c6.large", "instance/instance-name": "web-1",
		"region-id": "cn-shenzhen", "zone-id": "cn-shenzhen-d",
	} {
		if code, got := get(id, item); code != http.StatusOK || got != want {
			t.Errorf("%s: %d %q", item, code, got)
		}
	}
	if code, got := get(id, termination); code != http.StatusNotFound {
		t.Errorf("before the notice: %d %q", code, got)
	}
	c.clock.Advance(time.Minute)
	c.must("SimulationService/ReclaimInstances", &fleetv1.ReclaimInstancesRequest{Target: &fleetv1.ReclaimInstancesRequest_Pools{Pools: &fleetv1.PoolSelector{}}})
	if code, got := get(id, termination); code != http.StatusOK || got != "2026-11-16T08:06:00Z" {
		t.Errorf("after the notice: %d %q", code, got)
	}
	c.clock.Advance(5 * time.Minute)
	if code, got := get(id, "instance-id"); code != http.StatusNotFound {
		t.Errorf("after its release: %d %q", code, got)
	}
	for _, id := range append(hostile, "i-none", "") {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.URL.Path = "/" + id + "/latest/meta-data/"
		w := httptest.NewRecorder()
		c.Metadata().ServeHTTP(w, r)
		if w.Code == http.StatusOK {
			t.Errorf("%q is told %q", id, w.Body)
		}
	}
	c.stop()
	if code, _ := get(id, "instance-id"); code != http.StatusServiceUnavailable {
		t.Errorf("stopped: %d", code)
	}
}
