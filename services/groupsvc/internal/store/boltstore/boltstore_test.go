package boltstore_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/bbolt"
	"go.uber.org/goleak"

	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
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

// A file of a later release is refused and left as it is; one without a number,
// from before there were numbers, is taken over.
func TestOpen_layouts(t *testing.T) {
	for name, test := range map[string]struct {
		noted []byte
		says  string
	}{
		"later":            {binary.BigEndian.AppendUint64(nil, 9), "a later release wrote it in layout 9, this one reads up to layout 1"},
		"damaged":          {[]byte{1}, "the file is damaged"},
		"without a number": {nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			first := open(t, folder)
			group := &storagev1.StoredGroup{Group: &groupv1.Group{GroupId: "g"}}
			if err := errors.Join(first.Save(t.Context(), store.Change{Account: "a", Group: group}), first.Close()); err != nil {
				t.Fatal(err)
			}
			note(t, folder, test.noted)
			second, err := boltstore.Open(folder)
			if test.says != "" {
				if err == nil || !strings.Contains(err.Error(), test.says) {
					t.Fatalf("got %v, want one that says %q", err, test.says)
				}
				note(t, folder, binary.BigEndian.AppendUint64(nil, 1))
				second = open(t, folder)
			} else if err != nil {
				t.Fatal(err)
			}
			if _, err := second.Get(t.Context(), store.Key{Account: "a", GroupID: "g"}); err != nil {
				t.Errorf("the group is gone: %v", err)
			}
			if err := second.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// note notes a layout in the file of a store; nil for none.
func note(t *testing.T, folder string, layout []byte) {
	t.Helper()
	db, err := bbolt.Open(filepath.Join(folder, "groups.db"), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		if layout == nil {
			return tx.Bucket([]byte("meta")).Delete([]byte("format"))
		}
		return tx.Bucket([]byte("meta")).Put([]byte("format"), layout)
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestSameAsMemory_Prop(t *testing.T) {
	folders, runs := t.TempDir(), 0
	storetest.SameAsMemory(t, func() (store.Store, error) {
		runs++
		return boltstore.Open(filepath.Join(folders, fmt.Sprint(runs)))
	})
}
