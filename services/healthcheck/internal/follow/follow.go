// Package follow owns the way along the fleet's stream of transitions: where to
// go on, what to do when the stream breaks or has forgotten that place. What
// comes is read once, for two: for whoever publishes events, who must miss
// nothing from a place on, and for a watcher, who wants to know how all
// instances are now. Neither waits for the other. It must not know how events
// are published, where the place is kept, or what the watcher thinks.
package follow

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
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
	// relistAfter is what is between two attempts to list.
	relistAfter = 2 * time.Second
)

// TagTrace is the tag of an instance that holds the trace of the call that it was
// launched for, where that is recorded.
const TagTrace = "muster:traceparent"

// A Batch is what a stretch of the fleet's stream gave.
type Batch struct {
	// Events in order; none when nothing in it mattered.
	Events []*healthv1.InstanceEvent
	// Parents are the traces that the events belong to, one each, as the instance's
	// tag [TagTrace] has them; empty for none.
	Parents []string
	// Place is where the stream goes on once the events are safe. Without a
	// cursor more events belong to the same place.
	Place Place
}

// A Watcher is told how all instances are: first by a list, then by what
// becomes of them. It is called by one goroutine at a time.
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
	// CutOff tells that nothing is heard of the fleet until Happened is called
	// next: silence does not mean that nothing happens.
	CutOff(context.Context)
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
// it returns nil. Batches come in the fleet's order. It returns the error of
// deliver as soon as there is one. Failures of the fleet are waited out. A
// transition that can not be judged is logged and left out.
//
// The watcher is given a list first, if it has none yet, and then what comes
// behind that. What it knows already it is not told again, but for what is in one
// response with something that it does not know.
//
// Neither holds up the other for long: the stream is read on for the one while
// the other takes nothing, or has to be given a list first, and is read again for
// the other, from where it is, when it is ready. So what waits for either is
// bounded. Of a fleet that does not tell positions events are then delivered
// again, under their ids.
func (f *Follower) Follow(ctx context.Context, from Place, deliver func(context.Context, Batch) error) error {
	r := &run{Follower: f, reopened: make(chan func())}
	r.events = &lane{name: "events", queue: make(chan stretch, laneSize), lost: make(chan struct{}, 1), at: from, open: true}
	r.events.take = func(ctx context.Context, s stretch) error { return r.publish(ctx, s, deliver) }
	r.events.list = func(ctx context.Context) (Place, error) { return r.listEvents(ctx, deliver) }
	r.lanes = []*lane{r.events}
	r.setRead(from)
	if f.Watcher != nil {
		r.beginWatch(from)
	}
	group, running := errgroup.WithContext(ctx)
	r.group = group
	for _, l := range r.lanes {
		isToList := !l.open
		group.Go(func() error { return r.drive(running, l, isToList) })
	}
	group.Go(func() error { return r.readOn(running) })
	if err := group.Wait(); ctx.Err() == nil {
		return err
	}
	return nil // the context has ended, as it was meant to
}

// beginWatch makes the watcher's lane. It begins at its own place; a watcher whose
// place can not be compared with that of the events is given a list again.
func (r *run) beginWatch(from Place) {
	r.listed = r.listed && (from.Cursor == "" || r.watched == from || from.comparable(r.watched))
	watch := &lane{
		name: "watcher", queue: make(chan stretch, laneSize), lost: make(chan struct{}, 1),
		at: r.watched, open: r.listed, take: r.watch, list: r.list,
	}
	r.lanes = append(r.lanes, watch)
	r.watcher = watch
	if watch.open && from.comparable(watch.at) && watch.at.Position < from.Position {
		r.setRead(watch.at)
	}
}

// isLost tells whether an error means that the fleet can not go on from a cursor:
// it has forgotten that far back, or it is another fleet.
func isLost(err error) bool {
	return rpc.HasReason(err, fleetv1.ErrorReason_ERROR_REASON_CURSOR_COMPACTED) ||
		rpc.HasReason(err, fleetv1.ErrorReason_ERROR_REASON_INVALID_TOKEN)
}

