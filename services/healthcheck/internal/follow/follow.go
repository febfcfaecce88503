// Package follow owns the way along the fleet's stream of transitions: where to
// go on, what to do when the stream breaks or has forgotten that place. It
// must not know how events are published or where the place is kept.
package follow

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/seed-198b1370/muster/pkg/clock"
	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
	"github.com/seed-198b1370/muster/services/healthcheck/judge"
)

const (
	minDelay = 100 * time.Millisecond
	maxDelay = 10 * time.Second
	// listPage is how many instances are asked for at once, the most there is.
	listPage = 250
)

// A Batch is what a stretch of the fleet's stream gave.
type Batch struct {
	// Events in order; none when nothing in it mattered.
	Events []*healthv1.InstanceEvent
	// Cursor is where the stream goes on once the events are safe. Empty when
	// more events belong to the same place.
	Cursor string
	// Position of the cursor, as the fleet tells it.
	Position int64
}

// A Follower reads the fleet's stream. It is used by one goroutine at a time.
type Follower struct {
	// Fleet to follow.
	Fleet fleetv1.FleetServiceClient
	// Clock that delays are on.
	Clock clock.Clock
	// Log takes what operators should know.
	Log *slog.Logger
}

// errDeliver marks what the receiver of batches returned.
var errDeliver = errors.New("deliver")

// Follow delivers the events of the fleet's transitions from a cursor on, empty
// for the oldest that the fleet keeps, until the context ends; then it returns
// nil. Batches come in the fleet's order, and the next is read when deliver has
// returned. It returns the error of deliver as soon as there is one. Failures
// of the fleet are waited out. A transition that can not be judged is logged
// and left out.
func (f *Follower) Follow(ctx context.Context, cursor string, deliver func(context.Context, Batch) error) error {
	delay, startedOver := minDelay, false
	for {
		before := cursor
		err := f.stream(ctx, &cursor, deliver)
		if cursor != before {
			delay, startedOver = minDelay, false
		}
		if Lost(err) {
			f.Log.WarnContext(ctx, "fleet does not keep the place where it was followed; going on from what there is now, transitions in between are not told",
				"cursor", cursor, "error", err)
			listErr := f.startOver(ctx, &cursor, deliver)
			if listErr == nil && !startedOver {
				startedOver = true
				continue // watch from there at once, but do not go round in a circle
			}
			err = errors.Join(err, listErr)
		}
		switch {
		case ctx.Err() != nil:
			return nil //nolint:nilerr // the context has ended, as it was meant to
		case errors.Is(err, errDeliver):
			return err
		}
		f.Log.WarnContext(ctx, "stream of the fleet broke", "again_in", delay, "error", err)
		if clock.SleepUntil(ctx, f.Clock, f.Clock.Now().Add(delay)) != nil {
			return nil //nolint:nilerr // the context has ended, as it was meant to
		}
		delay = min(2*delay, maxDelay)
	}
}

// Lost tells whether an error means that the fleet can not go on from a cursor:
// it has forgotten that far back, or it is another fleet.
func Lost(err error) bool {
	return rpc.HasReason(err, fleetv1.ErrorReason_ERROR_REASON_CURSOR_COMPACTED) ||
		rpc.HasReason(err, fleetv1.ErrorReason_ERROR_REASON_INVALID_TOKEN)
}

// stream follows one stream until it breaks, and moves the cursor with it.
func (f *Follower) stream(ctx context.Context, cursor *string, deliver func(context.Context, Batch) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the stream also when deliver fails
	stream, err := f.Fleet.WatchInstances(ctx, &fleetv1.WatchInstancesRequest{AllAccounts: true, Cursor: *cursor})
	if err != nil {
		return fmt.Errorf("watch instances: %w", err)
	}
	for {
		resp, err := stream.Recv()
		if err != nil {
			return fmt.Errorf("watch instances: %w", err)
		}
		if resp.GetCursor() == *cursor && len(resp.GetTransitions()) == 0 {
			continue // a sign of life
		}
		batch := Batch{Cursor: resp.GetCursor(), Position: resp.GetPosition()}
		for _, transition := range resp.GetTransitions() {
			event, err := judge.Transition(transition)
			batch.Events = f.add(ctx, batch.Events, event, err)
		}
		if err := deliver(ctx, batch); err != nil {
			return fmt.Errorf("%w: %w", errDeliver, err)
		}
		*cursor = resp.GetCursor()
	}
}

// startOver lists the instances, delivers what they owe, and moves the cursor to
// that of the list.
func (f *Follower) startOver(ctx context.Context, cursor *string, deliver func(context.Context, Batch) error) error {
	first, position := "", int64(0)
	for token := ""; ; {
		page, err := f.Fleet.ListInstances(ctx, &fleetv1.ListInstancesRequest{AllAccounts: true, PageSize: listPage, PageToken: token})
		if err != nil {
			return fmt.Errorf("list instances: %w", err)
		}
		if first == "" {
			first, position = page.GetCursor(), page.GetPosition()
		}
		batch := Batch{}
		for _, instance := range page.GetInstances() {
			event, err := judge.Listed(instance)
			batch.Events = f.add(ctx, batch.Events, event, err)
		}
		token = page.GetNextPageToken()
		if token == "" {
			// The stream goes on from the first page: what happened while the
			// others were read comes again, under the same ids.
			batch.Cursor, batch.Position = first, position
		}
		if err := deliver(ctx, batch); err != nil {
			return fmt.Errorf("%w: %w", errDeliver, err)
		}
		if token == "" {
			*cursor = first
			return nil
		}
	}
}

// add appends what was judged, if anything.
func (f *Follower) add(ctx context.Context, all []*healthv1.InstanceEvent, event *healthv1.InstanceEvent, err error) []*healthv1.InstanceEvent {
	if err != nil {
		f.Log.ErrorContext(ctx, "transition is left out", "error", err)
		return all
	}
	if event == nil {
		return all
	}
	return append(all, event)
}
