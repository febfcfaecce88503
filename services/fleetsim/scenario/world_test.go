package scenario_test

import (
	"io/fs"
	"testing"
	"time"

	"github.com/seed-198b1370/muster/services/fleetsim/scenario"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// began makes the world of an example.
func began(t *testing.T, s *scenario.Scenario) (world.Config, time.Time) {
	t.Helper()
	start := s.Start
	if start.IsZero() {
		start = time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)
	}
	config, err := s.Config(world.InstantOf(start))
	if err != nil {
		t.Fatal(err)
	}
	return config, start
}

// What is planned can be done: a world refuses none of it.
func TestExamples_areObeyed(t *testing.T) {
	names, err := fs.Glob(examples(), "*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		config, _ := began(t, load(t, examples(), name))
		agenda := config.Agenda
		config.Agenda = nil // done by hand here, to see what is refused
		w := world.New(config)
		for i, planned := range agenda {
			if _, err := w.Apply(planned.At, planned.Command); err != nil {
				t.Errorf("%s: event %d: %v", name, i, err)
			}
			w.Take()
		}
	}
}

// The documented billing example: the bid of 2 is passed at 10:00, not at 08:30,
// when the instance was protected.
func TestExamples_priceStormReclaims(t *testing.T) {
	config, start := began(t, load(t, examples(), "price-storm.yaml"))
	w := world.New(config)
	launch := world.Launch{
		AccountID: world.DefaultAccountID, RequestID: "r", Pool: world.Pool{Spot: true}, Amount: 1, MinAmount: 1, MaxPrice: 2_000_000,
	}
	if _, err := w.Apply(world.InstantOf(start), launch); err != nil {
		t.Fatal(err)
	}
	w.Advance(world.InstantOf(start.Add(3 * time.Hour)))
	var noticed []time.Time
	for transition := range w.Take().All() {
		if transition.Kind == world.KindNotice {
			noticed = append(noticed, transition.Time.Time())
		}
	}
	if want := start.Add(2 * time.Hour); len(noticed) != 1 || !noticed[0].Equal(want) {
		t.Errorf("noticed at %v, want %v", noticed, want)
	}
}
