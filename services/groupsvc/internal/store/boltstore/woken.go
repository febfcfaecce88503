package boltstore

import (
	"sync"
	"time"

	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
)

// woken remembers which groups were asked to be due while they were held. It need
// not be on disk: when the process ends so do all leases, and what was held is
// due at once. So the events of instances that a look launches cost it no write.
type woken struct {
	mu sync.Mutex
	// at is when groups are to be due, by their key; guarded by mu.
	at map[string]time.Time
	// taken are those that the transaction that is being made has used up; guarded
	// by mu.
	taken map[string]time.Time
}

// fill adds to the turn of a held group that it was woken.
func (w *woken) fill(key []byte, turn *store.Turn) {
	if turn.Holder == "" {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	turn.Wake(w.at[string(key)])
}

// wake notes that a group is to be due, if it is held.
func (w *woken) wake(key []byte, turn store.Turn, at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if turn.Wake(at) {
		w.at[string(key)] = turn.Woken
	}
}

// take uses up what was noted of a group whose turn is written.
func (w *woken) take(key []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if at, ok := w.at[string(key)]; ok {
		w.taken[string(key)] = at
		delete(w.at, string(key))
	}
}

// end forgets what a transaction used up, or notes it again if it failed.
func (w *woken) end(failed bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if failed {
		for key, at := range w.taken {
			w.at[key] = at
		}
	}
	clear(w.taken)
}
