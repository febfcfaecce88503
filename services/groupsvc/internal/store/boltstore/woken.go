package boltstore

import (
	"sync"
	"time"

	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
)

// woken notes which groups were asked to be due while they were held. It need not
// be on disk: when the process ends so do all leases, and what was held is due at
// once. So the events of instances that a look launches cost it no write.
//
// A note counts when the group is given back. It is kept in mind that a
// transaction which gives one back is seen by readers later than it is made: who
// notes something in between waits for its end.
type woken struct {
	mu sync.Mutex
	// at is when groups are to be due, by their key; guarded by mu.
	at map[string]time.Time
	// taken are the notes that the transaction that is being made has used up, and
	// freed the groups that it gives back; guarded by mu.
	taken map[string]time.Time
	freed map[string]bool
	// ended is closed at the end of that transaction; guarded by mu.
	ended chan struct{}
}

func newWoken() woken {
	return woken{at: map[string]time.Time{}, taken: map[string]time.Time{}, freed: map[string]bool{}, ended: make(chan struct{})}
}

// fill adds what was noted to the turn of a held group.
func (w *woken) fill(key []byte, turn *store.Turn) {
	if turn.Holder == "" {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	turn.Wake(w.at[string(key)])
}

// note notes that a held group is to be due. While a transaction is giving the
// group back it notes nothing, and returns what is closed at the end of that.
func (w *woken) note(key []byte, at time.Time) (ended <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.freed[string(key)] {
		return w.ended
	}
	if noted, ok := w.at[string(key)]; !ok || at.Before(noted) {
		w.at[string(key)] = at
	}
	return nil
}

// take changes the turn of a group in a transaction, what was noted included, and
// tells whether it is to be written.
func (w *woken) take(key []byte, turn *store.Turn, change func(*store.Turn) bool) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	at, noted := w.at[string(key)]
	if noted && turn.Holder != "" {
		turn.Wake(at)
	}
	if !change(turn) {
		return false
	}
	// A note from before a lease is answered by the look that it is for.
	if noted {
		w.taken[string(key)] = at
		delete(w.at, string(key))
	}
	if turn.Holder == "" {
		w.freed[string(key)] = true
	}
	return true
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
	clear(w.freed)
	close(w.ended)
	w.ended = make(chan struct{})
}
