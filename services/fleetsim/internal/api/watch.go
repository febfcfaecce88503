package api

import (
	"errors"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim/internal/engine"
	"github.com/seed-198b1370/muster/services/fleetsim/internal/trouble"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

const (
	// maxInResponse is how many transitions or pools a response holds at most.
	maxInResponse = 250
	// signOfLifeEvery is how often, in real time, a quiet stream says that it
	// is there.
	signOfLifeEvery = time.Second
)

// WatchInstances implements the contract.
func (f *fleet) WatchInstances(req *fleetv1.WatchInstancesRequest, stream grpc.ServerStreamingServer[fleetv1.WatchInstancesResponse]) error {
	feed := f.Engine.Feed()
	w := &watch{fleet: f, id: feed.FleetID(), feed: feed, account: accountOf(stream.Context()), all: req.GetAllAccounts(), tags: fromTags(req.GetTags())}
	var ok bool
	if w.after, ok = sequenceOf(w.id, req.GetCursor()); req.GetCursor() == "" {
		w.after, ok = w.feed.Oldest(), true
	}
	if !ok {
		return invalidToken("cursor", req.GetCursor())
	}
	w.sent, w.sentPosition = cursorOf(w.id, w.after), positionOf(w.after)
	life := newBeat(f.Engine.Pace(), signOfLifeEvery)
	defer life.stop()
	// The first response comes at once, so that a reader knows that it is
	// heard; later ones without transitions also keep the cursor moving.
	for speak := true; ; {
		more, err := w.read()
		if w.restored() {
			return compacted(cursorOf(f.Engine.FleetID(), f.Engine.Feed().Oldest()))
		}
		if err != nil {
			return f.refusedRead(req.GetCursor(), err)
		}
		if err := w.send(stream, speak || life.fired()); err != nil {
			return err
		}
		speak = false
		if more == nil {
			continue
		}
		ripe, stop := w.ripens()
		speak, err = life.wait(stream.Context(), more, ripe, f.Engine)
		stop()
		if err != nil {
			return err
		}
	}
}

// A watch is a stream of transitions on its way from the feed to its reader.
type watch struct {
	fleet   *fleet
	id      uint64 // of the fleet
	feed    *engine.Feed
	account string
	all     bool // accounts are meant
	tags    []world.Tag

	after  uint64                        // the transition that was read last
	held   []heldResponse                // read and not sent, in order
	repeat []*fleetv1.InstanceTransition // to come again with the next response
	sent   string                        // cursor of the last response
	// sentPosition is that of sent.
	sentPosition int64
	// sentAsOf is a time before which everything was sent; long ago at first.
	sentAsOf world.Instant
}

// heldResponse is a response that is to be sent at a time of the wall clock.
type heldResponse struct {
	*fleetv1.WatchInstancesResponse
	due    time.Time
	repeat []*fleetv1.InstanceTransition
	asOf   world.Instant // of its last transition
}

// maxHeld is how many responses are held back at most: what is beyond them is
// left in the feed, and comes later still.
const maxHeld = 64

// read takes what comes next from the feed. When there is nothing more, or no
// room for it, it tells a channel that is closed when there is more; nil when
// there is more already.
func (w *watch) read() (more <-chan struct{}, err error) {
	if len(w.held) >= maxHeld {
		return make(chan struct{}), nil
	}
	now := w.fleet.Engine.Board().AsOf() // before reading: what comes meanwhile is later
	transitions, more, err := w.feed.Read(w.after, maxInResponse)
	if err == nil && len(transitions) == 0 && len(w.held) == 0 {
		w.sentAsOf = now
	}
	if err != nil || len(transitions) == 0 {
		return more, err
	}
	faults := w.fleet.Engine.Facts().Faults
	next := heldResponse{WatchInstancesResponse: &fleetv1.WatchInstancesResponse{}, asOf: transitions[len(transitions)-1].Time}
	for i := range transitions {
		w.after++
		t := &transitions[i]
		if !w.all && t.Instance.Account.ID() != w.account || !t.Instance.Tags.HasAll(w.tags) {
			continue
		}
		shown := w.fleet.toTransition(t)
		next.Transitions = append(next.Transitions, shown)
		if trouble.Repeats(faults, w.after, w.fleet.Seed) {
			next.repeat = append(next.repeat, shown)
		}
	}
	next.Cursor, next.Position, next.HistoryId = cursorOf(w.id, w.after), positionOf(w.after), historyOf(w.id)
	if delay := trouble.DelayOf(faults); delay > 0 {
		next.due = w.fleet.Wall.Now().Add(delay)
	}
	w.held = append(w.held, next)
	return nil, nil
}

// send sends what is due. If it must speak and nothing is, it sends a sign of
// life.
func (w *watch) send(stream grpc.ServerStreamingServer[fleetv1.WatchInstancesResponse], speak bool) error {
	for len(w.held) > 0 && w.isDue(w.held[0].due) {
		next := w.held[0]
		w.held = w.held[1:]
		if len(next.GetTransitions()) == 0 {
			w.sent, w.sentPosition, w.sentAsOf = next.GetCursor(), next.GetPosition(), next.asOf
			continue
		}
		speak = false
		// What comes again has a response of its own if both do not fit.
		if len(w.repeat)+len(next.GetTransitions()) > maxInResponse {
			if err := w.sendRepeated(stream); err != nil {
				return err
			}
		}
		next.Transitions = append(w.repeat, next.Transitions...)
		w.repeat, w.sent, w.sentPosition, w.sentAsOf = next.repeat, next.GetCursor(), next.GetPosition(), next.asOf
		next.AsOfTime = w.asOfTime()
		if err := stream.Send(next.WatchInstancesResponse); err != nil {
			return err
		}
	}
	if !speak {
		return nil
	}
	return w.sendRepeated(stream)
}

// sendRepeated sends what is to come again, with no new entries; if there is
// none, a sign of life.
func (w *watch) sendRepeated(stream grpc.ServerStreamingServer[fleetv1.WatchInstancesResponse]) error {
	resp := &fleetv1.WatchInstancesResponse{
		Transitions: w.repeat, Cursor: w.sent, Position: w.sentPosition, HistoryId: historyOf(w.id), AsOfTime: w.asOfTime(),
	}
	w.repeat = nil
	return stream.Send(resp)
}

// asOfTime tells up to when all was sent.
func (w *watch) asOfTime() *timestamppb.Timestamp { return timestamppb.New(w.sentAsOf.Time()) }

// isDue tells whether a time of the wall clock has come; the zero time has.
func (w *watch) isDue(at time.Time) bool { return at.IsZero() || !at.After(w.fleet.Wall.Now()) }

// ripens is a channel that has something when the next response that is held
// back is due, and what frees it.
func (w *watch) ripens() (<-chan time.Time, func()) {
	if len(w.held) == 0 {
		return nil, func() {}
	}
	timer := w.fleet.Wall.NewTimer(w.held[0].due)
	return timer.C, timer.Stop
}

// restored tells whether the history that the watch is of is no longer the
// present one.
func (w *watch) restored() bool { return w.id != w.fleet.Engine.FleetID() }

// refusedRead turns the feed's refusal into an error of the contract.
func (f *fleet) refusedRead(cursor string, err error) error {
	if !errors.Is(err, engine.ErrCompacted) {
		return invalidToken("cursor", cursor)
	}
	return compacted(cursorOf(f.Engine.FleetID(), f.Engine.Feed().Oldest()))
}

// compacted refuses a cursor that is older than what is kept.
func compacted(oldest string) error {
	return rpc.Error(codes.OutOfRange, fleetv1.ErrorReason_ERROR_REASON_CURSOR_COMPACTED, map[string]string{"oldest_cursor": oldest},
		"the cursor is older than what is kept; list again, then watch from the cursor of the list")
}
