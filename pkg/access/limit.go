package access

import (
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// maxStreams is how many streams an account may have open at a time.
const maxStreams = 256

// streamWait is how long one who has too many streams is told to wait.
const streamWait = 5 * time.Second

// limits bound what accounts may ask for. There are as many as there are accounts
// and names among the tokens, however many calls come.
type limits struct {
	perSecond float64 // 0 for no limit

	mu      sync.Mutex
	calls   map[string]*rate.Limiter
	streams map[string]int
}

func newLimits(perSecond float64) *limits {
	return &limits{perSecond: perSecond, calls: map[string]*rate.Limiter{}, streams: map[string]int{}}
}

// subject is who a limit is for: all tokens of an account together. Services have
// none, for they call for everybody.
func subject(caller Caller) string {
	switch {
	case caller.Role == Service:
		return ""
	case caller.Account != "":
		return "account " + caller.Account
	default:
		return "token " + caller.Name
	}
}

// call counts a call, or refuses it. A second's worth may come at once.
func (l *limits) call(caller Caller, now time.Time) error {
	of := subject(caller)
	if l.perSecond == 0 || of == "" {
		return nil
	}
	l.mu.Lock()
	limiter := l.calls[of]
	if limiter == nil {
		limiter = rate.NewLimiter(rate.Limit(l.perSecond), int(math.Ceil(l.perSecond)))
		l.calls[of] = limiter
	}
	l.mu.Unlock()
	taken := limiter.ReserveN(now, 1)
	wait := taken.DelayFrom(now)
	if wait == 0 {
		return nil
	}
	taken.CancelAt(now)
	return errTooMany(of, "calls a second", l.perSecond, wait)
}

// stream counts a stream until it is given back, or refuses it.
func (l *limits) stream(caller Caller) (done func(), err error) {
	of := subject(caller)
	if of == "" {
		return func() {}, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.streams[of] >= maxStreams {
		return nil, errTooMany(of, "streams open at a time", maxStreams, streamWait)
	}
	l.streams[of]++
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.streams[of]--; l.streams[of] == 0 {
			delete(l.streams, of)
		}
	}, nil
}
