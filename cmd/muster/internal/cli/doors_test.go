package cli

import "testing"

// Each service is called at its own door, and at the common one when it has
// none.
func TestDoors(t *testing.T) {
	own := doors{FleetServer: "fleet:1", HealthServer: "health:2"}
	for method, want := range map[string]string{
		"/muster.fleet.v1.FleetService/ListInstances":      "fleet:1",
		"/muster.fleet.v1.SimulationService/GetClock":      "fleet:1",
		"/muster.health.v1.HealthService/ListVerdicts":     "health:2",
		"/muster.allocator.v1.AllocatorService/Place":      "all:0",
		"/muster.group.v1.GroupService/CreateGroup":        "all:0",
		"/muster.group.v1.ScalingService/ListScalingTasks": "all:0",
	} {
		if got := own.of(method, "all:0"); got != want {
			t.Errorf("%s is called at %s, want %s", method, got, want)
		}
	}
	if err := (doors{AllocatorServer: "no port"}).checkDoors(); err == nil {
		t.Error("an address without a port is taken")
	}
}
