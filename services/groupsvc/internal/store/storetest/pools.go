package storetest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
)

func refusal(instanceType string, after, delay time.Duration) *storagev1.Refusal {
	at := Origin.Add(after)
	return &storagev1.Refusal{
		ZoneId: "z", InstanceType: instanceType, RefuseTime: timestamppb.New(at), RetryTime: timestamppb.New(at.Add(delay)), ErrorCode: "full",
	}
}

func note(t *testing.T, s store.Store, notes store.RefusalNotes) {
	t.Helper()
	if err := s.NoteRefusals(t.Context(), account, notes); err != nil {
		t.Fatal(err)
	}
}

func wantRefusals(t *testing.T, s store.Store, want ...string) {
	t.Helper()
	kept, err := s.Refusals(t.Context(), account)
	if err != nil {
		t.Fatal(err)
	}
	got := []string{}
	for _, r := range kept {
		got = append(got, fmt.Sprintf("%s %v+%v", r.GetInstanceType(),
			r.GetRefuseTime().AsTime().Sub(Origin), r.GetRetryTime().AsTime().Sub(r.GetRefuseTime().AsTime())))
	}
	wantIDs(t, got, want...)
}

func refusalsShared(t *testing.T, s store.Store) {
	wantRefusals(t, s)
	note(t, s, store.RefusalNotes{Refused: []*storagev1.Refusal{refusal("b", 2*time.Second, time.Minute), refusal("a", time.Second, time.Minute)}})
	wantRefusals(t, s, "a 1s+1m0s", "b 2s+1m0s")
	// A later one takes the place of an earlier one, not the other way round.
	note(t, s, store.RefusalNotes{Refused: []*storagev1.Refusal{refusal("a", 3*time.Second, 2*time.Minute), refusal("b", 0, time.Second)}})
	wantRefusals(t, s, "b 2s+1m0s", "a 3s+2m0s")
	// What was delivered before a refusal says nothing about it.
	note(t, s, store.RefusalNotes{Accepted: []*storagev1.Refusal{refusal("a", 2*time.Second, 0), refusal("b", 2*time.Second, 0), refusal("c", 0, 0)}})
	wantRefusals(t, s, "a 3s+2m0s")
	note(t, s, store.RefusalNotes{Forget: Origin.Add(2*time.Minute + 3*time.Second)})
	wantRefusals(t, s, "a 3s+2m0s")
	note(t, s, store.RefusalNotes{Forget: Origin.Add(2*time.Minute + 3*time.Second + 1)})
	wantRefusals(t, s)
	// Those from before a clock was set back do not stand in the way of later ones.
	note(t, s, store.RefusalNotes{Refused: []*storagev1.Refusal{refusal("a", time.Hour, time.Minute)}})
	note(t, s, store.RefusalNotes{Refused: []*storagev1.Refusal{refusal("a", 0, time.Minute)}, Latest: Origin.Add(time.Minute)})
	wantRefusals(t, s, "a 0s+1m0s")
	note(t, s, store.RefusalNotes{Forget: Origin.Add(time.Hour)})
	if other, err := s.Refusals(t.Context(), "other"); err != nil || len(other) != 0 {
		t.Errorf("another account has refusals %v, %v", other, err) // S8
	}
	const writers = 8
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			note(t, s, store.RefusalNotes{Refused: []*storagev1.Refusal{refusal(fmt.Sprint(i), time.Duration(i), time.Minute)}})
		})
	}
	wg.Wait()
	if kept, err := s.Refusals(t.Context(), account); err != nil || len(kept) != writers {
		t.Errorf("of %d notes at a time %d are kept, %v", writers, len(kept), err)
	}
}

func refusalsKept(t *testing.T, s store.Store) {
	var refused []*storagev1.Refusal
	for i := range store.KeptRefusals + 1 {
		refused = append(refused, refusal(fmt.Sprint(i), time.Duration(i), time.Minute))
	}
	note(t, s, store.RefusalNotes{Refused: refused})
	kept, err := s.Refusals(t.Context(), account)
	if err != nil || len(kept) != store.KeptRefusals || kept[0].GetInstanceType() != "1" {
		t.Errorf("%d are kept, %v", len(kept), err)
	}
}

// dueInManyAccounts holds L3 where due times lie in many places.
func dueInManyAccounts(t *testing.T, s store.Store) {
	const accounts = 50
	for i := range accounts {
		g := group("g")
		change := store.Change{Account: fmt.Sprint("account-", i), Group: g, Wake: Origin.Add(time.Duration(accounts-i) * time.Second)}
		if err := s.Save(t.Context(), change); err != nil {
			t.Fatal(err)
		}
	}
	for i := range accounts {
		next, err := s.NextDue(t.Context())
		at := Origin.Add(time.Duration(i+1) * time.Second)
		if err != nil || !next.Equal(at) {
			t.Fatalf("next due %v, %v, want %v", next, err, at)
		}
		lease := store.Lease{Holder: fmt.Sprint("h", i), Until: Origin.Add(time.Hour)}
		keys, err := s.Claim(t.Context(), next, lease, 10)
		if err != nil || len(keys) != 1 || keys[0].Account != fmt.Sprint("account-", accounts-i-1) {
			t.Fatalf("claimed %v, %v", keys, err)
		}
	}
}
