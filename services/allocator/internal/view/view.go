package view

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"

	"github.com/seed-198b1370/muster/pkg/clock"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

// Bounds of the delay before a stream that broke is opened again, by the clock.
// It doubles while no stream gets as far as a full view.
const (
	minRetryDelay = 100 * time.Millisecond
	maxRetryDelay = 30 * time.Second
)

// A View follows the market.
type View struct {
	fleet   fleetv1.FleetServiceClient
	clock   clock.Clock
	log     *slog.Logger
	current atomic.Pointer[Snapshot]
	ready   chan struct{} // closed when the first full view is in
	types   atomic.Pointer[Types]
	unknown chan struct{} // holds a value when the stream tells of what types does not know
}

// New makes a view that follows a fleet once it runs.
func New(fleet fleetv1.FleetServiceClient, clock clock.Clock, log *slog.Logger) *View {
	return &View{fleet: fleet, clock: clock, log: log, ready: make(chan struct{}), unknown: make(chan struct{}, 1)}
}

// Snapshot tells the market as last seen, or nil before the first full view is
// in. While the fleet is away it is what was last seen before.
func (v *View) Snapshot() *Snapshot { return v.current.Load() }

// Ready is closed when the first full view is in.
func (v *View) Ready() <-chan struct{} { return v.ready }

// Types tells what the instance types are like, as last read, or nil before
// they have been read.
func (v *View) Types() *Types { return v.types.Load() }

// Run follows the market and the instance types until the context ends.
func (v *View) Run(ctx context.Context) error {
	var both sync.WaitGroup
	both.Go(func() { v.followPools(ctx) })
	both.Go(func() { v.followTypes(ctx) })
	both.Wait()
	return nil
}

// Tick reads the market once, and the instance types if they are not known or
// there are others. It is for a connection whose streams end when they have told
// what there is to tell.
func (v *View) Tick(ctx context.Context) error {
	complete, err := v.follow(ctx)
	if !complete {
		return err
	}
	select {
	case <-v.unknown:
	default:
		if v.Types() != nil {
			return nil
		}
	}
	types, err := v.listTypes(ctx)
	if err == nil {
		v.types.Store(types)
	}
	return err
}

// followPools opens the stream of pools again whenever it breaks.
func (v *View) followPools(ctx context.Context) {
	delay := minRetryDelay
	for {
		complete, err := v.follow(ctx)
		if complete {
			delay = minRetryDelay
		}
		if ctx.Err() == nil {
			v.log.WarnContext(ctx, "lost the market, its last state stays in use", "error", err, "retry_after", delay)
		}
		if clock.SleepUntil(ctx, v.clock, v.clock.Now().Add(delay)) != nil {
			return
		}
		delay = min(2*delay, maxRetryDelay)
	}
}

// follow reads one stream to its end and tells whether it brought a full view.
func (v *View) follow(ctx context.Context) (complete bool, _ error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// A fleet that can not be reached is waited for; the connection paces its
	// own attempts in real time.
	stream, err := v.fleet.WatchPools(ctx, &fleetv1.WatchPoolsRequest{}, grpc.WaitForReady(true))
	if err != nil {
		return false, err
	}
	// The first responses bring every pool anew: those that are no longer sold
	// are left behind with the old book.
	book := newBook(v.Snapshot())
	for {
		response, err := stream.Recv()
		if err != nil {
			return complete, err
		}
		v.lookUp(book.apply(response))
		switch {
		case complete:
			v.current.Store(book.publish(v.clock.Now()))
		case response.GetComplete():
			complete = true
			v.begin(ctx, book.publish(v.clock.Now()))
		}
	}
}

// begin puts the first snapshot of a stream into use.
func (v *View) begin(ctx context.Context, snapshot *Snapshot) {
	first := v.Snapshot() == nil
	v.current.Store(snapshot)
	if first {
		close(v.ready)
	}
	v.log.InfoContext(ctx, "market is in view", "offers", len(snapshot.index), "view_time", snapshot.asOf)
}
