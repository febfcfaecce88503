package storetest

import (
	"slices"
	"testing"

	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
)

// accountsListed holds the list of accounts: all that own something, whichever
// kind, each once.
func accountsListed(t *testing.T, s store.Store) {
	list := func() []string {
		t.Helper()
		found, err := s.Accounts(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(found)
		return append([]string{}, found...)
	}
	wantIDs(t, list())
	for _, account := range []string{"b", "a", "ab", "a"} {
		for _, id := range []string{"1", "2"} {
			owned := group(account + id)
			if found, err := s.Get(t.Context(), store.Key{Account: account, GroupID: account + id}); err == nil {
				owned = found.Group
			}
			if err := s.Save(t.Context(), store.Change{Account: account, Group: owned}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, account := range []string{"a", "templates"} {
		made := &storagev1.StoredTemplate{Template: &groupv1.LaunchTemplate{LaunchTemplateId: "lt-1", Name: "n"}}
		if err := s.SaveTemplate(t.Context(), store.TemplateChange{Account: account, Template: made}); err != nil {
			t.Fatal(err)
		}
	}
	wantIDs(t, list(), "a", "ab", "b", "templates")
}
