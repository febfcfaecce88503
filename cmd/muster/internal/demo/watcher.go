package demo

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
)

// lookInterval is how often the watcher looks, in real time.
const lookInterval = 200 * time.Millisecond

// A watcher follows one group: how it stands, and what its instances go
// through.
type watcher struct {
	groups     groupv1.GroupServiceClient
	simulation fleetv1.SimulationServiceClient
	health     healthv1.HealthServiceClient
	view       *view

	mu sync.Mutex
	// Guarded by mu.
	now     *snapshot
	counts  tally
	changed chan struct{} // closed and replaced at each look
}

func newWatcher(conn *grpc.ClientConn, view *view) *watcher {
	return &watcher{
		groups: groupv1.NewGroupServiceClient(conn), simulation: fleetv1.NewSimulationServiceClient(conn),
		health: healthv1.NewHealthServiceClient(conn), view: view, now: &snapshot{}, changed: make(chan struct{}),
	}
}

// run watches until the context ends.
func (w *watcher) run(ctx context.Context, groupID string) error {
	tasks, ctx := errgroup.WithContext(ctx)
	tasks.Go(func() error { return w.followEvents(ctx, groupID) })
	tasks.Go(func() error { return w.look(ctx, groupID) })
	return ended(tasks.Wait())
}

// ended turns the status of a call that its own client cancelled into the
// context's error.
func ended(err error) error {
	if status.Code(err) == codes.Canceled {
		return context.Canceled
	}
	return err
}

// latest is what was seen last.
func (w *watcher) latest() *snapshot {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// await waits until what is seen meets a condition.
func (w *watcher) await(ctx context.Context, met func(*snapshot) bool) error {
	for {
		w.mu.Lock()
		now, changed := w.now, w.changed
		w.mu.Unlock()
		if now.group != nil && met(now) {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (w *watcher) look(ctx context.Context, groupID string) error {
	tick := time.NewTicker(lookInterval)
	defer tick.Stop()
	for {
		now, err := w.take(ctx, groupID)
		if err != nil {
			return err
		}
		w.mu.Lock()
		now.tally = w.counts
		w.now = now
		close(w.changed)
		w.changed = make(chan struct{})
		w.mu.Unlock()
		w.view.show(now)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// take reads the group and its instances.
func (w *watcher) take(ctx context.Context, groupID string) (*snapshot, error) {
	clock, err := w.simulation.GetClock(ctx, &fleetv1.GetClockRequest{})
	if err != nil {
		return nil, err
	}
	got, err := w.groups.GetGroup(ctx, &groupv1.GetGroupRequest{GroupId: groupID})
	if err != nil {
		return nil, err
	}
	var members []*groupv1.GroupInstance
	for request := (&groupv1.ListGroupInstancesRequest{GroupId: groupID, PageSize: 250}); ; {
		page, err := w.groups.ListGroupInstances(ctx, request)
		if err != nil {
			return nil, err
		}
		members = append(members, page.GetInstances()...)
		if request.PageToken = page.GetNextPageToken(); request.PageToken == "" {
			return newSnapshot(clock.GetTime().AsTime(), got.GetGroup(), members), nil
		}
	}
}

// followEvents counts events and tells of them, several of one kind and pool
// in one line.
func (w *watcher) followEvents(ctx context.Context, groupID string) error {
	watch, err := w.health.WatchInstanceEvents(ctx, &healthv1.WatchInstanceEventsRequest{GroupId: groupID, FromStart: true})
	if err != nil {
		return err
	}
	received := make(chan *healthv1.InstanceEvent)
	tasks, ctx := errgroup.WithContext(ctx)
	tasks.Go(func() error {
		for {
			next, err := watch.Recv()
			if err != nil {
				return err
			}
			if next.GetEvent() == nil {
				continue
			}
			select {
			case received <- next.GetEvent():
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	})
	tasks.Go(func() error { return w.tellEvents(ctx, received) })
	return tasks.Wait()
}

// tellEvents collects events for one look and then tells of them together.
func (w *watcher) tellEvents(ctx context.Context, received <-chan *healthv1.InstanceEvent) error {
	tick := time.NewTicker(lookInterval)
	defer tick.Stop()
	var heap eventHeap
	for {
		select {
		case event := <-received:
			w.mu.Lock()
			w.counts.add(event)
			w.mu.Unlock()
			heap.add(event)
		case <-tick.C:
			for _, line := range heap.take() {
				w.view.event(line)
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// eventHeap gathers events of one kind and pool. Those that tell that an
// instance runs are left to the picture, which counts them.
type eventHeap struct {
	order []eventKey
	first map[eventKey]time.Time
	count map[eventKey]int
}

type eventKey struct {
	kind               healthv1.InstanceEventKind
	instanceType, zone string
	billing            fleetv1.BillingMethod
}

func (h *eventHeap) add(event *healthv1.InstanceEvent) {
	if event.GetKind() == healthv1.InstanceEventKind_INSTANCE_EVENT_KIND_RUNNING {
		return
	}
	key := eventKey{event.GetKind(), event.GetInstanceType(), event.GetZoneId(), event.GetBillingMethod()}
	if h.count == nil {
		h.first, h.count = map[eventKey]time.Time{}, map[eventKey]int{}
	}
	if h.count[key] == 0 {
		h.order = append(h.order, key)
		h.first[key] = event.GetTime().AsTime()
	}
	h.count[key]++
}

// take empties the heap into lines, in the order in which the events came.
func (h *eventHeap) take() []string {
	lines := make([]string, 0, len(h.order))
	for _, key := range h.order {
		lines = append(lines, fmt.Sprintf("%s  %-19s %4d x %s %s %s", h.first[key].Format(time.TimeOnly), kindWord(key.kind), h.count[key],
			key.instanceType, key.zone, billingWord(key.billing)))
	}
	*h = eventHeap{}
	return lines
}
