// Package follow owns the way along the fleet's stream of transitions: where to
// go on, what to do when the stream breaks or has forgotten that place. What
// comes is read once, for two: for whoever publishes events, who must miss
// nothing from a place on, and for a watcher, who wants to know how all
// instances are now. It must not know how events are published, where the place
// is kept, or what the watcher thinks.
package follow

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

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
	// pageTimeout bounds, in real time, how long a page of a list may take.
	pageTimeout = 10 * time.Second
	// relistAfter is for how long events alone are followed when the watcher
	// could not be given its list.
	relistAfter = 2 * time.Second
)

// A Batch is what a stretch of the fleet's stream gave.
type Batch struct {
	// Events in order; none when nothing in it mattered.
	Events []*healthv1.InstanceEvent
	// Place is where the stream goes on once the events are safe. Without a
	// cursor more events belong to the same place.
	Place Place
}

// A Watcher is told how all instances are: first by a list, then by what
// becomes of them.
type Watcher interface {
	// ListBegins tells that a list of all instances comes. It waits until the
	// watcher can take it.
	ListBegins(context.Context)
	// Listed is a part of the list.
	Listed(context.Context, []*fleetv1.Instance)
	// ListEnds tells that there are no other instances.
	ListEnds(context.Context)
	// Happened tells what has happened after the list, in order, and up to when
	// the fleet has told of everything; nil when it does not say.
	Happened(context.Context, []*fleetv1.InstanceTransition, *timestamppb.Timestamp)
}

// A Follower reads the fleet's stream. It is used by one goroutine at a time.
type Follower struct {
	// Fleet to follow.
	Fleet fleetv1.FleetServiceClient
	// Watcher is told, too; nil for none.
	Watcher Watcher
	// Clock that delays are on.
	Clock clock.Clock
	// Log takes what operators should know.
	Log *slog.Logger

	// listed tells that the watcher was given a list, watched up to where it has
	// been told since.
	listed  bool
	watched Place
}

// errDeliver marks what the receiver of batches returned.
var errDeliver = errors.New("deliver")

// Follow delivers the events of the fleet's transitions from a place on, the
// zero value for the oldest that the fleet keeps, until the context ends; then
// it returns nil. Batches come in the fleet's order, and the next is read when
// deliver has returned. It returns the error of deliver as soon as there is one.
// Failures of the fleet are waited out. A transition that can not be judged is
// logged and left out.
//
// The watcher is given a list first, if it has none yet, and then what comes
// behind that. Events wait while it is read; when it can not be had, they go on
// between the attempts. What the watcher knows already it is not told again, but
// for what is in one response with something that it does not know.
func (f *Follower) Follow(ctx context.Context, from Place, deliver func(context.Context, Batch) error) error {
	run := &run{Follower: f, from: from, at: f.begin(from), deliver: deliver}
	delay, startedOver := minDelay, false
	for {
		err := run.once(ctx)
		if run.moved {
			delay, startedOver = minDelay, false
		}
		switch {
		case ctx.Err() != nil:
			return nil //nolint:nilerr // the context has ended, as it was meant to
		case errors.Is(err, errDeliver):
			return err
		case isLost(err):
			f.Log.WarnContext(ctx, "fleet does not keep the place where it was followed; going on from what there is now, transitions in between are not told",
				"cursor", run.at.Cursor, "error", err)
			run.lost, f.listed = true, false
			if !startedOver {
				startedOver = true
				continue // at once, but not round in a circle
			}
		}
		f.Log.WarnContext(ctx, "stream of the fleet broke", "again_in", delay, "error", err)
		if clock.SleepUntil(ctx, f.Clock, f.Clock.Now().Add(delay)) != nil {
			return nil //nolint:nilerr // the context has ended, as it was meant to
		}
		delay = min(2*delay, maxDelay)
	}
}

// begin is where to begin to read: at the place of the events, or at that of the
// watcher if it is the older. A watcher whose place can not be compared is given
// a list again.
func (f *Follower) begin(from Place) Place {
	if f.Watcher == nil || !f.listed || f.watched == from || from.Cursor == "" {
		return from
	}
	if !from.comparable(f.watched) {
		f.listed = false
		return from
	}
	if f.watched.Position < from.Position {
		return f.watched
	}
	return from
}

// isLost tells whether an error means that the fleet can not go on from a cursor:
// it has forgotten that far back, or it is another fleet.
func isLost(err error) bool {
	return rpc.HasReason(err, fleetv1.ErrorReason_ERROR_REASON_CURSOR_COMPACTED) ||
		rpc.HasReason(err, fleetv1.ErrorReason_ERROR_REASON_INVALID_TOKEN)
}

// A run is one call of Follow.
type run struct {
	*Follower
	from    Place // events before it were delivered by an earlier run
	at      Place // up to where the stream was read
	moved   bool  // the last stream brought something
	lost    bool  // the fleet does not keep at
	deliver func(context.Context, Batch) error
}

