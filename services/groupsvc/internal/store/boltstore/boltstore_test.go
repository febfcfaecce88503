package boltstore_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store/boltstore"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t testing.TB, folder string) *boltstore.Boltstore {
	t.Helper()
	opened, err := boltstore.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	return opened
}

func TestBoltstore(t *testing.T) {
	storetest.Run(t, false, func(t *testing.T) func() store.Store {
		folder := t.TempDir()
		return func() store.Store { return open(t, folder) }
	})
}

func TestOpen_refusesASecondProcess(t *testing.T) {
	folder := t.TempDir()
	first := open(t, folder)
	if _, err := boltstore.Open(folder); err == nil {
		t.Error("the same file was opened twice")
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := first.Save(t.Context(), store.Change{Account: "a", Group: &storagev1.StoredGroup{}}); err == nil {
		t.Error("a closed store took a write")
	}
}

func TestSameAsMemory_Prop(t *testing.T) {
	folders, runs := t.TempDir(), 0
	storetest.SameAsMemory(t, func() (store.Store, error) {
		runs++
		return boltstore.Open(filepath.Join(folders, fmt.Sprint(runs)))
	})
}
