package allocator

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/seed-198b1370/muster/pkg/clock"
	"github.com/seed-198b1370/muster/services/allocator/internal/view"
)

// measure registers how old the view of the market is; a nil registerer takes
// nothing.
func measure(to prometheus.Registerer, market *view.View, clock clock.Clock) error {
	if to == nil {
		return nil
	}
	return to.Register(&viewAge{market, clock, prometheus.NewDesc("muster_allocator_view_age_seconds",
		"For how long the cloud has told nothing of the market. Missing before the market has come into view.", nil, nil)})
}

// viewAge tells the age of a view each time that it is asked.
type viewAge struct {
	market *view.View
	clock  clock.Clock
	desc   *prometheus.Desc
}

// Describe implements [prometheus.Collector].
func (v *viewAge) Describe(to chan<- *prometheus.Desc) { to <- v.desc }

// Collect implements [prometheus.Collector].
func (v *viewAge) Collect(to chan<- prometheus.Metric) {
	if snapshot := v.market.Snapshot(); snapshot != nil {
		to <- prometheus.MustNewConstMetric(v.desc, prometheus.GaugeValue, v.clock.Now().Sub(snapshot.Heard()).Seconds())
	}
}
