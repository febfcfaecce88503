package memstore

import (
	"context"
	"time"

	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
)

// Claim implements [store.Store].
func (m *Memstore) Claim(_ context.Context, now time.Time, lease store.Lease, limit int) ([]store.Key, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var keys []store.Key
	for _, due := range m.due {
		if due.at.After(now) || len(keys) == limit {
			break
		}
		keys = append(keys, due.key)
	}
	for _, key := range keys {
		m.reschedule(key, m.groups[key], func(turn *store.Turn) { turn.Claim(lease) })
	}
	return keys, nil
}

// Release implements [store.Store].
func (m *Memstore) Release(_ context.Context, key store.Key, done store.Done) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if entry, ok := m.groups[key]; ok {
		m.reschedule(key, entry, func(turn *store.Turn) { turn.Finish(done) })
	}
	return nil
}

// Wake implements [store.Store].
func (m *Memstore) Wake(_ context.Context, key store.Key, at time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if entry, ok := m.groups[key]; ok {
		m.reschedule(key, entry, func(turn *store.Turn) { turn.Wake(at) })
	}
	return nil
}

// NextDue implements [store.Store].
func (m *Memstore) NextDue(context.Context) (time.Time, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.due) == 0 {
		return time.Time{}, nil
	}
	return m.due[0].at, nil
}
