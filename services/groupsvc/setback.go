package groupsvc

import (
	"context"
	"time"

	"github.com/seed-198b1370/muster/pkg/clock"
)

// noteEvery is how often, in real time, the clock is looked at to know later
// whether it was set back.
const noteEvery = time.Second

// mindClock makes up for a clock that is set back while the service runs, as it
// is when the simulated cloud in the same process is put back: what waits for a
// time that was would wait until it has come again. It returns when the context
// ends, or at once for a clock that is never set.
func (s *Service) mindClock(ctx context.Context) {
	settable, ok := s.clock.(interface{ Changed() <-chan struct{} })
	if !ok {
		return
	}
	wall := clock.NewWall()
	again := false // a look that was under way can have ended since, and wait for a time of before
	for latest := s.clock.Now(); ; {
		changed, note := settable.Changed(), wall.NewTimer(wall.Now().Add(noteEvery))
		select {
		case <-changed:
		case <-note.C:
		case <-ctx.Done():
		}
		note.Stop()
		if ctx.Err() != nil {
			return
		}
		now := s.clock.Now()
		back := now.Before(latest)
		if back || again {
			if err := s.followStored(ctx); err != nil {
				s.log.WarnContext(ctx, "the clock was set back and groups still wait for times of before", "error", err)
			}
			s.control.Nudge()
		}
		latest, again = now, back
	}
}
