package boltstore_test

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
)

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
