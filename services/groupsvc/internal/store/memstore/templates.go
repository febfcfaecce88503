package memstore

import (
	"context"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
)

// templates are the launch templates, guarded by the store's lock.
type templates struct {
	stored map[store.TemplateKey]*storagev1.StoredTemplate
	names  map[templateName]string // to the id of the template
}

type templateName struct{ account, name string }

func newTemplates() templates {
	return templates{
		stored: map[store.TemplateKey]*storagev1.StoredTemplate{}, names: map[templateName]string{},
	}
}

// Template implements [store.Store].
func (m *Memstore) Template(_ context.Context, key store.TemplateKey) (*storagev1.StoredTemplate, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	stored, ok := m.templates.stored[key]
	if !ok {
		return nil, store.ErrNotFound
	}
	return proto.CloneOf(stored), nil
}

// ListTemplates implements [store.Store]. It sorts anew each time: an account
// has few templates, and they are listed seldom.
func (m *Memstore) ListTemplates(_ context.Context, account, after string, limit int) ([]*storagev1.StoredTemplate, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []*storagev1.StoredTemplate
	for key, stored := range m.templates.stored {
		if key.Account == account && key.TemplateID > after {
			found = append(found, stored)
		}
	}
	slices.SortFunc(found, func(a, b *storagev1.StoredTemplate) int {
		return strings.Compare(a.GetTemplate().GetLaunchTemplateId(), b.GetTemplate().GetLaunchTemplateId())
	})
	found = found[:min(limit, len(found))]
	for i, stored := range found {
		found[i] = proto.CloneOf(stored)
	}
	return found, nil
}

// SaveTemplate implements [store.Store].
func (m *Memstore) SaveTemplate(_ context.Context, change store.TemplateChange) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.isUsed(change.Token, change.Now) {
		return store.ErrTokenUsed
	}
	template := change.Template.GetTemplate()
	key := store.TemplateKey{Account: change.Account, TemplateID: template.GetLaunchTemplateId()}
	before := m.templates.stored[key]
	if before.GetVersion() != change.Template.GetVersion() {
		return store.ErrConflict
	}
	name := templateName{change.Account, template.GetName()}
	if holder, taken := m.templates.names[name]; taken && holder != key.TemplateID {
		return store.ErrNameTaken
	}
	if before == nil && change.Limit > 0 && m.countTemplates(change.Account) >= change.Limit {
		return store.ErrLimit
	}
	if before != nil {
		delete(m.templates.names, templateName{change.Account, before.GetTemplate().GetName()})
	}
	change.Template.Version++
	m.templates.stored[key] = proto.CloneOf(change.Template)
	m.templates.names[name] = key.TemplateID
	m.keepToken(change.Token)
	return nil
}

// countTemplates counts those of an account. The caller holds mu.
func (m *Memstore) countTemplates(account string) int {
	count := 0
	for key := range m.templates.stored {
		if key.Account == account {
			count++
		}
	}
	return count
}

// RemoveTemplate implements [store.Store].
func (m *Memstore) RemoveTemplate(_ context.Context, key store.TemplateKey, version int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	stored, ok := m.templates.stored[key]
	if !ok {
		return nil
	}
	if stored.GetVersion() != version {
		return store.ErrConflict
	}
	delete(m.templates.stored, key)
	delete(m.templates.names, templateName{key.Account, stored.GetTemplate().GetName()})
	return nil
}
