package groupsvc

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/cloudtest"
)

// A stream is an event stream that a killed service can no longer reach.
type stream struct {
	b *bench

	mu     sync.Mutex
	events []*groupv1.GroupEvent // guarded by mu
}

// Publish implements EventSink.
func (s *stream) Publish(_ context.Context, batch []*groupv1.GroupEvent) error {
	if s.b.crash.at("before Publish") != nil {
		return errKilled
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, event := range batch {
		s.events = append(s.events, proto.CloneOf(event))
		if i == len(batch)/2 && s.b.crash.at("amid Publish") != nil {
			return errKilled
		}
	}
	if s.b.crash.at("after Publish") != nil {
		return errKilled
	}
	return nil
}

// of are the events of a group, each once, in the order in which they first came.
func (s *stream) of(groupID string) []*groupv1.GroupEvent {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []*groupv1.GroupEvent
	seen := map[string]*groupv1.GroupEvent{}
	for _, event := range s.events {
		switch first := seen[event.GetEventId()]; {
		case event.GetGroupId() != groupID:
		case first == nil:
			seen[event.GetEventId()] = event
			all = append(all, event)
		case !proto.Equal(first, event):
			s.b.t.Errorf("crash at %q: id %s tells of %v and of %v", s.b.crash.where, event.GetEventId(), first, event)
		}
	}
	return all
}

// check holds what was told of a group against what it did: every event came, in
// order, and every activity has its beginning and its end.
func (s *stream) check(groupID string, activities []*groupv1.Activity) {
	s.b.t.Helper()
	where := s.b.crash.where
	began, ended := map[string]bool{}, map[string]groupv1.GroupEventKind{}
	for i, event := range s.of(groupID) {
		if want := fmt.Sprintf("%s/%d", groupID, i+1); event.GetEventId() != want {
			s.b.t.Errorf("crash at %q: event %s comes where %s should", where, event.GetEventId(), want)
		}
		switch event.GetKind() {
		case groupv1.GroupEventKind_GROUP_EVENT_KIND_ACTIVITY_STARTED:
			began[event.GetActivityId()] = true
		case groupv1.GroupEventKind_GROUP_EVENT_KIND_ACTIVITY_SUCCEEDED, groupv1.GroupEventKind_GROUP_EVENT_KIND_ACTIVITY_PARTLY_SUCCEEDED,
			groupv1.GroupEventKind_GROUP_EVENT_KIND_ACTIVITY_FAILED:
			if !began[event.GetActivityId()] {
				s.b.t.Errorf("crash at %q: %s ended before it began", where, event.GetActivityId())
			}
			ended[event.GetActivityId()] = event.GetKind()
		default:
		}
	}
	for _, activity := range activities {
		if activity.GetStatus() != groupv1.ActivityStatus_ACTIVITY_STATUS_IN_PROGRESS && ended[activity.GetActivityId()] == 0 {
			s.b.t.Errorf("crash at %q: nobody is told that %s has ended", where, activity.GetActivityId())
		}
	}
	if len(ended) == 0 || len(ended) > len(activities) {
		s.b.t.Errorf("crash at %q: %d activities ended, %d are known", where, len(ended), len(activities))
	}
}

// kinds are those of the events of a group, in short.
func (s *stream) kinds(groupID string) string {
	var words []string
	for _, event := range s.of(groupID) {
		word := strings.ToLower(strings.TrimPrefix(event.GetKind().String(), "GROUP_EVENT_KIND_"))
		if event.GetReason() != "" {
			word += "(" + event.GetReason() + ")"
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

// TestTold_lifeOfAGroup follows what is told of a group that comes short and
// recovers.
func TestTold_lifeOfAGroup(t *testing.T) {
	b := newBench(t, "")
	pools := []cloudtest.Pool{{Zone: "zone-a", Type: "small", Method: spot}, {Zone: "zone-b", Type: "small", Method: spot}}
	for _, pool := range pools {
		b.cloud.SetStock(pool, 3)
	}
	id := b.create(spec(10, 0, 10)).GetGroup().GetGroupId()
	b.settled(2 * time.Hour) // many looks that find the same are told once
	b.cloud.SetStock(pools[0], 100)
	b.settled(time.Hour)
	b.cloud.Change(b.members(id)[0].GetInstanceId(), nil)
	b.settled(time.Minute)
	want := "activity_started activity_partly_succeeded(NoInstanceStock) short(NoInstanceStock) " +
		"activity_started activity_succeeded fulfilled activity_started activity_succeeded"
	if got := b.told.kinds(id); got != want {
		t.Errorf("told\n%s, want\n%s", got, want)
	}
	b.told.check(id, b.activities(id))
	short := b.told.of(id)[2]
	if short.GetMessage() == "" || short.GetAccountId() != "default" || short.GetTime() == nil {
		t.Errorf("short is %v", short)
	}
}

// TestTold_streamAway holds that an event stream that takes nothing holds up no
// look, and that what happened meanwhile is told in order: when the stream is
// back, or by the next process when this one ends before that.
func TestTold_streamAway(t *testing.T) {
	for name, comesBack := range map[string]bool{"comes back": true, "is away when the process ends": false} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, "")
			away := &awaySink{back: make(chan struct{}), entered: make(chan struct{}, 1)}
			service, err := compose(t.Context(), Config{Entropy: b.entropy}.withDefaults(), Deps{
				Fleet: b.deps.Fleet, Allocator: b.deps.Allocator, GroupEvents: away, Clock: b.clock, Log: b.deps.Log,
			}, b.groups)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			var telling sync.WaitGroup
			telling.Go(func() { service.teller.Run(ctx) })
			defer telling.Wait()
			defer cancel()
			tick := func() {
				t.Helper()
				b.clock.Advance(time.Minute)
				if _, err := service.Tick(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			id := b.create(spec(4, 0, 4)).GetGroup().GetGroupId()
			tick()
			<-away.entered
			for range 3 {
				b.cloud.Change(b.members(id)[0].GetInstanceId(), nil)
				tick()
			}
			if got := len(b.members(id)); got != 4 {
				t.Errorf("%d members while the stream is away, want 4", got)
			}
			activities := b.activities(id)
			if comesBack {
				close(away.back)
				for !away.told(len(activities)) {
					<-away.entered
				}
				b.told.events = away.taken()
			} else {
				cancel()
				telling.Wait()
				b.settled(2 * time.Minute)
			}
			b.told.check(id, activities)
		})
	}
}

// awaySink takes nothing until it is back.
type awaySink struct {
	back, entered chan struct{}

	mu     sync.Mutex
	events []*groupv1.GroupEvent // guarded by mu
}

// Publish implements EventSink.
func (s *awaySink) Publish(ctx context.Context, batch []*groupv1.GroupEvent) error {
	defer func() {
		select {
		case s.entered <- struct{}{}:
		default:
		}
	}()
	select {
	case s.entered <- struct{}{}:
	default:
	}
	select {
	case <-s.back:
	case <-ctx.Done():
		return ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, batch...)
	return nil
}

func (s *awaySink) taken() []*groupv1.GroupEvent {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.events
}

// told tells whether so many activities were told to have ended.
func (s *awaySink) told(activities int) bool {
	ended := 0
	for _, event := range s.taken() {
		if event.GetKind() == groupv1.GroupEventKind_GROUP_EVENT_KIND_ACTIVITY_SUCCEEDED {
			ended++
		}
	}
	return ended >= activities
}
