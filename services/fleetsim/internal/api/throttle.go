package api

import (
	"fmt"
	"sync"
	"time"

	"golang.org/x/time/rate"
	"google.golang.org/grpc/codes"

	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// A throttle holds how often accounts call against what they may, on the
// cloud's clock.
type throttle struct {
	mu      sync.Mutex
	buckets map[string]*bucket // by account; guarded by mu
}

// bucket is the tokens of an account under its present settings.
type bucket struct {
	settings world.AccountSettings
	tokens   *rate.Limiter
}

func newThrottle() *throttle { return &throttle{buckets: map[string]*bucket{}} }

// take takes a token of an account and tells how long, on the cloud's clock, it
// would have to wait for one if there is none. Changed settings begin with a
// full bucket.
func (t *throttle) take(account string, settings world.AccountSettings, now func() time.Time) time.Duration {
	if settings.CallsPerSecond == 0 {
		return 0
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	b, ok := t.buckets[account]
	if !ok || b.settings != settings {
		if len(t.buckets) >= world.MaxAccounts { // some are of worlds that a restore has left
			clear(t.buckets)
		}
		burst := settings.CallBurst
		if burst == 0 {
			burst = settings.CallsPerSecond
		}
		b = &bucket{settings, rate.NewLimiter(rate.Limit(settings.CallsPerSecond), int(burst))}
		t.buckets[account] = b
	}
	// Reserving moves the bucket's time also when that goes back at a restore;
	// asking only whether there is a token would leave it in the future. Under
	// the lock nothing comes between a reservation and its cancellation.
	at := now()
	reservation := b.tokens.ReserveN(at, 1)
	wait := reservation.DelayFrom(at)
	if wait > 0 {
		reservation.CancelAt(at)
	}
	return wait
}

// leastWait is the least time that a caller is told to wait: what is shorter is
// over before it could.
const leastWait = time.Millisecond

// inRealTime is how long a time of the cloud's clock takes at a speed.
func inRealTime(wait time.Duration, speed float64) time.Duration {
	return max(leastWait, time.Duration(min(float64(wait)/speed, float64(time.Hour))))
}

// throttled refuses a call that comes too early.
func throttled(account, method string, wait time.Duration) error {
	return rpc.Error(codes.ResourceExhausted, fleetv1.ErrorReason_ERROR_REASON_THROTTLED,
		map[string]string{"account_id": account, "method": method},
		fmt.Sprintf("account %s calls more often than it may; try %s again in %v", rpc.Quote(account), method, wait), rpc.RetryAfter(wait))
}
