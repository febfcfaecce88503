package memstore

import (
	"context"

	"google.golang.org/protobuf/proto"

	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
)

// Refusals implements [store.Store].
func (m *Memstore) Refusals(_ context.Context, account string) ([]*storagev1.Refusal, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var kept []*storagev1.Refusal
	for _, refusal := range m.refusals[account] {
		kept = append(kept, proto.CloneOf(refusal))
	}
	return kept, nil
}

// NoteRefusals implements [store.Store].
func (m *Memstore) NoteRefusals(_ context.Context, account string, notes store.RefusalNotes) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.refusals[account] = notes.Apply(m.refusals[account])
	return nil
}
