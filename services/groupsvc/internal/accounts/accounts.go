// Package accounts owns which accounts the group service knows to exist: it asks
// the fleet, which keeps them, and remembers for a short while. It must not know
// what belongs to whom.
package accounts

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/seed-198b1370/muster/pkg/clock"
	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

// ErrNotFound means that there is no such account.
var ErrNotFound = errors.New("no such account")

const (
	// believed is how long an account that was there is taken to be.
	believed = time.Minute
	// mostBelieved bounds how many are remembered.
	mostBelieved = 10_000
)

// Accounts tells which accounts there are. It is safe for use by several
// goroutines.
type Accounts struct {
	fleet fleetv1.FleetServiceClient
	clock clock.Clock

	mu   sync.Mutex
	seen map[string]time.Time // guarded by mu: when each was there last
}

// New makes one that asks a fleet.
func New(fleet fleetv1.FleetServiceClient, c clock.Clock) *Accounts {
	return &Accounts{fleet: fleet, clock: c, seen: map[string]time.Time{}}
}

// Check tells whether there is an account. Errors: ErrNotFound; any other means
// that the fleet can not be asked now.
func (a *Accounts) Check(ctx context.Context, id string) error {
	now := a.clock.Now()
	if a.isBelieved(id, now) {
		return nil
	}
	// The least that a cloud does for an account and for nobody else.
	_, err := a.fleet.ListZones(rpc.WithAccount(ctx, id), &fleetv1.ListZonesRequest{})
	switch {
	case rpc.HasReason(err, fleetv1.ErrorReason_ERROR_REASON_ACCOUNT_NOT_FOUND):
		return fmt.Errorf("%w: %s", ErrNotFound, rpc.Quote(id))
	case err != nil:
		return fmt.Errorf("ask for account %s: %w", rpc.Quote(id), err)
	}
	a.believe(id, now)
	return nil
}

// isBelieved tells whether an account was there a short while ago. A time that is
// still to come is from before the clock was set back.
func (a *Accounts) isBelieved(id string, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	at, ok := a.seen[id]
	return ok && !now.Before(at) && now.Before(at.Add(believed))
}

func (a *Accounts) believe(id string, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.seen) >= mostBelieved {
		clear(a.seen)
	}
	a.seen[id] = now
}
