package robust_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/test/system"
)

var groupEventKills = flag.Int("group-event-kills", 6, "how often the group service or NATS is killed while groups change")

// groupStreamName of events of groups, as users know it.
const groupStreamName = "MUSTER_GROUP_EVENTS"

// S7: the group service and NATS are killed while a group changes. Its events are
// all in the stream, without a gap and in order; what comes twice has the same
// id; and each activity that the service knows of is told of, once begun and once
// ended.
func TestGroupEvents_throughKills(t *testing.T) {
	natsServer := startNATS(t)
	s, running := system.StartReplicated(t, binary, system.Options{Speed: 100}, natsServer.url(), 1)
	request := createRequest("told")
	request.Spec.TargetCapacity = &groupv1.TargetCapacity{Total: 10, PayAsYouGo: 10}
	created, err := running.Groups.CreateGroup(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	id := created.GetGroup().GetGroupId()
	running.AwaitFulfilled(t, id)
	retarget := func(total int32) error {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		_, err := running.Groups.UpdateGroup(ctx, &groupv1.UpdateGroupRequest{
			GroupId: id, Spec: &groupv1.GroupSpec{TargetCapacity: &groupv1.TargetCapacity{Total: total, PayAsYouGo: total}},
			UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"target_capacity.total", "target_capacity.pay_as_you_go"}},
		})
		return err
	}
	random := rand.New(rand.NewPCG(*seed, 2))
	t.Logf("seed %d, %d kills", *seed, *groupEventKills)
	for kill := range *groupEventKills {
		_ = retarget(10 + 5*int32(kill%3)) // meets a killed process, perhaps: the last counts
		<-time.After(time.Duration(random.Int64N(int64(200 * time.Millisecond))))
		if kill%3 == 2 {
			natsServer.kill()
			natsServer.start(t)
			continue
		}
		s.Groupsvc.Kill()
		s.Groupsvc = s.Groupsvc.Restart(t)
	}
	system.Eventually(t, "the last target", func() (bool, any) { err := retarget(12); return err == nil, err })
	system.Eventually(t, "a group at rest at its target", func() (bool, any) {
		all := activities(t, running, id)
		open := slices.ContainsFunc(all, func(a *groupv1.Activity) bool {
			return a.GetStatus() == groupv1.ActivityStatus_ACTIVITY_STATUS_IN_PROGRESS
		})
		return !open && len(running.Instances(t, id)) == 12, all
	})
	want := activities(t, running, id)
	conn, err := nats.Connect(natsServer.url())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	system.Eventually(t, "the end of every activity", func() (bool, any) {
		told, err := readGroupEvents(t.Context(), js, id)
		if err != nil {
			return false, err // not made yet
		}
		for _, activity := range want {
			if !slices.ContainsFunc(told, func(e toldEvent) bool { return e.activity == activity.GetActivityId() && e.isEnd }) {
				return false, fmt.Sprintf("activity %s in %v", activity.GetActivityId(), told)
			}
		}
		return true, nil
	})
	told, err := readGroupEvents(t.Context(), js, id)
	if err != nil {
		t.Fatal(err)
	}
	checkGroupEvents(t, id, told)
}

// checkGroupEvents holds the events of a group, in the order of the stream,
// against what is promised.
func checkGroupEvents(t *testing.T, groupID string, told []toldEvent) {
	t.Helper()
	seen, begun, ended, repeats := map[string]bool{}, map[string]int{}, map[string]int{}, 0
	for _, event := range told {
		if seen[event.id] {
			repeats++
			continue
		}
		seen[event.id] = true
		if want := fmt.Sprintf("%s/%d", groupID, len(seen)); event.id != want {
			t.Errorf("the next event is %s, want %s", event.id, want)
		}
		switch {
		case event.activity == "": // about the group
		case event.isEnd:
			ended[event.activity]++
		default:
			begun[event.activity]++
			if ended[event.activity] > 0 {
				t.Errorf("%s is told to begin after its end", event.activity)
			}
		}
	}
	for activity, times := range ended {
		if times != 1 || begun[activity] != 1 {
			t.Errorf("activity %s is told to begin %d times and to end %d times", activity, begun[activity], times)
		}
	}
	t.Logf("%d events, %d repeats in the stream", len(seen), repeats)
}

// activities are all of a group's.
func activities(t *testing.T, running *system.System, groupID string) (all []*groupv1.Activity) {
	t.Helper()
	for token := ""; ; {
		page, err := running.Groups.ListActivities(t.Context(), &groupv1.ListActivitiesRequest{GroupId: groupID, PageSize: 250, PageToken: token})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, page.GetActivities()...)
		if token = page.GetNextPageToken(); token == "" {
			return all
		}
	}
}

// A toldEvent is what the stream tells of a group.
type toldEvent struct {
	id, activity string
	isEnd        bool
}

// readGroupEvents reads the stream message by message, by means of the client
// library alone.
func readGroupEvents(ctx context.Context, js jetstream.JetStream, groupID string) (all []toldEvent, err error) {
	stream, err := js.Stream(ctx, groupStreamName)
	if err != nil {
		return nil, err
	}
	state := stream.CachedInfo().State
	for sequence := state.FirstSeq; sequence <= state.LastSeq; sequence++ {
		msg, err := stream.GetMsg(ctx, sequence)
		if err != nil {
			return nil, err
		}
		if msg.Header.Get("ce-subject") != groupID {
			continue
		}
		event := &groupv1.GroupEvent{}
		if err := proto.Unmarshal(msg.Data, event); err != nil {
			return nil, err
		}
		all = append(all, toldEvent{
			id: msg.Header.Get("ce-id"), activity: event.GetActivityId(),
			isEnd: event.GetActivityId() != "" && event.GetKind() != groupv1.GroupEventKind_GROUP_EVENT_KIND_ACTIVITY_STARTED,
		})
	}
	return all, nil
}