// A run is one call of Follow. Its lanes are handed what is read by readOn, and
// each is driven by a goroutine of its own.
type run struct {
	*Follower
	group           *errgroup.Group
	lanes           []*lane
	events, watcher *lane // watcher is nil when there is none
	// reopened takes from the goroutine of a lane how it is to be read for again.
	reopened chan func()
	// read is up to where the stream was read; set by readOn.
	read  atomic.Pointer[Place]
	moved bool // the latest stream brought something; of readOn
}

func (r *run) setRead(at Place) { r.read.Store(&at) }

// readOn reads the stream for whoever takes what comes, until the context ends.
func (r *run) readOn(ctx context.Context) error {
	for delay, startedOver := minDelay, false; ; {
		r.moved = false
		again, err := r.attend(ctx, func(reading context.Context) error {
			if !r.isWanted() {
				<-reading.Done()
				return reading.Err()
			}
			return r.stream(ctx, reading)
		})
		if r.moved {
			delay, startedOver = minDelay, false
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		r.cutOff(ctx)
		if again {
			continue
		}
		if isLost(err) {
			err = r.lose(ctx, err)
			if err == nil && !startedOver {
				startedOver = true
				continue // at once, but not round in a circle
			}
		}
		r.Log.WarnContext(ctx, "stream of the fleet broke", "again_in", delay, "error", err)
		if _, err := r.attend(ctx, func(waiting context.Context) error {
			return clock.SleepUntil(waiting, r.Clock, r.Clock.Now().Add(delay))
		}); ctx.Err() != nil {
			return err
		}
		delay = min(2*delay, maxDelay)
	}
}

// attend calls a function with a context that ends early, which it tells, when a
// lane is to be read for again.
func (r *run) attend(ctx context.Context, do func(context.Context) error) (again bool, err error) {
	attending, end := context.WithCancel(ctx)
	defer end()
	var reopen func()
	var waiting sync.WaitGroup
	waiting.Go(func() {
		select {
		case reopen = <-r.reopened:
			end()
		case <-attending.Done():
		}
	})
	err = do(attending)
	end()
	waiting.Wait()
	if reopen != nil {
		reopen()
	}
	return reopen != nil, err
}

// isWanted tells whether anybody takes what is read.
func (r *run) isWanted() bool {
	for _, l := range r.lanes {
		if l.open {
			return true
		}
	}
	return false
}

// stream hands one stream to the lanes until it breaks or the context of reading
// ends.
func (r *run) stream(ctx, reading context.Context) error {
	reading, cancel := context.WithCancel(reading)
	defer cancel()
	stream, err := r.Fleet.WatchInstances(reading, &fleetv1.WatchInstancesRequest{AllAccounts: true, Cursor: r.read.Load().Cursor})
	if err != nil {
		return fmt.Errorf("watch instances: %w", err)
	}
	for {
		resp, err := stream.Recv()
		if err != nil {
			return fmt.Errorf("watch instances: %w", err)
		}
		now, before := placeOf(resp), *r.read.Load()
		next := stretch{place: now, transitions: resp.GetTransitions(), asOf: resp.GetAsOfTime()}
		for _, l := range r.lanes {
			if !l.open {
				continue
			}
			if isNew := !now.upTo(l.at) && (now != before || len(next.transitions) > 0); isNew {
				r.hand(ctx, l, next)
			} else if l == r.watcher { // a sign of life
				r.hand(ctx, l, stretch{place: l.at, asOf: next.asOf})
			}
		}
		r.moved = r.moved || now != before
		r.setRead(now)
	}
}

// lose makes the lanes whose place the fleet does not keep begin anew with a list.
// The stream is read on from where it is now, which is before any such list.
func (r *run) lose(ctx context.Context, why error) error {
	page, err := r.page(ctx, "")
	if err != nil {
		return err
	}
	lost, next := *r.read.Load(), placeOf(page)
	var begin []*lane
	for _, l := range r.lanes {
		switch {
		case !l.open:
		case l.at.comparable(lost) && l.at.Position > lost.Position:
			next = l.at
		default:
			r.Log.WarnContext(ctx, "fleet does not keep the place where it was followed; going on from what there is now, transitions in between are not told",
				"for", l.name, "cursor", l.at.Cursor, "error", why)
			l.open = false
			begin = append(begin, l)
		}
	}
	r.setRead(next)
	for _, l := range begin {
		l.lost <- struct{}{} // there is room: it was open, so it has taken the last
	}
	return nil
}

// cutOff tells the watcher that the stream is not read now.
func (r *run) cutOff(ctx context.Context) {
	if r.watcher != nil && r.watcher.open {
		r.hand(ctx, r.watcher, stretch{place: r.watcher.at, isCut: true})
	}
}

// publish delivers the events of a stretch.
func (r *run) publish(ctx context.Context, s stretch, deliver func(context.Context, Batch) error) error {
	batch := Batch{Place: s.place}
	for _, transition := range s.transitions {
		event, err := judge.Transition(transition)
		r.add(ctx, &batch, event, transition.GetInstance(), err)
	}
	if err := deliver(ctx, batch); err != nil {
		return fmt.Errorf("%w: %w", errDeliver, err)
	}
	return nil
}

// watch tells the watcher of a stretch.
func (r *run) watch(ctx context.Context, s stretch) error {
	if s.transitions != nil || !s.isCut {
		r.Watcher.Happened(ctx, s.transitions, s.asOf)
	}
	if s.isCut {
		r.Watcher.CutOff(ctx)
	}
	if ctx.Err() == nil {
		r.watched = s.place
	}
	return ctx.Err()
}

// listEvents delivers what the instances owe, as they are listed, and tells the
// place from which the events go on.
func (r *run) listEvents(ctx context.Context, deliver func(context.Context, Batch) error) (Place, error) {
	return r.pages(ctx, func(instances []*fleetv1.Instance, end *Place) error {
		batch := Batch{}
		for _, instance := range instances {
			event, err := judge.Listed(instance)
			r.add(ctx, &batch, event, instance, err)
		}
		if end != nil {
			batch.Place = *end
		}
		if err := deliver(ctx, batch); err != nil {
			return fmt.Errorf("%w: %w", errDeliver, err)
		}
		return nil
	})
}

// list lists the instances for the watcher, and tells the place from which what
// happens is to be told.
func (r *run) list(ctx context.Context) (Place, error) {
	r.listed = false
	r.Watcher.ListBegins(ctx)
	first, err := r.pages(ctx, func(instances []*fleetv1.Instance, _ *Place) error {
		r.Watcher.Listed(ctx, instances)
		return ctx.Err()
	})
	if err != nil {
		return Place{}, err
	}
	r.Watcher.ListEnds(ctx)
	r.listed, r.watched = ctx.Err() == nil, first
	return first, ctx.Err()
}

// pages reads a list page by page, the last with the place of the whole. The
// stream goes on from the first page: what happened while the others were read
// comes again.
func (r *run) pages(ctx context.Context, take func(_ []*fleetv1.Instance, end *Place) error) (first Place, err error) {
	for token := ""; ; {
		page, err := r.page(ctx, token)
		if err != nil {
			return Place{}, err
		}
		if token == "" {
			first = placeOf(page)
		}
		token = page.GetNextPageToken()
		end := &first
		if token != "" {
			end = nil
		}
		if err := take(page.GetInstances(), end); err != nil || token == "" {
			return first, err
		}
	}
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

// add appends what was judged of an instance, if anything.
func (r *run) add(ctx context.Context, all *Batch, event *healthv1.InstanceEvent, of *fleetv1.Instance, err error) {
	if err != nil {
		r.Log.ErrorContext(ctx, "transition is left out", "error", err)
		return
	}
	if event != nil {
		all.Events, all.Parents = append(all.Events, event), append(all.Parents, of.GetTags()[TagTrace])
	}
}
