package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store/memstore"
)

// SameAsMemory lets a store and the one in memory do the same at random, and
// expects the same of both. Open opens an empty store; each is closed.
func SameAsMemory(t *testing.T, open func() (store.Store, error)) {
	rapid.Check(t, func(t *rapid.T) {
		tested, err := open()
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := tested.Close(); err != nil {
				t.Error(err)
			}
		}()
		d := &differ{mem: memstore.New(), tested: tested, now: Origin}
		t.Repeat(map[string]func(*rapid.T){
			"save": d.save, "remove": d.remove, "claim": d.claim, "release": d.release, "wake": d.wake,
			"save template": d.saveTemplate, "remove template": d.removeTemplate, "note refusals": d.noteRefusals,
			"pass": func(t *rapid.T) {
				d.now = d.now.Add(time.Duration(rapid.IntRange(0, 90).Draw(t, "seconds")) * time.Second)
			},
			"": d.compare,
		})
	})
}

type differ struct {
	mem, tested store.Store
	now         time.Time
	turns       int
}

// both does something to both stores and expects the same outcome.
func both[T any](d *differ, t *rapid.T, what string, do func(store.Store) (T, error)) T {
	fromMem, memErr := do(d.mem)
	fromTested, testedErr := do(d.tested)
	for _, known := range []error{store.ErrConflict, store.ErrNotFound, store.ErrTokenUsed, store.ErrNameTaken} {
		if errors.Is(memErr, known) != errors.Is(testedErr, known) {
			t.Fatalf("%s: in memory it is %v, tested %v", what, memErr, testedErr)
		}
	}
	if diff := cmp.Diff(fromMem, fromTested, protocmp.Transform()); diff != "" || (memErr == nil) != (testedErr == nil) {
		t.Fatalf("%s: %v, %v (-mem +tested):\n%s", what, memErr, testedErr, diff)
	}
	return fromMem
}

func (d *differ) id(t *rapid.T) store.Key {
	return store.Key{Account: rapid.SampledFrom([]string{"a", "ab"}).Draw(t, "account"), GroupID: rapid.SampledFrom([]string{"g", "g0", "h"}).Draw(t, "id")}
}

func (d *differ) save(t *rapid.T) {
	key := d.id(t)
	version := both(d, t, "get", func(s store.Store) (int64, error) {
		record, err := s.Get(t.Context(), key)
		return record.Group.GetVersion(), err
	})
	version += int64(rapid.SampledFrom([]int{0, 0, 0, 1}).Draw(t, "ahead"))
	slot := rapid.Int64Range(0, 100).Draw(t, "slot")
	token := rapid.SampledFrom([]string{"", "t", "u"}).Draw(t, "token")
	leased, done := rapid.Bool().Draw(t, "lease"), rapid.Bool().Draw(t, "done")
	wake := time.Time{}
	if rapid.Bool().Draw(t, "wake") {
		wake = d.now
	}
	activity := rapid.SampledFrom([]string{"", "1", "2"}).Draw(t, "activity")
	d.turns++
	both(d, t, "save", func(s store.Store) (int64, error) {
		change := store.Change{Account: key.Account, Now: d.now, Wake: wake, Group: &storagev1.StoredGroup{
			Group: &groupv1.Group{GroupId: key.GroupID}, Version: version, NextSlot: slot,
		}}
		if token != "" {
			change.Token = &store.Token{
				Key:   store.TokenKey{Account: key.Account, Method: "m", Token: token},
				Value: &storagev1.StoredToken{GroupId: key.GroupID, ExpireTime: timestamppb.New(d.now.Add(time.Minute))},
			}
		}
		if leased {
			change.Lease = &store.Lease{Holder: fmt.Sprint(d.turns), Until: d.now.Add(time.Minute)}
		}
		if done {
			change.Done = &store.Done{Holder: fmt.Sprint(d.turns - 1), Next: d.now.Add(time.Second)}
		}
		if activity != "" {
			change.Activities = []*groupv1.Activity{{ActivityId: activity, Cause: fmt.Sprint(d.turns)}}
		}
		err := s.Save(t.Context(), change)
		return change.Group.GetVersion(), err
	})
}

func (d *differ) remove(t *rapid.T) {
	key, version := d.id(t), rapid.Int64Range(0, 4).Draw(t, "version")
	both(d, t, "remove", func(s store.Store) (bool, error) { return true, s.Remove(t.Context(), key, version) })
}

func (d *differ) claim(t *rapid.T) {
	d.turns++
	limit := rapid.IntRange(1, 3).Draw(t, "limit")
	both(d, t, "claim", func(s store.Store) ([]store.Key, error) {
		return s.Claim(t.Context(), d.now, store.Lease{Holder: fmt.Sprint(d.turns), Until: d.now.Add(time.Minute)}, limit)
	})
}

