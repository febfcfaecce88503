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

func template(id, name string) *storagev1.StoredTemplate {
	return &storagev1.StoredTemplate{
		Template: &groupv1.LaunchTemplate{LaunchTemplateId: id, AccountId: account, Name: name, DefaultVersion: 1, LatestVersion: 1},
		Versions: []*groupv1.LaunchTemplateVersion{{
			LaunchTemplateId: id, Version: 1, Configuration: &groupv1.LaunchConfiguration{ImageId: "image", UserData: "aGk="},
		}},
	}
}

func templateKey(id string) store.TemplateKey {
	return store.TemplateKey{Account: account, TemplateID: id}
}

func saveTemplate(t *testing.T, s store.Store, written *storagev1.StoredTemplate) error {
	t.Helper()
	return s.SaveTemplate(t.Context(), store.TemplateChange{Account: account, Template: written})
}

func templateVersionOnce(t *testing.T, s store.Store) {
	_, err := s.Template(t.Context(), templateKey("lt"))
	want(t, err, store.ErrNotFound)
	written := template("lt", "web")
	want(t, saveTemplate(t, s, written), nil)
	if written.GetVersion() != 1 {
		t.Errorf("version %d after the first write", written.GetVersion())
	}
	// A reply lost after the commit: whoever writes again learns that it is there.
	want(t, saveTemplate(t, s, template("lt", "web")), store.ErrConflict)
	stale := proto.CloneOf(written)
	want(t, saveTemplate(t, s, written), nil)
	want(t, saveTemplate(t, s, stale), store.ErrConflict)
	missing := template("none", "none")
	missing.Version = 3
	want(t, saveTemplate(t, s, missing), store.ErrConflict)
	if missing.GetVersion() != 3 {
		t.Errorf("a refused write raised the version to %d", missing.GetVersion())
	}
	_, err = s.Template(t.Context(), store.TemplateKey{Account: "other", TemplateID: "lt"})
	want(t, err, store.ErrNotFound) // S8
}

func templateNameOnce(t *testing.T, s store.Store) {
	web := template("lt-1", "web")
	want(t, saveTemplate(t, s, web), nil)
	second := template("lt-2", "web")
	want(t, saveTemplate(t, s, second), store.ErrNameTaken)
	_, err := s.Template(t.Context(), templateKey("lt-2"))
	want(t, err, store.ErrNotFound)
	// Another account has names of its own (S8).
	want(t, s.SaveTemplate(t.Context(), store.TemplateChange{Account: "other", Template: template("lt-3", "web")}), nil)
	// A name is free again when its template is renamed, and when it is removed.
	web.Template.Name = "web2"
	want(t, saveTemplate(t, s, web), nil)
	want(t, saveTemplate(t, s, second), nil)
	web.Template.Name = "web"
	want(t, saveTemplate(t, s, web), store.ErrNameTaken)
	want(t, s.RemoveTemplate(t.Context(), templateKey("lt-2"), second.GetVersion()), nil)
	want(t, saveTemplate(t, s, web), nil)
}

func templateNameRace(t *testing.T, s store.Store) {
	const writers = 8
	var wg sync.WaitGroup
	results := make([]error, writers)
	for i := range writers {
		wg.Go(func() { results[i] = saveTemplate(t, s, template(fmt.Sprint("lt-", i), "web")) })
	}
	wg.Wait()
	won := 0
	for _, err := range results {
		if err == nil {
			won++
		} else {
			want(t, err, store.ErrNameTaken)
		}
	}
	if listed := templateIDs(t, s, "", 100); won != 1 || len(listed) != 1 {
		t.Errorf("%d writers have the name, stored are %v", won, listed)
	}
}

// templateLimit holds that of callers at the same time no more make a template
// than may, and that removing one makes room for one.
func templateLimit(t *testing.T, s store.Store) {
	const limit, callers = 5, 12
	create := func(i int) error {
		return s.SaveTemplate(t.Context(), store.TemplateChange{
			Account: account, Template: template(fmt.Sprintf("lt%02d", i), fmt.Sprint("n", i)), Limit: limit,
		})
	}
	errs := make([]error, callers)
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() { errs[i] = create(i) })
	}
	wg.Wait()
	made := templateIDs(t, s, "", callers)
	for _, err := range errs {
		if err != nil && !errors.Is(err, store.ErrLimit) {
			t.Error(err)
		}
	}
	if len(made) != limit {
		t.Errorf("%v were made, want %d", made, limit)
	}
	want(t, s.RemoveTemplate(t.Context(), templateKey(made[0]), 1), nil)
	want(t, create(callers), nil)
	want(t, create(callers+1), store.ErrLimit)
	kept, err := s.Template(t.Context(), templateKey(made[1]))
	if err != nil {
		t.Fatal(err)
	}
	want(t, s.SaveTemplate(t.Context(), store.TemplateChange{Account: account, Template: kept, Limit: limit}), nil) // it is not a new one
	want(t, s.SaveTemplate(t.Context(), store.TemplateChange{Account: "other", Template: template("lt", "n"), Limit: 1}), nil)
}

