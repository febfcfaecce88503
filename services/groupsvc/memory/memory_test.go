package memory_test

import (
	"errors"
	"testing"
	"time"

	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store/storetest"
	"github.com/seed-198b1370/muster/services/groupsvc/memory"
)

// It is a store like any other that processes share.
func TestMemory(t *testing.T) {
	storetest.Run(t, true, func(*testing.T) func() store.Store {
		kept := memory.New()
		return func() store.Store { return kept.Through(func(_ memory.Call, do func() error) error { return do() }) }
	})
}

// A hook can keep a call from being made, lose its answer, and cut a lease short.
func TestMemory_hook(t *testing.T) {
	errAway := errors.New("away")
	var made, answer, short bool
	kept := memory.New()
	hooked := kept.Through(func(call memory.Call, do func() error) error {
		if short && call.LeaseUntil != nil {
			*call.LeaseUntil = storetest.Origin
		}
		if made {
			if err := do(); err != nil || answer {
				return err
			}
		}
		return errAway
	})
	change := func() store.Change {
		return store.Change{
			Account: "default", Wake: storetest.Origin,
			Group: &storagev1.StoredGroup{Group: &groupv1.Group{GroupId: "apg-1"}},
		}
	}
	key := store.Key{Account: "default", GroupID: "apg-1"}
	stored := func() bool {
		_, err := kept.Get(t.Context(), key)
		return err == nil
	}
	if err := hooked.Save(t.Context(), change()); !errors.Is(err, errAway) || stored() {
		t.Errorf("a call that is not made: %v, stored %v", err, stored())
	}
	made = true
	if err := hooked.Save(t.Context(), change()); !errors.Is(err, errAway) || !stored() {
		t.Errorf("an answer that is lost: %v, stored %v", err, stored())
	}
	answer, short = true, true
	lease := store.Lease{Holder: "a", Until: storetest.Origin.Add(time.Hour)}
	for range 2 {
		if keys, err := hooked.Claim(t.Context(), storetest.Origin, lease, 1); err != nil || len(keys) != 1 {
			t.Errorf("claimed %v, %v", keys, err)
		}
	}
}
