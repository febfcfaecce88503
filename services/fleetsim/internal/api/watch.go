package api

import (
	"context"
	"errors"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/seed-198b1370/muster/pkg/clock"
	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim/internal/engine"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

const (
	// maxInResponse is how many transitions or pools a response holds at most.
	maxInResponse = 250
	// signOfLifeEvery is how often, in real time, a quiet stream says that it
	// is there.
	signOfLifeEvery = time.Second
	// clockEvery is how often, in real time, the clock is told.
	clockEvery = 2 * time.Second
)

// beat fires once every so long in real time.
type beat struct {
	pace  engine.Pace
	every time.Duration
	timer *clock.Timer
}

func newBeat(pace engine.Pace, every time.Duration) *beat {
	return &beat{pace: pace, every: every, timer: pace.After(every)}
}

func (b *beat) stop() { b.timer.Stop() }

// again sets the beat anew after it has fired.
func (b *beat) again() {
	b.timer.Stop()
	b.timer = b.pace.After(b.every)
}

// fired tells, without waiting, whether it has fired, and sets it anew then.
func (b *beat) fired() bool {
	select {
	case <-b.timer.C:
		b.again()
		return true
	default:
		return false
	}
}

// wait waits until more is closed or the beat fires, and tells whether it
// fired. It fails when the reader or the engine has gone.
func (b *beat) wait(ctx context.Context, more <-chan struct{}, e *engine.Engine) (fired bool, err error) {
	select {
	case <-more:
		return false, nil
	case <-b.timer.C:
		b.again()
		return true, nil
	case <-ctx.Done():
		return false, ended(ctx)
	case <-e.Done():
		return false, ended(ctx)
	}
}

// WatchInstances implements the contract.
func (f *Fleet) WatchInstances(req *fleetv1.WatchInstancesRequest, stream grpc.ServerStreamingServer[fleetv1.WatchInstancesResponse]) error {
	feed := f.engine.Feed()
	after, ok := sequenceOf(feed.FleetID(), req.GetCursor())
	if req.GetCursor() == "" {
		after, ok = feed.Oldest(), true
	}
	if !ok {
		return invalidToken("cursor", req.GetCursor())
	}
	tags := fromTags(req.GetTags())
	life := newBeat(f.engine.Pace(), signOfLifeEvery)
	defer life.stop()
	// The first response comes at once, so that a reader knows that it is
	// heard; later ones without transitions also keep the cursor moving.
	for speak := true; ; {
		transitions, more, err := feed.Read(after, maxInResponse)
		if err != nil {
			return refusedRead(feed, req.GetCursor(), err)
		}
		after += uint64(len(transitions))
		resp := f.toResponse(transitions, tags)
		resp.Cursor = cursorOf(feed.FleetID(), after)
		if len(resp.GetTransitions()) > 0 || speak || life.fired() {
			if err := stream.Send(resp); err != nil {
				return err
			}
		}
		speak = false
		if len(transitions) > 0 {
			continue
		}
		if speak, err = life.wait(stream.Context(), more, f.engine); err != nil {
			return err
		}
	}
}

// toResponse holds those of some transitions that are the account's and carry
// the tags.
func (f *Fleet) toResponse(transitions []world.Transition, tags []world.Tag) *fleetv1.WatchInstancesResponse {
	resp := &fleetv1.WatchInstancesResponse{}
	for i := range transitions {
		if t := &transitions[i]; t.Instance.Account.ID() == f.account && t.Instance.Tags.HasAll(tags) {
			resp.Transitions = append(resp.Transitions, toTransition(f.catalog, t))
		}
	}
	return resp
}

// refusedRead turns the feed's refusal into an error of the contract.
func refusedRead(feed *engine.Feed, cursor string, err error) error {
	if !errors.Is(err, engine.ErrCompacted) {
		return invalidToken("cursor", cursor)
	}
	return rpc.Error(codes.OutOfRange, fleetv1.ErrorReason_ERROR_REASON_CURSOR_COMPACTED,
		map[string]string{"oldest_cursor": cursorOf(feed.FleetID(), feed.Oldest())},
		"the cursor is older than what is kept; list again, then watch from the cursor of the list")
}

// WatchPools implements the contract. A reader that is slow misses states in
// between, never the latest, so none is given up.
func (f *Fleet) WatchPools(_ *fleetv1.WatchPoolsRequest, stream grpc.ServerStreamingServer[fleetv1.WatchPoolsResponse]) error {
	life := newBeat(f.engine.Pace(), signOfLifeEvery)
	defer life.stop()
	view := f.engine.Board().Changed(0)
	complete := false // no response has completed the set yet
	for {
		if err := f.sendPools(stream, view, &complete); err != nil {
			return err
		}
		if _, err := life.wait(stream.Context(), view.More, f.engine); err != nil {
			return err
		}
		view = f.engine.Board().Changed(view.Version)
	}
}

// sendPools sends a view, or a sign of life if it is empty, in as many
// responses as it takes. The last of the first view makes the set complete.
func (f *Fleet) sendPools(stream grpc.ServerStreamingServer[fleetv1.WatchPoolsResponse], view engine.View, complete *bool) error {
	pools := view.Pools
	for {
		some := pools[:min(maxInResponse, len(pools))]
		pools = pools[len(some):]
		*complete = *complete || len(pools) == 0
		resp := &fleetv1.WatchPoolsResponse{Complete: *complete, AsOfTime: timestamppb.New(view.AsOf.Time())}
		for i := range some {
			resp.Pools = append(resp.Pools, toPool(f.catalog, &some[i]))
		}
		if err := stream.Send(resp); err != nil {
			return err
		}
		if len(pools) == 0 {
			return nil
		}
	}
}
