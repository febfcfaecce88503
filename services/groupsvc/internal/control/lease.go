package control

import (
	"context"
	"fmt"

	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
)

// held is the lease under which a group is being looked at here.
func (c *Controller) held(key store.Key) store.Lease {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.working[key]
}

func (c *Controller) holder(key store.Key) string { return c.held(key).Holder }

// mayAct refuses what a look is about to do to the fleet when somebody else may
// have taken the group over and gone on from there: a process that was stopped
// for longer than its lease must not carry out what it decided before. While the
// lease lasts nobody has.
func (l *look) mayAct(ctx context.Context) error {
	if l.c.Clock.Now().Before(l.c.held(l.key).Until) {
		return nil
	}
	stored, err := l.c.Store.Get(ctx, l.key)
	if err != nil {
		return fmt.Errorf("see who has the group: %w", err)
	}
	if stored.Group.GetVersion() != l.last.GetVersion() {
		return store.ErrConflict
	}
	return nil
}
