package memstore

import (
	"context"

	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
)

// Refusals implements [store.Store].
func (m *Memstore) Refusals(context.Context, string) ([]*storagev1.Refusal, error) { return nil, nil }

// NoteRefusals implements [store.Store].
func (m *Memstore) NoteRefusals(context.Context, string, store.RefusalNotes) error { return nil }
