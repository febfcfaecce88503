package healthcheck_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed-198b1370/muster/pkg/events"
	"github.com/seed-198b1370/muster/pkg/natsserver/natstest"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/healthcheck/internal/fleettest"
	"github.com/seed-198b1370/muster/services/healthcheck/judge"
)

// BenchmarkRun measures the way of events from the fleet's stream, over gRPC,
// to their acknowledgement by JetStream, against publishing the very same
// messages at once by JetStream's own asynchronous publisher, in alternating
// slices of one run. The ratio is what to trust.
//
// Launches of a hundred is what groups make. One life after the other is the
// worst there can be: each event waits for the acknowledgement of the one
// before.
func BenchmarkRun(b *testing.B) {
	const instances = 5_000
	b.Run("launches of 100", func(b *testing.B) {
		fleet := fleettest.New()
		for launch := range instances / 100 {
			launchMany(fleet, fmt.Sprintf("i-%03d", launch), 100)
		}
		benchmarkRun(b, fleet)
	})
	b.Run("one life after the other", func(b *testing.B) {
		fleet := fleettest.New()
		for i := range instances {
			fleet.Live(fmt.Sprintf("i-%06d", i), "apg-1")
		}
		benchmarkRun(b, fleet)
	})
}

// launchMany lets instances live side by side.
func launchMany(fleet *fleettest.Fleet, prefix string, count int) {
	for i := range count {
		fleet.Launch(fmt.Sprint(prefix, "-", i), "apg-1")
	}
	for _, step := range []fleetv1.TransitionKind{
		fleetv1.TransitionKind_TRANSITION_KIND_STARTING, fleetv1.TransitionKind_TRANSITION_KIND_RUNNING,
		fleetv1.TransitionKind_TRANSITION_KIND_INTERRUPTION_NOTICE, fleetv1.TransitionKind_TRANSITION_KIND_RELEASED,
	} {
		for i := range count {
			fleet.Step(fmt.Sprint(prefix, "-", i), step, fleetv1.TransitionReason_TRANSITION_REASON_STOCK_NEEDED)
		}
	}
}

func benchmarkRun(b *testing.B, fleet *fleettest.Fleet) {
	client := fleet.Serve(b)
	messages := encodeAll(b, fleet.Journal())
	var through, raw time.Duration
	for b.Loop() {
		js := natstest.NewJetStream(b)
		started := time.Now()
		stop := run(b, newService(b, client, js))
		awaitUntil(b, func() bool { return stored(js) >= len(messages) })
		through += time.Since(started)
		stop()

		js = natstest.NewJetStream(b)
		if err := events.Instances().EnsureStream(b.Context(), js, events.StreamConfig{}); err != nil {
			b.Fatal(err)
		}
		started = time.Now()
		publishRaw(b, js, messages)
		raw += time.Since(started)
		if got := stored(js); got != len(messages) {
			b.Fatalf("%d messages stored", got)
		}
	}
	total := float64(b.N * len(messages))
	b.ReportMetric(total/through.Seconds(), "events/s")
	b.ReportMetric(total/raw.Seconds(), "raw-events/s")
	b.ReportMetric(raw.Seconds()/through.Seconds(), "of-raw")
}

func encodeAll(b *testing.B, journal []*fleetv1.InstanceTransition) []*nats.Msg {
	b.Helper()
	messages := make([]*nats.Msg, 0, len(journal))
	for _, step := range journal {
		event, err := judge.Transition(step)
		if err != nil {
			b.Fatal(err)
		}
		if event == nil {
			continue
		}
		msg, err := events.Instances().Encode(event, "")
		if err != nil {
			b.Fatal(err)
		}
		messages = append(messages, msg)
	}
	return messages
}

func publishRaw(b *testing.B, js jetstream.JetStream, messages []*nats.Msg) {
	b.Helper()
	for _, msg := range messages {
		if _, err := js.PublishMsgAsync(msg, jetstream.WithStallWait(patience)); err != nil {
			b.Fatal(err)
		}
	}
	select {
	case <-js.PublishAsyncComplete():
	case <-time.After(patience):
		b.Fatal("not acknowledged")
	}
}
