package cli

import (
	"strings"
	"testing"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

// What others have named does nothing to the terminal, nor to the table.
func TestTable_isTame(t *testing.T) {
	hostile := spotInstance()
	hostile.InstanceName = "a\x1b[31m\tb\nc\u202e"
	hostile.Tags = map[string]string{"k": "\x07"}
	var out strings.Builder
	err := client{}.show(&out, hostile, func(w table) {
		row(w, hostile.GetInstanceName(), tagText(hostile.GetTags()))
	})
	if err != nil || strings.ContainsAny(out.String(), "\x1b\t\x07\u202e") || !strings.Contains(out.String(), `"a\x1b[31m\tb\nc\u202e"`) {
		t.Errorf("%v, %q", err, out.String())
	}
}

func TestZonesText(t *testing.T) {
	for want, zones := range map[string][]string{
		"-":                            nil,
		"cn-a":                         {"cn-a"},
		"cn-shenzhen-c, d, cn-other-e": {"cn-shenzhen-c", "cn-shenzhen-d", "cn-other-e"},
		"a, b":                         {"a", "b"},
		"cn-a, cn-b-c":                 {"cn-a", "cn-b-c"},
	} {
		if got := zonesText(zones); got != want {
			t.Errorf("%v: got %q, want %q", zones, got, want)
		}
	}
}

// A list tells health only where something is wrong.
func TestStatusText(t *testing.T) {
	for health, want := range map[fleetv1.InstanceHealth]string{
		fleetv1.InstanceHealth_INSTANCE_HEALTH_OK:                "running",
		fleetv1.InstanceHealth_INSTANCE_HEALTH_IMPAIRED:          "running, impaired",
		fleetv1.InstanceHealth_INSTANCE_HEALTH_INSUFFICIENT_DATA: "running, insufficient-data",
	} {
		if got := statusText(&fleetv1.Instance{Status: fleetv1.InstanceStatus_INSTANCE_STATUS_RUNNING, Health: health}); got != want {
			t.Errorf("%v: got %q, want %q", health, got, want)
		}
	}
}
