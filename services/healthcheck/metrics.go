package healthcheck

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/seed-198b1370/muster/services/healthcheck/internal/publish"
	"github.com/seed-198b1370/muster/services/healthcheck/internal/share"
	"github.com/seed-198b1370/muster/services/healthcheck/internal/verdict"
)

// measure registers what the service counts; a nil registerer takes nothing.
func measure(to prometheus.Registerer, publisher *publish.Publisher, keeper *verdict.Keeper, shares *share.Shares) error {
	if to == nil {
		return nil
	}
	for _, one := range []prometheus.Collector{
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "muster_healthcheck_events_published_total", Help: "Events of instances that this replica has published.",
		}, func() float64 { return float64(publisher.Published()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "muster_healthcheck_follow_lag_seconds",
			Help: "By how much what is known of the fleet is older than the cloud's clock shows, in time of that clock; 0 before anything is known.",
		}, func() float64 { return keeper.Lag().Seconds() }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "muster_healthcheck_owned_partitions", Help: "Partitions of instances that this replica answers for, of 64.",
		}, func() float64 { return float64(shares.Owned()) }),
	} {
		if err := to.Register(one); err != nil {
			return err
		}
	}
	return nil
}
