package follow

import (
	"context"
	"errors"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/seed-198b1370/muster/pkg/clock"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

const (
	// laneSize bounds the responses, of at most 250 transitions, that wait for
	// one of those who are told.
	laneSize = 8
	// patience is for how long the stream waits for one who has no room before it
	// is read on for the other alone.
	patience = time.Second
)

// A stretch is what one response told.
type stretch struct {
	place       Place
	transitions []*fleetv1.InstanceTransition
	asOf        *timestamppb.Timestamp
	isCut       bool // behind it the stream is not read for now
}

// A lane is the way from the one who reads to one of those who are told. What
// waits in it is bounded. One that is full for long, or must begin with a list, is
// closed: nothing is read for it until it is ready and says so.
type lane struct {
	name  string
	queue chan stretch
	lost  chan struct{} // takes a value when the fleet does not keep its place
	take  func(context.Context, stretch) error
	// list makes good for what the stream can not tell, and tells where to go on.
	list func(context.Context) (Place, error)

	// What follows belongs to the one who reads.
	at   Place // up to where it was handed what is read, or knows it otherwise
	open bool
}

// drive gives what is handed to a lane to the one who is told, after a list if
// it is to begin with one.
func (r *run) drive(ctx context.Context, l *lane, isToList bool) error {
	for {
		if isToList {
			if err := r.relist(ctx, l); err != nil {
				return err
			}
			isToList = false
		}
		select {
		case next := <-l.queue:
			if err := l.take(ctx, next); err != nil {
				return err
			}
		case <-l.lost:
			for len(l.queue) > 0 { // it is closed: no more comes in
				if err := l.take(ctx, <-l.queue); err != nil {
					return err
				}
			}
			isToList = true
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// relist lists for a lane until that is done, and opens it where the list says.
func (r *run) relist(ctx context.Context, l *lane) error {
	for {
		before := *r.read.Load()
		at, err := l.list(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, errDeliver):
			return err
		case err == nil && at.Position == 0: // which is the older can not be told later
			return r.reopen(ctx, l, before)
		case err == nil:
			return r.reopen(ctx, l, at)
		}
		r.Log.WarnContext(ctx, "instances can not be listed", "for", l.name, "again_in", relistAfter, "error", err)
		if err := clock.SleepUntil(ctx, r.Clock, r.Clock.Now().Add(relistAfter)); err != nil {
			return err
		}
	}
}

// reopen has the stream read for a lane again, from a place on.
func (r *run) reopen(ctx context.Context, l *lane, at Place) error {
	back := func() {
		wanted := r.isWanted()
		l.at, l.open = at, true
		if read := *r.read.Load(); !wanted || at.Position == 0 || at.comparable(read) && at.Position < read.Position {
			r.setRead(at)
		}
	}
	select {
	case r.reopened <- back:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// hand hands a stretch to a lane. If that has no room for a while it is closed
// until it has, and no other waits for it any longer.
func (r *run) hand(ctx context.Context, l *lane, next stretch) {
	select {
	case l.queue <- next:
		l.at = next.place
		return
	default:
	}
	timer := r.Clock.NewTimer(r.Clock.Now().Add(patience))
	defer timer.Stop()
	select {
	case l.queue <- next:
		l.at = next.place
	case <-timer.C:
		l.open = false
		next.isCut = true
		r.group.Go(func() error { return r.hold(ctx, l, next) })
	case <-ctx.Done():
	}
}

// hold hands a stretch to a lane that is closed when it has room, and opens it.
func (r *run) hold(ctx context.Context, l *lane, next stretch) error {
	select {
	case l.queue <- next:
		return r.reopen(ctx, l, next.place)
	case <-ctx.Done():
		return ctx.Err()
	}
}
