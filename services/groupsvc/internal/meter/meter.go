// Package meter owns what the group service counts of its groups and how that is
// named. It must not know how groups are delivered, nor hold anything of a single
// group: labels are few and known beforehand.
package meter

import (
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

// Results of a launch.
const (
	// Launched means that the cloud launched all that it was asked for.
	Launched = "launched"
	// Partly means that it launched some of it.
	Partly = "partly"
	// Refused means that it decided to launch nothing.
	Refused = "refused"
	// Unknown means that the call failed and may have launched; it is made again
	// under the same request id.
	Unknown = "unknown"
)

// A Meter counts what looks at groups do. A nil one counts nothing.
type Meter struct {
	launches  *prometheus.CounterVec
	instances *prometheus.CounterVec
	replaced  prometheus.Histogram
}

// New makes a meter.
func New() *Meter {
	return &Meter{
		launches: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "muster_groupsvc_launches_total",
			Help: "Calls that launch instances, by what came of them and, unless all were launched, the reason in the words of a launch result.",
		}, []string{"billing_method", "result", "reason"}),
		instances: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "muster_groupsvc_launched_instances_total", Help: "Instances that were launched.",
		}, []string{"billing_method"}),
		replaced: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "muster_groupsvc_replacement_seconds",
			Help:    "Time from the interruption notice of an instance to the launch of one in its place, in time of the cloud's clock.",
			Buckets: []float64{0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800},
		}),
	}
}

// Register registers what is counted.
func (m *Meter) Register(to prometheus.Registerer) error {
	for _, one := range []prometheus.Collector{m.launches, m.instances, m.replaced} {
		if err := to.Register(one); err != nil {
			return err
		}
	}
	return nil
}

// Launch counts what came of a call that launches: a result, its reason, and how
// many instances.
func (m *Meter) Launch(method fleetv1.BillingMethod, result, reason string, instances int) {
	if m == nil {
		return
	}
	m.launches.WithLabelValues(methodOf(method), result, reason).Inc()
	m.instances.WithLabelValues(methodOf(method)).Add(float64(instances))
}

// Replaced counts a launch in the place of an instance that had its notice so long
// before.
func (m *Meter) Replaced(after time.Duration) {
	if m != nil {
		m.replaced.Observe(max(0, after).Seconds())
	}
}

// methodOf is a billing method as a label.
func methodOf(method fleetv1.BillingMethod) string { return label(method.String(), "BILLING_METHOD_") }

// label is the name of an enum's value as a label.
func label(name, prefix string) string { return strings.ToLower(strings.TrimPrefix(name, prefix)) }
