package groupsvc

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	pkgevents "github.com/seed-198b1370/muster/pkg/events"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/meter"
)

// pendingTimeout bounds the question of how many events wait.
const pendingTimeout = time.Second

// countedSource is an event source that tells how far it is.
type countedSource interface {
	Counts() pkgevents.ConsumerCounts
	Age() time.Duration
	Pending(context.Context) (int64, error)
}

// measure registers what is counted: of events as far as source and sink can tell.
// A nil registerer takes nothing.
func measure(to prometheus.Registerer, source EventSource, sink EventSink, counts *meter.Meter, groups *meter.Groups) error {
	if to == nil {
		return nil
	}
	if err := counts.Register(to); err != nil {
		return err
	}
	all := []prometheus.Collector{groups}
	if counted, ok := source.(countedSource); ok {
		all = append(all, consumed(counted)...)
	}
	if counted, ok := sink.(interface{ Published() int64 }); ok {
		all = append(all, counter("group_events_published_total", "Events of groups that were published.", counted.Published))
	}
	for _, one := range all {
		if err := to.Register(one); err != nil {
			return err
		}
	}
	return nil
}

func consumed(source countedSource) []prometheus.Collector {
	return []prometheus.Collector{
		&pending{source, prometheus.NewDesc("muster_groupsvc_events_pending_messages",
			"Events of instances that are not handled yet. Missing while the event stream can not be asked.", nil, nil)},
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "muster_groupsvc_events_lag_seconds", Help: "How long the latest event had been in the stream when it came.",
		}, func() float64 { return source.Age().Seconds() }),
		counter("events_handled_total", "Events of instances that were handled.", func() int64 { return source.Counts().Handled }),
		counter("events_failed_total", "Attempts to handle an event that failed; it comes again.", func() int64 { return source.Counts().Failed }),
		counter("events_skipped_total", "Events of kinds that only a later version knows.", func() int64 { return source.Counts().Skipped }),
		counter("events_set_aside_total", "Messages that are no events and were set aside.", func() int64 { return source.Counts().SetAside }),
	}
}

func counter(name, help string, count func() int64) prometheus.Collector {
	return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "muster_groupsvc_" + name, Help: help},
		func() float64 { return float64(count()) })
}

// pending asks how many events wait each time that it is asked.
type pending struct {
	source countedSource
	desc   *prometheus.Desc
}

// Describe implements [prometheus.Collector].
func (p *pending) Describe(to chan<- *prometheus.Desc) { to <- p.desc }

// Collect implements [prometheus.Collector].
func (p *pending) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), pendingTimeout)
	defer cancel()
	if count, err := p.source.Pending(ctx); err == nil {
		to <- prometheus.MustNewConstMetric(p.desc, prometheus.GaugeValue, float64(count))
	}
}