// once lists what must be listed and follows one stream until it breaks. While a
// list that only the watcher needs can not be had, events are followed alone
// between the attempts.
func (r *run) once(ctx context.Context) error {
	r.moved = false
	for r.lost || r.Watcher != nil && !r.listed {
		err := r.list(ctx)
		if err == nil {
			break
		}
		if r.lost || ctx.Err() != nil {
			return err
		}
		r.Log.WarnContext(ctx, "instances can not be listed, so that none is judged; events are told meanwhile", "again_in", relistAfter, "error", err)
		if err := r.streamFor(ctx, relistAfter); err != nil {
			return err
		}
	}
	return r.stream(ctx, ctx)
}

// streamFor follows one stream for a while; an error means that it broke before.
func (r *run) streamFor(ctx context.Context, while time.Duration) error {
	reading, end := context.WithCancel(ctx)
	var waiting sync.WaitGroup
	waiting.Go(func() {
		_ = clock.SleepUntil(reading, r.Clock, r.Clock.Now().Add(while)) // either way the reading is over
		end()
	})
	defer waiting.Wait()
	defer end()
	err := r.stream(ctx, reading)
	if reading.Err() != nil && ctx.Err() == nil && !errors.Is(err, errDeliver) {
		return nil // the while is over
	}
	return err
}

// stream follows one stream until it breaks or the context of reading ends, and
// moves the place with it.
func (r *run) stream(ctx, reading context.Context) error {
	reading, cancel := context.WithCancel(reading)
	defer cancel() // ends the stream also when deliver fails
	stream, err := r.Fleet.WatchInstances(reading, &fleetv1.WatchInstancesRequest{AllAccounts: true, Cursor: r.at.Cursor})
	if err != nil {
		return fmt.Errorf("watch instances: %w", err)
	}
	for {
		resp, err := stream.Recv()
		if err != nil {
			return fmt.Errorf("watch instances: %w", err)
		}
		now := placeOf(resp)
		if now != r.at || len(resp.GetTransitions()) > 0 { // else it is a sign of life
			if err := r.publish(ctx, now, resp.GetTransitions()); err != nil {
				return err
			}
		}
		r.watch(ctx, now, resp)
		r.moved = r.moved || now != r.at
		r.at = now
	}
}

// publish delivers the events of transitions up to a place.
func (r *run) publish(ctx context.Context, now Place, transitions []*fleetv1.InstanceTransition) error {
	if now.upTo(r.from) {
		return nil
	}
	batch := Batch{Place: now}
	for _, transition := range transitions {
		event, err := judge.Transition(transition)
		batch.Events = r.add(ctx, batch.Events, event, err)
	}
	if err := r.deliver(ctx, batch); err != nil {
		return fmt.Errorf("%w: %w", errDeliver, err)
	}
	return nil
}

// watch tells the watcher what it does not know yet.
func (r *run) watch(ctx context.Context, now Place, resp *fleetv1.WatchInstancesResponse) {
	if r.Watcher == nil || !r.listed {
		return
	}
	if now.upTo(r.watched) {
		r.Watcher.Happened(ctx, nil, resp.GetAsOfTime())
		return
	}
	r.Watcher.Happened(ctx, resp.GetTransitions(), resp.GetAsOfTime())
	if ctx.Err() == nil {
		r.watched = now
	}
}

// list lists the instances for the watcher. If the place was lost it delivers
// what they owe, and the place becomes that of the list.
func (r *run) list(ctx context.Context) error {
	if r.Watcher != nil {
		r.Watcher.ListBegins(ctx)
	}
	var first Place
	for token := ""; ; {
		page, err := r.page(ctx, token)
		if err != nil {
			return err
		}
		if token == "" {
			// The stream goes on from the first page: what happened while the
			// others were read comes again, under the same ids.
			first = placeOf(page)
		}
		token = page.GetNextPageToken()
		if r.lost {
			batch := Batch{}
			for _, instance := range page.GetInstances() {
				event, err := judge.Listed(instance)
				batch.Events = r.add(ctx, batch.Events, event, err)
			}
			if token == "" {
				batch.Place = first
			}
			if err := r.deliver(ctx, batch); err != nil {
				return fmt.Errorf("%w: %w", errDeliver, err)
			}
		}
		if r.Watcher != nil {
			r.Watcher.Listed(ctx, page.GetInstances())
		}
		if token == "" {
			break
		}
	}
	if r.lost {
		r.at, r.from, r.lost = first, first, false
	}
	if r.Watcher != nil {
		r.Watcher.ListEnds(ctx)
		r.listed, r.watched = ctx.Err() == nil, first
	}
	return ctx.Err()
}

// page reads a page of the list.
func (r *run) page(ctx context.Context, token string) (*fleetv1.ListInstancesResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, pageTimeout)
	defer cancel()
	page, err := r.Fleet.ListInstances(ctx, &fleetv1.ListInstancesRequest{AllAccounts: true, PageSize: listPage, PageToken: token})
	if err != nil {
		return nil, fmt.Errorf("list instances: %w", err)
	}
	return page, nil
}

// add appends what was judged, if anything.
func (r *run) add(ctx context.Context, all []*healthv1.InstanceEvent, event *healthv1.InstanceEvent, err error) []*healthv1.InstanceEvent {
	if err != nil {
		r.Log.ErrorContext(ctx, "transition is left out", "error", err)
		return all
	}
	if event == nil {
		return all
	}
	return append(all, event)
}