func templateTwoWriters(t *testing.T, s store.Store) {
	want(t, saveTemplate(t, s, template("lt", "web")), nil)
	const writers = 8
	var wg sync.WaitGroup
	results := make([]error, writers)
	for i := range writers {
		wg.Go(func() {
			mine := template("lt", "web")
			mine.Version, mine.Template.LatestVersion = 1, int64(i+2)
			results[i] = saveTemplate(t, s, mine)
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
	stored, err := s.Template(t.Context(), templateKey("lt"))
	if err != nil || winner < 0 || stored.GetTemplate().GetLatestVersion() != int64(winner+2) || stored.GetVersion() != 2 {
		t.Errorf("winner %d, stored %v, %v", winner, stored, err)
	}
}

func templateToken(t *testing.T, s store.Store) {
	token := &store.Token{
		Key:   store.TokenKey{Account: account, Method: "CreateLaunchTemplate", Token: "t"},
		Value: &storagev1.StoredToken{LaunchTemplateId: "lt", ExpireTime: timestamppb.New(Origin.Add(time.Hour))},
	}
	use := func(id, name string, now time.Time) error {
		return s.SaveTemplate(t.Context(), store.TemplateChange{Account: account, Template: template(id, name), Token: token, Now: now})
	}
	want(t, saveTemplate(t, s, template("other", "taken")), nil)
	// What is refused remembers nothing.
	want(t, use("lt", "taken", Origin), store.ErrNameTaken)
	_, err := s.Token(t.Context(), token.Key, Origin)
	want(t, err, store.ErrNotFound)
	want(t, use("lt", "web", Origin), nil)
	// A token that is used is told before a name that is taken, for the name may
	// be taken by the very call that used it.
	want(t, use("lt-2", "web", Origin), store.ErrTokenUsed)
	if got, err := s.Token(t.Context(), token.Key, Origin); err != nil || got.GetLaunchTemplateId() != "lt" {
		t.Errorf("token %v, %v", got, err)
	}
	// Groups and templates share their tokens.
	want(t, s.Save(t.Context(), store.Change{Account: account, Group: group("g"), Token: token, Now: Origin}), store.ErrTokenUsed)
	want(t, use("lt-2", "web2", Origin.Add(time.Hour)), nil)
}

func templateIDs(t *testing.T, s store.Store, after string, limit int) []string {
	t.Helper()
	found, err := s.ListTemplates(t.Context(), account, after, limit)
	if err != nil {
		t.Fatal(err)
	}
	ids := []string{}
	for _, stored := range found {
		ids = append(ids, stored.GetTemplate().GetLaunchTemplateId())
	}
	return ids
}

func templatesListed(t *testing.T, s store.Store) {
	for _, id := range []string{"c", "a", "d", "b"} {
		want(t, saveTemplate(t, s, template(id, "name-"+id)), nil)
	}
	want(t, s.SaveTemplate(t.Context(), store.TemplateChange{Account: "default2", Template: template("aa", "name")}), nil)
	wantIDs(t, templateIDs(t, s, "", 10), "a", "b", "c", "d")
	wantIDs(t, templateIDs(t, s, "a", 1), "b")
	wantIDs(t, templateIDs(t, s, "bb", 10), "c", "d")
	wantIDs(t, templateIDs(t, s, "d", 10))
}

func templateRemoved(t *testing.T, s store.Store) {
	want(t, saveTemplate(t, s, template("lt", "web")), nil)
	want(t, s.RemoveTemplate(t.Context(), templateKey("lt"), 7), store.ErrConflict)
	want(t, s.RemoveTemplate(t.Context(), store.TemplateKey{Account: "other", TemplateID: "lt"}, 1), nil) // S8
	if _, err := s.Template(t.Context(), templateKey("lt")); err != nil {
		t.Error(err)
	}
	want(t, s.RemoveTemplate(t.Context(), templateKey("lt"), 1), nil)
	want(t, s.RemoveTemplate(t.Context(), templateKey("lt"), 1), nil)
	_, err := s.Template(t.Context(), templateKey("lt"))
	want(t, err, store.ErrNotFound)
	wantIDs(t, templateIDs(t, s, "", 10))
}

func templateNotShared(t *testing.T, s store.Store) {
	written := template("lt", "web")
	want(t, saveTemplate(t, s, written), nil)
	written.Template.DefaultVersion = 99
	read := func() *storagev1.StoredTemplate {
		stored, err := s.Template(t.Context(), templateKey("lt"))
		if err != nil {
			t.Fatal(err)
		}
		return stored
	}
	read().Versions[0].Configuration.ImageId = "changed"
	listed, err := s.ListTemplates(t.Context(), account, "", 1)
	if err != nil {
		t.Fatal(err)
	}
	listed[0].Template.Name = "changed"
	expected := template("lt", "web")
	expected.Version = 1
	if diff := cmp.Diff(expected, read(), protocmp.Transform()); diff != "" {
		t.Errorf("changed without a save (-want +got):\n%s", diff)
	}
}

// templateRestart holds S6 for launch templates.
func templateRestart(t *testing.T, open func() store.Store) {
	s := open()
	written := template("lt", "web")
	want(t, saveTemplate(t, s, written), nil)
	closeStore(t, s)
	again := open()
	if again == nil {
		return
	}
	defer closeStore(t, again)
	stored, err := again.Template(t.Context(), templateKey("lt"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(written, stored, protocmp.Transform()); diff != "" {
		t.Errorf("template (-before +after):\n%s", diff)
	}
	want(t, saveTemplate(t, again, template("lt-2", "web")), store.ErrNameTaken)
}
