package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
)

// A Backend is what a store keeps its records in when that is another process,
// and how it is given bad days.
type Backend interface {
	// Open opens a store there.
	Open(t *testing.T) store.Store
	// LoseNextWrite lets the next write of any store be made and its answer be
	// lost; Lost tells whether that has happened.
	LoseNextWrite()
	// Lost tells whether an answer was lost since.
	Lost() bool
	// Pause makes it answer nobody until Resume.
	Pause()
	// Resume lets it go on.
	Resume()
	// Kill ends it as kill -9 does; Restart starts it on what it had kept.
	Kill()
	// Restart starts it again.
	Restart(t testing.TB)
}

// RunBadDays holds a store in another process against what can become of that.
func RunBadDays(t *testing.T, start func(t *testing.T) Backend) {
	for name, test := range map[string]func(*testing.T, Backend){
		"a lost answer is neither success nor conflict": lostAnswer, "a lost answer to a claim loses no group": lostClaim,
		"a lost answer to a token is made up for": lostToken, "a backend that hangs holds nobody for ever": paused,
		"two processes share the work": twoProcesses, "a kill loses nothing acknowledged": killed,
	} {
		t.Run(name, func(t *testing.T) { test(t, start(t)) })
	}
}

func open(t *testing.T, backend Backend) store.Store {
	t.Helper()
	s := backend.Open(t)
	t.Cleanup(func() { closeStore(t, s) })
	return s
}

// wantUnknown wants an error that says nothing about what became of a write.
func wantUnknown(t *testing.T, backend Backend, err error) {
	t.Helper()
	if err == nil || errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrTokenUsed) || errors.Is(err, store.ErrNotFound) || !backend.Lost() {
		t.Errorf("got %v, want an error that leaves open what became of the write", err)
	}
}

func lostAnswer(t *testing.T, backend Backend) {
	s := open(t, backend)
	g := group("g")
	save(t, s, g, time.Time{})
	backend.LoseNextWrite()
	wantUnknown(t, backend, s.Save(t.Context(), store.Change{Account: account, Group: g, Wake: Origin}))
	if g.GetVersion() != 1 {
		t.Errorf("a write that is not known to be made raised the version to %d", g.GetVersion())
	}
	// It was made, which whoever tries again learns, and can go on from.
	want(t, s.Save(t.Context(), store.Change{Account: account, Group: g, Wake: Origin}), store.ErrConflict)
	record := get(t, s)
	if record.Group.GetVersion() != 2 || !record.Due.Equal(Origin) {
		t.Errorf("version %d, due %v", record.Group.GetVersion(), record.Due)
	}
	want(t, s.Save(t.Context(), store.Change{Account: account, Group: record.Group}), nil)
	backend.LoseNextWrite()
	wantUnknown(t, backend, s.Wake(t.Context(), key("g"), Origin.Add(-time.Hour)))
	want(t, s.Wake(t.Context(), key("g"), Origin.Add(-time.Hour)), nil)
	backend.LoseNextWrite()
	wantUnknown(t, backend, s.Remove(t.Context(), key("g"), 3))
	want(t, s.Remove(t.Context(), key("g"), 3), nil)
	wantIDs(t, claim(t, s, Origin, "h", 10))
}

// lostClaim holds L3: a group that was claimed for somebody who was not told must
// not wait for the end of the lease.
func lostClaim(t *testing.T, backend Backend) {
	s := open(t, backend)
	save(t, s, group("a"), Origin)
	save(t, s, group("b"), Origin)
	backend.LoseNextWrite()
	wantIDs(t, claim(t, s, Origin, "h", 10), "a", "b")
	if !backend.Lost() {
		t.Error("no answer was lost")
	}
	backend.LoseNextWrite()
	done := store.Done{Holder: "h", Next: Origin.Add(time.Second)}
	wantUnknown(t, backend, s.Release(t.Context(), key("a"), done))
	want(t, s.Release(t.Context(), key("a"), done), nil)
	wantIDs(t, claim(t, s, Origin.Add(time.Second), "i", 10), "a")
}

// lostToken holds S1 for calls with a client token.
func lostToken(t *testing.T, backend Backend) {
	s := open(t, backend)
	create := func(id string) error {
		return s.Save(t.Context(), store.Change{Account: account, Group: group(id), Now: Origin, Token: &store.Token{
			Key:   store.TokenKey{Account: account, Method: "Create", Token: "t"},
			Value: &storagev1.StoredToken{GroupId: id, ExpireTime: timestamppb.New(Origin.Add(time.Hour))},
		}})
	}
	backend.LoseNextWrite()
	wantUnknown(t, backend, create("g"))
	want(t, create("g2"), store.ErrTokenUsed)
	token, err := s.Token(t.Context(), store.TokenKey{Account: account, Method: "Create", Token: "t"}, Origin)
	if err != nil || token.GetGroupId() != "g" {
		t.Errorf("token %v, %v", token, err)
	}
}

