// Package storetest holds every store of the group service against the store's
// contract, bad days included. It must not know how any of them works.
package storetest

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
)

const account = "default"

// Origin is the time at which the tests begin.
var Origin = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// Run runs the suite. Open opens the store of a test, a new one at first; when
// it is called again in the same test, it opens what is there after a restart,
// or returns nil when the store forgets.
//
// A store that is shared with other processes keeps leases through a restart.
func Run(t *testing.T, shared bool, open func(t *testing.T) func() store.Store) {
	for name, test := range map[string]func(*testing.T, store.Store){
		"a version is written once": versionOnce, "one of two writers wins": twoWriters,
		"a reply lost after commit shows": lostReply, "a token is used once": tokenOnce,
		"a token is forgotten in time": tokenForgotten, "nothing is shared with callers": nothingShared,
		"groups are listed in order": listed, "the latest activities are kept": activitiesKept,
		"a claim is exclusive until its lease ends": leaseBoundary, "claims race": claimRace,
		"a wake during work is not lost": wakeDuringWork, "a wake while a group is given back is not lost": wakeWhileGivenBack, "a lost lease gives nothing back": lostLease,
		"due groups come longest due first": dueOrder, "a removed group leaves nothing": removed,
		"a group made due and leased is due without the lease": leasedAtBirth,
		"what is due later than all else is not lost":          dueInManyAccounts, "refusals are shared": refusalsShared,
		"accounts are listed":                     accountsListed,
		"the latest refusals are kept":            refusalsKept,
		"a version of a template is written once": templateVersionOnce, "a template's name is taken once": templateNameOnce,
		"one of many templates has the name": templateNameRace, "no more launch templates than may": templateLimit, "one of two writers of a template wins": templateTwoWriters,
		"a template's token is used once": templateToken, "templates are listed in order": templatesListed,
		"a removed template leaves nothing": templateRemoved, "templates are not shared with callers": templateNotShared,
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t)()
			defer closeStore(t, s)
			test(t, s)
		})
	}
	t.Run("what was acknowledged survives a restart", func(t *testing.T) { restart(t, shared, open(t)) })
	t.Run("a template survives a restart", func(t *testing.T) { templateRestart(t, open(t)) })
}

