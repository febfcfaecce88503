package storetest

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
)

// leaseBoundary holds L3 for groups whose worker is gone: not before its lease
// has ended, and at once then.
func leaseBoundary(t *testing.T, s store.Store) {
	save(t, s, group("g"), Origin)
	wantIDs(t, claim(t, s, Origin.Add(-1), "early", 10))
	wantIDs(t, claim(t, s, Origin, "first", 10), "g")
	wantIDs(t, claim(t, s, Origin.Add(time.Minute-1), "second", 10))
	wantIDs(t, claim(t, s, Origin.Add(time.Minute), "second", 10), "g")
}

func claimRace(t *testing.T, s store.Store) {
	const groups, claimers = 40, 8
	for i := range groups {
		save(t, s, group(fmt.Sprintf("g%02d", i)), Origin)
	}
	var mu sync.Mutex
	var all []string
	var wg sync.WaitGroup
	for i := range claimers {
		wg.Go(func() {
			for {
				keys, err := s.Claim(t.Context(), Origin, store.Lease{Holder: fmt.Sprint(i), Until: Origin.Add(time.Minute)}, 3)
				if err != nil || len(keys) == 0 {
					return
				}
				mu.Lock()
				for _, key := range keys {
					all = append(all, key.GroupID)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	slices.Sort(all)
	if len(all) != groups || len(slices.Compact(all)) != groups {
		t.Errorf("%d claims of %d groups", len(all), groups)
	}
}

// wakeDuringWork holds L3 for wakes that come while a group is held.
func wakeDuringWork(t *testing.T, s store.Store) {
	save(t, s, group("g"), Origin)
	wantIDs(t, claim(t, s, Origin, "h", 10), "g")
	at := Origin.Add(time.Second)
	want(t, s.Wake(t.Context(), key("g"), at.Add(time.Second)), nil)
	want(t, s.Wake(t.Context(), key("g"), at), nil)
	wantIDs(t, claim(t, s, at, "other", 10))
	done := store.Change{Account: account, Group: get(t, s).Group, Done: &store.Done{Holder: "h", Next: Origin.Add(time.Hour)}}
	want(t, s.Save(t.Context(), done), nil)
	if due := get(t, s).Due; !due.Equal(at) {
		t.Errorf("due %v, want %v", due, at)
	}
	wantIDs(t, claim(t, s, at, "other", 10), "g")
	// A wake from before the claim is answered by the claim.
	want(t, s.Release(t.Context(), key("g"), store.Done{Holder: "other", Next: Origin.Add(time.Hour)}), nil)
	wantIDs(t, claim(t, s, Origin.Add(time.Hour-1), "h", 10))
	// A wake never makes a group due later.
	want(t, s.Wake(t.Context(), key("g"), Origin.Add(2*time.Hour)), nil)
	wantIDs(t, claim(t, s, Origin.Add(time.Hour), "h", 10), "g")
}

// wakeWhileGivenBack wakes a group that is claimed and given back all the time:
// after each wake it is claimed at least once more.
func wakeWhileGivenBack(t *testing.T, s store.Store) {
	const wakes = 500
	save(t, s, group("g"), Origin)
	var claims atomic.Int64
	ended := make(chan struct{})
	var working sync.WaitGroup
	working.Go(func() {
		for {
			select {
			case <-ended:
				return
			default:
			}
			if len(claim(t, s, Origin, "h", 1)) == 0 {
				runtime.Gosched()
				continue
			}
			claims.Add(1)
			want(t, s.Release(t.Context(), key("g"), store.Done{Holder: "h", Next: Origin.Add(time.Hour)}), nil)
		}
	})
	patience, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for range wakes {
		before := claims.Load()
		want(t, s.Wake(t.Context(), key("g"), Origin), nil)
		for claims.Load() == before {
			if patience.Err() != nil {
				t.Error("a wake was lost")
				close(ended)
				working.Wait()
				return
			}
			runtime.Gosched()
		}
	}
	close(ended)
	working.Wait()
}

func lostLease(t *testing.T, s store.Store) {
	save(t, s, group("g"), Origin)
	wantIDs(t, claim(t, s, Origin, "slow", 10), "g")
	later := Origin.Add(time.Minute)
	// What the slow one was told meanwhile, its successor has to see to.
	woken := later.Add(time.Second)
	want(t, s.Wake(t.Context(), key("g"), woken), nil)
	wantIDs(t, claim(t, s, later, "quick", 10), "g")
	want(t, s.Release(t.Context(), key("g"), store.Done{Holder: "slow", Next: later}), nil)
	wantIDs(t, claim(t, s, later, "third", 10))
	want(t, s.Release(t.Context(), key("g"), store.Done{Holder: "quick"}), nil)
	wantIDs(t, claim(t, s, woken, "third", 10), "g")
	want(t, s.Release(t.Context(), key("g"), store.Done{Holder: "third"}), nil)
	wantIDs(t, claim(t, s, later.Add(1000*time.Hour), "third", 10))
}

// dueOrder holds L3 for due times: each comes, in its turn.
func dueOrder(t *testing.T, s store.Store) {
	for id, after := range map[string]time.Duration{"late": 3 * time.Second, "first": time.Second, "never": -1, "second": 2 * time.Second} {
		wake := Origin.Add(after)
		if after < 0 {
			wake = time.Time{}
		}
		save(t, s, group(id), wake)
	}
	if next, err := s.NextDue(t.Context()); err != nil || !next.Equal(Origin.Add(time.Second)) {
		t.Errorf("next due %v, %v", next, err)
	}
	wantIDs(t, claim(t, s, Origin.Add(2*time.Second), "h", 1), "first")
	wantIDs(t, claim(t, s, Origin.Add(2*time.Second), "h", 5), "second")
	if next, err := s.NextDue(t.Context()); err != nil || !next.Equal(Origin.Add(3*time.Second)) {
		t.Errorf("next due %v, %v", next, err)
	}
}

func leasedAtBirth(t *testing.T, s store.Store) {
	change := store.Change{
		Account: account, Group: group("g"), Wake: Origin,
		Lease: &store.Lease{Holder: "h", Until: Origin.Add(time.Minute)},
	}
	want(t, s.Save(t.Context(), change), nil)
	wantIDs(t, claim(t, s, Origin, "other", 10))
	if due := get(t, s).Due; !due.Equal(Origin) {
		t.Errorf("due %v", due)
	}
	want(t, s.Release(t.Context(), key("g"), store.Done{Holder: "h", Next: Origin.Add(time.Hour)}), nil)
	wantIDs(t, claim(t, s, Origin.Add(time.Minute), "other", 10))
}