func paused(t *testing.T, backend Backend) {
	s := open(t, backend)
	g := group("g")
	save(t, s, g, Origin)
	backend.Pause()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	written := proto.CloneOf(g)
	written.NextSlot = 7
	if err := s.Save(ctx, store.Change{Account: account, Group: written}); err == nil {
		t.Error("a write was acknowledged by a backend that answers nobody")
	}
	// Without a deadline of the caller's it ends as well.
	if _, err := s.Get(t.Context(), key("g")); err == nil {
		t.Error("a read was answered by a backend that answers nobody")
	}
	if _, err := s.Claim(t.Context(), Origin, store.Lease{Holder: "h", Until: Origin.Add(time.Minute)}, 1); err == nil {
		t.Error("a claim was answered by a backend that answers nobody")
	}
	backend.Resume()
	record := get(t, s)
	if made := record.Group.GetVersion() == 2; made != (record.Group.GetNextSlot() == 7) {
		t.Errorf("half of a write was made: %v", record.Group)
	}
	want(t, s.Save(t.Context(), store.Change{Account: account, Group: record.Group}), nil)
	wantIDs(t, claim(t, s, Origin, "h2", 1), "g")
}

// twoProcesses lets two stores on one backend claim and write at a time: each
// turn is one process's, and each version is written once.
func twoProcesses(t *testing.T, backend Backend) {
	const groups, turns = 20, 5
	one, two := open(t, backend), open(t, backend)
	for i := range groups {
		save(t, one, group(fmt.Sprintf("g%02d", i)), Origin)
	}
	var wg sync.WaitGroup
	for who, s := range []store.Store{one, two} {
		wg.Go(func() { work(t, s, fmt.Sprint("process-", who), turns) })
	}
	wg.Wait()
	records, err := one.List(t.Context(), account, "", groups, true)
	if err != nil || len(records) != groups {
		t.Fatalf("%d groups, %v", len(records), err)
	}
	for _, record := range records {
		if record.Group.GetNextSlot() != turns || record.Group.GetVersion() != turns+1 {
			t.Errorf("group %s was worked on %d times in %d writes", record.Group.GetGroup().GetGroupId(), record.Group.GetNextSlot(), record.Group.GetVersion())
		}
	}
}

// work takes groups that are due and counts up their slots, until each is at so
// many.
func work(t *testing.T, s store.Store, who string, turns int64) {
	for turn := 0; ; turn++ {
		holder := fmt.Sprintf("%s/%d", who, turn)
		keys, err := s.Claim(t.Context(), Origin, store.Lease{Holder: holder, Until: Origin.Add(time.Minute)}, 3)
		if err != nil {
			t.Error(err)
			return
		}
		if len(keys) == 0 {
			if next, err := s.NextDue(t.Context()); err != nil || next.IsZero() {
				return
			}
			continue // the other has them
		}
		for _, key := range keys {
			record, err := s.Get(t.Context(), key)
			if err != nil {
				t.Error(err)
				return
			}
			record.Group.NextSlot++
			done := &store.Done{Holder: holder, Next: Origin}
			if record.Group.GetNextSlot() == turns {
				done.Next = time.Time{}
			}
			if err := s.Save(t.Context(), store.Change{Account: key.Account, Group: record.Group, Done: done}); err != nil {
				t.Error(err)
			}
		}
	}
}

// killed holds S6 and L3: what was acknowledged before a kill is there after it,
// due times too, and no group is lost to a claim that was under way.
func killed(t *testing.T, backend Backend) {
	const writers = 8
	s := open(t, backend)
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	acknowledged := make([]int64, writers)
	begun := make(chan struct{}, writers)
	for i := range writers {
		wg.Go(func() {
			g := group(fmt.Sprint("g", i))
			for writes := 0; ctx.Err() == nil; writes++ {
				if s.Save(ctx, store.Change{Account: account, Group: g, Wake: Origin.Add(time.Duration(i) * time.Second)}) != nil {
					return
				}
				acknowledged[i] = g.GetVersion()
				if writes == 20 {
					begun <- struct{}{}
				}
			}
		})
	}
	for range writers {
		<-begun
	}
	backend.Kill()
	stop()
	wg.Wait()
	backend.Restart(t)
	for i, version := range acknowledged {
		record, err := s.Get(t.Context(), key(fmt.Sprint("g", i)))
		if err != nil || record.Group.GetVersion() < version || record.Group.GetVersion() > version+1 {
			t.Errorf("group %d is at version %d, %v; acknowledged was %d", i, record.Group.GetVersion(), err, version)
		}
	}
	wantIDs(t, claim(t, s, Origin.Add(time.Hour), "h", writers+1), "g0", "g1", "g2", "g3", "g4", "g5", "g6", "g7")
}
