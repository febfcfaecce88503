package memstore

import (
	"context"
	"errors"

	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
)

var errTemplates = errors.New("launch templates are not kept yet")

// Template implements [store.Store].
func (m *Memstore) Template(context.Context, store.TemplateKey) (*storagev1.StoredTemplate, error) {
	return nil, store.ErrNotFound
}

// ListTemplates implements [store.Store].
func (m *Memstore) ListTemplates(context.Context, string, string, int) ([]*storagev1.StoredTemplate, error) {
	return nil, nil
}

// SaveTemplate implements [store.Store].
func (m *Memstore) SaveTemplate(context.Context, store.TemplateChange) error { return errTemplates }

// RemoveTemplate implements [store.Store].
func (m *Memstore) RemoveTemplate(context.Context, store.TemplateKey, int64) error { return nil }