func closeStore(t *testing.T, s store.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func group(id string) *storagev1.StoredGroup {
	return &storagev1.StoredGroup{Group: &groupv1.Group{GroupId: id, AccountId: account, Lifecycle: groupv1.Lifecycle_LIFECYCLE_ACTIVE}}
}

func key(id string) store.Key { return store.Key{Account: account, GroupID: id} }

func save(t *testing.T, s store.Store, g *storagev1.StoredGroup, wake time.Time) {
	t.Helper()
	if err := s.Save(t.Context(), store.Change{Account: account, Group: g, Wake: wake}); err != nil {
		t.Fatal(err)
	}
}

// get reads the group that most tests are about.
func get(t *testing.T, s store.Store) store.Record {
	t.Helper()
	record, err := s.Get(t.Context(), key("g"))
	if err != nil {
		t.Fatal(err)
	}
	return record
}

func want(t *testing.T, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func claim(t *testing.T, s store.Store, now time.Time, holder string, limit int) []string {
	t.Helper()
	keys, err := s.Claim(t.Context(), now, store.Lease{Holder: holder, Until: now.Add(time.Minute)}, limit)
	if err != nil {
		t.Fatal(err)
	}
	ids := []string{}
	for _, key := range keys {
		ids = append(ids, key.GroupID)
	}
	return ids
}

func wantIDs(t *testing.T, got []string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(append([]string{}, want...), got); diff != "" {
		t.Errorf("ids (-want +got):\n%s", diff)
	}
}

func versionOnce(t *testing.T, s store.Store) {
	_, err := s.Get(t.Context(), key("g"))
	want(t, err, store.ErrNotFound)
	g := group("g")
	save(t, s, g, time.Time{})
	if g.GetVersion() != 1 {
		t.Errorf("version %d after the first write", g.GetVersion())
	}
	want(t, s.Save(t.Context(), store.Change{Account: account, Group: group("g")}), store.ErrConflict)
	stale := proto.CloneOf(g)
	save(t, s, g, time.Time{})
	want(t, s.Save(t.Context(), store.Change{Account: account, Group: stale}), store.ErrConflict)
	missing := group("none")
	missing.Version = 3
	want(t, s.Save(t.Context(), store.Change{Account: account, Group: missing}), store.ErrConflict)
	_, err = s.Get(t.Context(), store.Key{Account: "other", GroupID: "g"})
	want(t, err, store.ErrNotFound) // S8
}

func twoWriters(t *testing.T, s store.Store) {
	save(t, s, group("g"), time.Time{})
	const writers = 16
	var wg sync.WaitGroup
	results := make([]error, writers)
	for i := range writers {
		wg.Go(func() {
			mine := group("g")
			mine.Version, mine.NextSlot = 1, int64(i)
			results[i] = s.Save(t.Context(), store.Change{Account: account, Group: mine})
		})
	}
	wg.Wait()
	winner := -1
	for i, err := range results {
		if err == nil && winner < 0 {
			winner = i
		} else {
			want(t, err, store.ErrConflict)
		}
	}
	if got := get(t, s).Group; winner < 0 || got.GetNextSlot() != int64(winner) || got.GetVersion() != 2 {
		t.Errorf("winner %d, stored %v", winner, got)
	}
}

func lostReply(t *testing.T, s store.Store) {
	token := &store.Token{
		Key:   store.TokenKey{Account: account, Method: "Create", Token: "t"},
		Value: &storagev1.StoredToken{GroupId: "g", ExpireTime: timestamppb.New(Origin.Add(time.Hour))},
	}
	change := func(id string) store.Change {
		return store.Change{Account: account, Group: group(id), Token: token, Now: Origin}
	}
	if err := s.Save(t.Context(), change("g")); err != nil {
		t.Fatal(err)
	}
	// The caller does not know and tries again: with its token, and with its version.
	want(t, s.Save(t.Context(), change("g2")), store.ErrTokenUsed)
	want(t, s.Save(t.Context(), store.Change{Account: account, Group: group("g")}), store.ErrConflict)
	_, err := s.Get(t.Context(), key("g2"))
	want(t, err, store.ErrNotFound)
}

func tokenOnce(t *testing.T, s store.Store) {
	name := store.TokenKey{Account: account, Method: "Create", Token: "t"}
	_, err := s.Token(t.Context(), name, Origin)
	want(t, err, store.ErrNotFound)
	const callers = 8
	var wg sync.WaitGroup
	results := make([]error, callers)
	for i := range callers {
		wg.Go(func() {
			id := fmt.Sprint("g", i)
			results[i] = s.Save(t.Context(), store.Change{Account: account, Group: group(id), Now: Origin, Token: &store.Token{
				Key: name, Value: &storagev1.StoredToken{GroupId: id, Fingerprint: []byte{byte(i)}, ExpireTime: timestamppb.New(Origin.Add(time.Hour))},
			}})
		})
	}
	wg.Wait()
	token, err := s.Token(t.Context(), name, Origin)
	if err != nil {
		t.Fatal(err)
	}
	records, err := s.List(t.Context(), account, "", 100, true)
	if err != nil || len(records) != 1 || records[0].Group.GetGroup().GetGroupId() != token.GetGroupId() {
		t.Errorf("token %v, groups %v, %v", token, records, err)
	}
	_, err = s.Token(t.Context(), store.TokenKey{Account: account, Method: "Update", Token: "t"}, Origin)
	want(t, err, store.ErrNotFound)
	_, err = s.Token(t.Context(), store.TokenKey{Account: "other", Method: "Create", Token: "t"}, Origin)
	want(t, err, store.ErrNotFound)
}

func tokenForgotten(t *testing.T, s store.Store) {
	name := store.TokenKey{Account: account, Method: "Create", Token: "t"}
	use := func(id string, now time.Time) error {
		return s.Save(t.Context(), store.Change{Account: account, Group: group(id), Now: now, Token: &store.Token{
			Key: name, Value: &storagev1.StoredToken{GroupId: id, ExpireTime: timestamppb.New(now.Add(time.Hour))},
		}})
	}
	want(t, use("a", Origin), nil)
	justBefore := Origin.Add(time.Hour - 1)
	want(t, use("b", justBefore), store.ErrTokenUsed)
	if _, err := s.Token(t.Context(), name, justBefore); err != nil {
		t.Error(err)
	}
	_, err := s.Token(t.Context(), name, Origin.Add(time.Hour))
	want(t, err, store.ErrNotFound)
	want(t, use("c", Origin.Add(time.Hour)), nil)
	if token, err := s.Token(t.Context(), name, Origin.Add(time.Hour)); err != nil || token.GetGroupId() != "c" {
		t.Errorf("token %v, %v", token, err)
	}
}

func nothingShared(t *testing.T, s store.Store) {
	g, activity := group("g"), &groupv1.Activity{ActivityId: "a", Cause: "before"}
	if err := s.Save(t.Context(), store.Change{Account: account, Group: g, Activities: []*groupv1.Activity{activity}}); err != nil {
		t.Fatal(err)
	}
	g.NextSlot, activity.Cause = 99, "after"
	get(t, s).Group.NextSlot = 98
	if got := get(t, s).Group.GetNextSlot(); got != 0 {
		t.Errorf("slot %d was written without a save", got)
	}
	if got, err := s.Activity(t.Context(), key("g"), "a"); err != nil || got.GetCause() != "before" {
		t.Errorf("activity %v, %v", got, err)
	}
}

func listed(t *testing.T, s store.Store) {
	for _, id := range []string{"c", "a", "d", "b"} {
		g := group(id)
		if id == "b" {
			g.Group.Lifecycle = groupv1.Lifecycle_LIFECYCLE_DELETED
		}
		save(t, s, g, time.Time{})
	}
	foreign := group("aa")
	if err := s.Save(t.Context(), store.Change{Account: "default2", Group: foreign}); err != nil {
		t.Fatal(err)
	}
	list := func(after string, limit int, deleted bool) []string {
		records, err := s.List(t.Context(), account, after, limit, deleted)
		if err != nil {
			t.Fatal(err)
		}
		ids := []string{}
		for _, record := range records {
			ids = append(ids, record.Group.GetGroup().GetGroupId())
		}
		return ids
	}
	wantIDs(t, list("", 10, true), "a", "b", "c", "d")
	wantIDs(t, list("", 10, false), "a", "c", "d")
	wantIDs(t, list("a", 1, false), "c")
	wantIDs(t, list("bb", 10, true), "c", "d")
	wantIDs(t, list("d", 10, true))
}

func activitiesKept(t *testing.T, s store.Store) {
	g := group("g")
	for i := range store.KeptActivities + 5 {
		added := []*groupv1.Activity{{ActivityId: fmt.Sprintf("t-%04d", i)}}
		if err := s.Save(t.Context(), store.Change{Account: account, Group: g, Activities: added}); err != nil {
			t.Fatal(err)
		}
	}
	changed := &groupv1.Activity{ActivityId: "t-0204", Cause: "changed"}
	for id, added := range map[string]*groupv1.Activity{"g": changed, "h": {ActivityId: "t-0000"}, "f": {ActivityId: "t-9999"}} {
		of := g
		if id != "g" {
			of = group(id)
		}
		if err := s.Save(t.Context(), store.Change{Account: account, Group: of, Activities: []*groupv1.Activity{added}}); err != nil {
			t.Fatal(err)
		}
	}
	list := func(before string, limit int) []*groupv1.Activity {
		found, err := s.Activities(t.Context(), key("g"), before, limit)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	all := list("", 1000)
	if len(all) != store.KeptActivities || all[0].GetCause() != "changed" || all[len(all)-1].GetActivityId() != "t-0005" {
		t.Errorf("%d activities, from %v to %v", len(all), all[0], all[len(all)-1])
	}
	if page := list("t-0204", 2); len(page) != 2 || page[0].GetActivityId() != "t-0203" || page[1].GetActivityId() != "t-0202" {
		t.Errorf("page %v", page)
	}
	_, err := s.Activity(t.Context(), key("g"), "t-0004")
	want(t, err, store.ErrNotFound)
}

func removed(t *testing.T, s store.Store) {
	g := group("g")
	change := store.Change{Account: account, Group: g, Wake: Origin, Activities: []*groupv1.Activity{{ActivityId: "a"}}}
	if err := s.Save(t.Context(), change); err != nil {
		t.Fatal(err)
	}
	want(t, s.Remove(t.Context(), key("g"), 7), store.ErrConflict)
	want(t, s.Remove(t.Context(), key("g"), 1), nil)
	want(t, s.Remove(t.Context(), key("g"), 1), nil)
	want(t, s.Wake(t.Context(), key("g"), Origin), nil)
	want(t, s.Release(t.Context(), key("g"), store.Done{Next: Origin}), nil)
	wantIDs(t, claim(t, s, Origin.Add(time.Hour), "h", 10))
	if next, err := s.NextDue(t.Context()); err != nil || !next.IsZero() {
		t.Errorf("next due %v, %v", next, err)
	}
	if found, err := s.Activities(t.Context(), key("g"), "", 10); err != nil || len(found) != 0 {
		t.Errorf("activities %v, %v", found, err)
	}
	_, err := s.Get(t.Context(), key("g"))
	want(t, err, store.ErrNotFound)
}

// restart holds S6 for what a store was told.
func restart(t *testing.T, shared bool, open func() store.Store) {
	s := open()
	token := &store.Token{
		Key:   store.TokenKey{Account: account, Method: "Create", Token: "t"},
		Value: &storagev1.StoredToken{GroupId: "g", ExpireTime: timestamppb.New(Origin.Add(time.Hour))},
	}
	g := group("g")
	g.Launches = []*storagev1.Launch{{RequestId: "g.1", FirstSlot: 1, Amount: 5}}
	change := store.Change{Account: account, Group: g, Token: token, Now: Origin, Wake: Origin, Activities: []*groupv1.Activity{{ActivityId: "a"}}}
	if err := s.Save(t.Context(), change); err != nil {
		t.Fatal(err)
	}
	wantIDs(t, claim(t, s, Origin, "dead", 10), "g")
	closeStore(t, s)
	again := open()
	if again == nil {
		return
	}
	defer closeStore(t, again)
	if diff := cmp.Diff(g, get(t, again).Group, protocmp.Transform()); diff != "" {
		t.Errorf("group (-before +after):\n%s", diff)
	}
	if _, err := again.Token(t.Context(), token.Key, Origin); err != nil {
		t.Error(err)
	}
	if _, err := again.Activity(t.Context(), key("g"), "a"); err != nil {
		t.Error(err)
	}
	if shared { // the one who held it may be alive
		wantIDs(t, claim(t, again, Origin.Add(time.Minute-1), "alive", 10))
		wantIDs(t, claim(t, again, Origin.Add(time.Minute), "alive", 10), "g")
		return
	}
	// The one who held it is gone, so nobody need wait for the lease.
	wantIDs(t, claim(t, again, Origin, "alive", 10), "g")
}