func (d *differ) release(t *rapid.T) {
	key, holder := d.id(t), fmt.Sprint(rapid.IntRange(max(0, d.turns-3), d.turns).Draw(t, "holder"))
	both(d, t, "release", func(s store.Store) (bool, error) {
		return true, s.Release(t.Context(), key, store.Done{Holder: holder, Next: d.now.Add(time.Minute)})
	})
}

func (d *differ) wake(t *rapid.T) {
	key := d.id(t)
	both(d, t, "wake", func(s store.Store) (bool, error) { return true, s.Wake(t.Context(), key, d.now) })
}

func (d *differ) compare(t *rapid.T) {
	for _, account := range []string{"a", "ab"} {
		records := both(d, t, "list", func(s store.Store) ([]store.Record, error) {
			return s.List(t.Context(), account, "", 10, true)
		})
		for _, record := range records {
			key := store.Key{Account: account, GroupID: record.Group.GetGroup().GetGroupId()}
			both(d, t, "activities", func(s store.Store) ([]*groupv1.Activity, error) { return s.Activities(t.Context(), key, "", 10) })
		}
		both(d, t, "list templates", func(s store.Store) ([]*storagev1.StoredTemplate, error) {
			return s.ListTemplates(t.Context(), account, "", 10)
		})
		for _, token := range []string{"t", "u"} {
			both(d, t, "token", func(s store.Store) (*storagev1.StoredToken, error) {
				return s.Token(t.Context(), store.TokenKey{Account: account, Method: "m", Token: token}, d.now)
			})
		}
	}
	both(d, t, "next due", func(s store.Store) (time.Time, error) { return s.NextDue(t.Context()) })
}

func (d *differ) templateKey(t *rapid.T) store.TemplateKey {
	key := d.id(t)
	return store.TemplateKey{Account: key.Account, TemplateID: key.GroupID}
}

func (d *differ) templateVersion(t *rapid.T, key store.TemplateKey) int64 {
	version := both(d, t, "get template", func(s store.Store) (int64, error) {
		stored, err := s.Template(t.Context(), key)
		return stored.GetVersion(), err
	})
	return version + int64(rapid.SampledFrom([]int{0, 0, 0, 1}).Draw(t, "ahead"))
}

func (d *differ) saveTemplate(t *rapid.T) {
	key := d.templateKey(t)
	version := d.templateVersion(t, key)
	name := rapid.SampledFrom([]string{"web", "web2"}).Draw(t, "name")
	token := rapid.SampledFrom([]string{"", "t", "u"}).Draw(t, "token")
	both(d, t, "save template", func(s store.Store) (int64, error) {
		change := store.TemplateChange{Account: key.Account, Now: d.now, Template: &storagev1.StoredTemplate{
			Template: &groupv1.LaunchTemplate{LaunchTemplateId: key.TemplateID, Name: name}, Version: version,
		}}
		if token != "" {
			change.Token = &store.Token{
				Key:   store.TokenKey{Account: key.Account, Method: "m", Token: token},
				Value: &storagev1.StoredToken{LaunchTemplateId: key.TemplateID, ExpireTime: timestamppb.New(d.now.Add(time.Minute))},
			}
		}
		err := s.SaveTemplate(t.Context(), change)
		return change.Template.GetVersion(), err
	})
}

func (d *differ) removeTemplate(t *rapid.T) {
	key := d.templateKey(t)
	version := d.templateVersion(t, key)
	both(d, t, "remove template", func(s store.Store) (bool, error) {
		return true, s.RemoveTemplate(t.Context(), key, version)
	})
}

func (d *differ) noteRefusals(t *rapid.T) {
	some := func(what string) (some []*storagev1.Refusal) {
		for range rapid.IntRange(0, 2).Draw(t, what) {
			at := d.now.Add(-time.Duration(rapid.IntRange(0, 30).Draw(t, "seconds ago")) * time.Second)
			some = append(some, &storagev1.Refusal{
				InstanceType: rapid.SampledFrom([]string{"large", "small"}).Draw(t, "type"),
				RefuseTime:   timestamppb.New(at), RetryTime: timestamppb.New(at.Add(time.Minute)),
			})
		}
		return some
	}
	account := d.id(t).Account
	notes := store.RefusalNotes{Refused: some("refused"), Accepted: some("accepted"), Forget: d.now}
	both(d, t, "note refusals", func(s store.Store) (bool, error) { return true, s.NoteRefusals(t.Context(), account, notes) })
	both(d, t, "refusals", func(s store.Store) ([]*storagev1.Refusal, error) { return s.Refusals(t.Context(), account) })
}
