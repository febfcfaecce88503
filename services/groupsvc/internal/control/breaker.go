package control

import (
	"sync"
	"time"
)

// healthPause is for how long nobody asks a health service that has not answered
// in time.
const healthPause = 10 * time.Second

// A breaker spares looks the wait for a service that does not answer: after one
// has waited in vain nobody asks for a while, and then one finds out for all.
// The zero value lets everybody ask.
type breaker struct {
	mu    sync.Mutex
	until time.Time // nobody asks before; zero while all do; guarded by mu
}

// mayAsk tells whether to ask now. Whoever does says what came of it.
func (b *breaker) mayAsk(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.until.IsZero():
		return true
	case now.Before(b.until):
		return false
	default:
		b.until = now.Add(healthPause) // the others wait for what this one finds
		return true
	}
}

// asked notes whether an answer, or a refusal, has come in time.
func (b *breaker) asked(now time.Time, inTime bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.until = time.Time{}
	if !inTime {
		b.until = now.Add(healthPause)
	}
}
