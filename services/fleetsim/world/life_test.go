package world_test

import (
	"testing"
	"time"

	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// TestLife_takesItsTime holds that each state takes a time that is drawn from
// its range, in tenths of a second: never less nor more, and not always the same.
func TestLife_takesItsTime(t *testing.T) {
	w := world.New(world.Config{Catalog: small(t), Market: still{}, Seed: 1, Origin: origin})
	answer, err := w.Apply(origin, world.Launch{AccountID: "default", RequestID: "a", Pool: world.Pool{Offer: 2}, Amount: 100, MinAmount: 100})
	if err != nil {
		t.Fatal(err)
	}
	w.Advance(origin.Add(time.Minute))
	batch := world.Batch{AccountID: "default"}
	for n := range uint64(100) {
		batch.Numbers = append(batch.Numbers, answer.First+n)
	}
	if _, err := w.Apply(w.Now(), world.Stop{Batch: batch}); err != nil {
		t.Fatal(err)
	}
	w.Advance(w.Now().Add(time.Minute))

	ranges := map[world.Status]struct{ least, most time.Duration }{
		world.Pending: {time.Second, 3 * time.Second}, world.Starting: {5 * time.Second, 20 * time.Second}, world.Stopping: {2 * time.Second, 10 * time.Second},
	}
	before := map[uint64]world.Transition{}
	drawn := map[world.Status]map[time.Duration]bool{}
	for tr := range w.Take().All() {
		was, known := before[tr.Instance.Number]
		before[tr.Instance.Number] = tr
		within, timed := ranges[was.Instance.Status]
		if !known || !timed {
			continue
		}
		took := time.Duration(tr.Time - was.Time)
		if took < within.least || took > within.most {
			t.Errorf("instance %d had status %d for %v", tr.Instance.Number, was.Instance.Status, took)
		}
		if drawn[was.Instance.Status] == nil {
			drawn[was.Instance.Status] = map[time.Duration]bool{}
		}
		drawn[was.Instance.Status][took] = true
	}
	for status := range ranges {
		if len(drawn[status]) < 15 {
			t.Errorf("100 instances had status %d for %d different times", status, len(drawn[status]))
		}
	}
}
