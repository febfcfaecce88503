package healthcheck_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed-198b1370/muster/pkg/events"
	"github.com/seed-198b1370/muster/pkg/natsserver/natstest"
	"github.com/seed-198b1370/muster/services/healthcheck"
	"github.com/seed-198b1370/muster/services/healthcheck/internal/fleettest"
)

// S7: replicas come and go while the fleet goes on. Each instance's events are
// all there, in order, and while none is lost nothing comes twice within the
// window of duplicates.
func TestReplicas_shareTheInstances(t *testing.T) {
	fleet, js := fleettest.New(), natstest.NewJetStream(t)
	client := fleet.Serve(t)
	live := func(name string) {
		for i := range 100 {
			fleet.Live(fmt.Sprintf("i-%s-%d", name, i), "apg-1")
		}
	}
	start := func() (stop func()) { return run(t, newReplica(t, healthcheck.Config{}, client, js)) }
	first := start()
	live("one")
	start()
	live("two")
	awaitUntil(t, func() bool { return stored(js) >= len(wantOf(fleet.Journal())) })
	start()
	live("three")
	first()
	live("four")
	wantAll(t, js, fleet)
	if got, want := len(readAll(t, js)), len(wantOf(fleet.Journal())); got != want {
		t.Errorf("%d messages, want %d", got, want)
	}
}

// S7: a replica is cut off from JetStream without a word, as when it is paused
// or killed. The others take its share over from the place that it kept.
func TestReplicas_oneIsCutOff(t *testing.T) {
	fleet, js := fleettest.New(), natstest.NewJetStream(t)
	client := fleet.Serve(t)
	conn := js.Conn()
	run(t, newReplica(t, healthcheck.Config{}, client, js))
	mortal := &mortalJetStream{JetStream: js, dead: make(chan struct{})}
	mortal.left.Store(20)
	run(t, newReplica(t, healthcheck.Config{}, client, mortal))
	for i := range 300 {
		fleet.Live(fmt.Sprintf("i-%d", i), "apg-1")
	}
	<-mortal.dead
	for i := range 300 {
		fleet.Live(fmt.Sprintf("i-later-%d", i), "apg-1")
	}
	wantAll(t, js, fleet)
	if !conn.IsConnected() {
		t.Error("the connection is gone")
	}
}

// The place of versions without partitions is where all partitions go on.
func TestReplicas_takeOverTheOldPlace(t *testing.T) {
	fleet, js := fleettest.New(), natstest.NewJetStream(t)
	fleet.Launch("i-told", "apg-1")
	fleet.Launch("i-new", "apg-1")
	store, err := js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: "MUSTER_HEALTHCHECK", MaxBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.PutString(t.Context(), "fleet-cursor", "f1.1"); err != nil {
		t.Fatal(err)
	}
	run(t, newService(t, fleet.Serve(t), js))
	awaitUntil(t, func() bool { return keptPlace(js) == "f1.2" })
	if got := readAll(t, js); len(got) != 1 || got[0] != "muster.v1.events.1234.apg-1.i-new.created i-new/1" {
		t.Errorf("published %v, want only what comes after the old place", got)
	}
}

// A configuration that what exists can not be brought to ends the service with
// the reason, instead of a wait without end.
func TestRun_refusesWhatCanNotBe(t *testing.T) {
	fleet, js := fleettest.New(), natstest.NewJetStream(t)
	if err := events.Instances().EnsureStream(t.Context(), js, events.StreamConfig{}); err != nil {
		t.Fatal(err)
	}
	service, err := healthcheck.New(healthcheck.Config{MemoryStorage: true}, healthcheck.Deps{
		Fleet: fleet.Serve(t), JetStream: js, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer service.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := service.Run(ctx); err == nil {
		t.Error("ran until the test gave up")
	} else {
		t.Log(err)
	}
}
