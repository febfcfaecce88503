package memstore

import (
	"context"
	"maps"
	"slices"
)

// Accounts implements [store.Store].
func (m *Memstore) Accounts(context.Context) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	owners := map[string]bool{}
	for _, key := range m.ids {
		owners[key.Account] = true
	}
	for key := range m.templates.stored {
		owners[key.Account] = true
	}
	return slices.Collect(maps.Keys(owners)), nil
}
