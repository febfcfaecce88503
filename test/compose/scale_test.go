//go:build compose

package compose_test

import (
	"fmt"
	"testing"

	"github.com/seed-198b1370/muster/test/system"
)

// groupsC is the third group service of compose.scale.yaml.
const groupsC = "127.0.0.1:7076"

// TestScale is the third replica of the group service and of the health check: it
// has its part of the work, and all of it when the others are gone.
func TestScale(t *testing.T) {
	const held = 50
	s := start(t, shape{overlays: []string{"observability", "scale"}, services: []string{"groupsvc-c", "healthcheck-c", "prometheus"}})
	a, c := s.connect(groupsA), s.connect(groupsC)
	setSpeed(t, a)
	tells(t, `count(up{job="muster"} == 1)`, 9)
	tells(t, "sum(muster_healthcheck_owned_partitions)", 64)
	tells(t, "count(muster_healthcheck_owned_partitions > 0)", 3)

	group := create(t, a, "held", held)
	c.AwaitFulfilled(t, group)
	others := []string{"groupsvc-a", "groupsvc-b", "healthcheck-a", "healthcheck-b"}
	s.kill(others...)
	reclaimOne(t, c, group)
	c.AwaitFulfilled(t, group)
	exact(t, c, group, held, "with one replica of three left")
	tells(t, `sum(muster_healthcheck_owned_partitions{instance="healthcheck-c"})`, 64)
	s.again(others...)
	s.connect(groupsB).AwaitFulfilled(t, group)
	tells(t, "count(muster_healthcheck_owned_partitions > 0)", 3)
	remove(t, a, group)
}

// tells waits until Prometheus answers a question with a value.
func tells(t *testing.T, question string, want float64) {
	t.Helper()
	system.Eventually(t, fmt.Sprintf("%v for %s", want, question), func() (bool, any) {
		got, err := query(t.Context(), question)
		return err == nil && len(got) == 1 && got[0] == want, fmt.Sprint(got, err)
	})
}
