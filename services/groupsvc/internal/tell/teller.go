package tell

import (
	"context"
	"slices"
	"sync"

	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
)

// Sink takes events.
type Sink interface {
	// Publish returns nil once every event is taken, those of one group in the
	// order given, for however long that takes; an error only when the context
	// has ended. Any part of the events may be taken then.
	Publish(ctx context.Context, events []*groupv1.GroupEvent) error
}

// A Teller publishes what groups have stored for it, one batch after the other.
// It is safe for use by several goroutines, and a nil one tells nothing.
type Teller struct {
	sink Sink
	// wake has a value when there may be something to publish.
	wake chan struct{}

	mu sync.Mutex
	// Guarded by mu, both by group.
	waiting   map[string]outbox
	published map[string]int64 // number of the last event that is
}

// An outbox is what waits of one group: consecutive events up to a number.
type outbox struct {
	events []*groupv1.GroupEvent
	last   int64
}

// New makes a teller. A nil sink makes a nil one.
func New(sink Sink) *Teller {
	if sink == nil {
		return nil
	}
	return &Teller{sink: sink, wake: make(chan struct{}, 1), waiting: map[string]outbox{}, published: map[string]int64{}}
}

// Hand hands over what a group has stored. It never waits.
func (t *Teller) Hand(stored *storagev1.StoredGroup) {
	if t == nil || len(stored.GetEvents()) == 0 {
		return
	}
	groupID, last := stored.GetGroup().GetGroupId(), stored.GetEventNumber()
	t.mu.Lock()
	defer t.mu.Unlock()
	if last <= max(t.published[groupID], t.waiting[groupID].last) {
		return
	}
	t.waiting[groupID] = outbox{events: slices.Clone(stored.GetEvents()), last: last}
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// Drop takes the events that are published out of a group.
func (t *Teller) Drop(stored *storagev1.StoredGroup) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	stored.Events = after(stored.GetEvents(), stored.GetEventNumber(), t.published[stored.GetGroup().GetGroupId()])
}

// Forget forgets a group that is no more.
func (t *Teller) Forget(groupID string) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.published, groupID)
	delete(t.waiting, groupID)
}

// after are those of consecutive events, the last of which has a number, that
// come after a number.
func after(events []*groupv1.GroupEvent, last, number int64) []*groupv1.GroupEvent {
	left := min(max(0, last-number), int64(len(events)))
	return events[int64(len(events))-left:]
}

// Run publishes until the context ends.
func (t *Teller) Run(ctx context.Context) {
	if t == nil {
		return
	}
	for {
		select {
		case <-t.wake:
		case <-ctx.Done():
			return
		}
		if t.Publish(ctx) != nil {
			return // the context has ended; what is stored is told after the next start
		}
	}
}

// Publish publishes what has been handed over so far. Only one may be under way.
// An error means that the context has ended.
func (t *Teller) Publish(ctx context.Context) error {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	var batch []*groupv1.GroupEvent
	reached := make(map[string]int64, len(t.waiting))
	for groupID, box := range t.waiting {
		batch = append(batch, after(box.events, box.last, t.published[groupID])...)
		reached[groupID] = box.last
	}
	clear(t.waiting)
	t.mu.Unlock()
	if len(batch) == 0 {
		return nil
	}
	if err := t.sink.Publish(ctx, batch); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for groupID, last := range reached {
		t.published[groupID] = last
	}
	return nil
}
