package judge_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	"github.com/seed-198b1370/muster/pkg/events"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
	"github.com/seed-198b1370/muster/services/healthcheck/judge"
)

// genTransition draws transitions as a fleet may send them, and worse.
func genTransition() *rapid.Generator[*fleetv1.InstanceTransition] {
	return rapid.Custom(func(t *rapid.T) *fleetv1.InstanceTransition {
		given := transition(
			fleetv1.TransitionKind(rapid.Int32Range(0, 10).Draw(t, "kind")),
			fleetv1.TransitionReason(rapid.Int32Range(0, 6).Draw(t, "reason")))
		given.Instance.InstanceId = rapid.StringMatching(`i-[a-z0-9]{0,20}|`).Draw(t, "instance")
		given.Instance.AccountId = rapid.StringMatching(`[0-9]{1,16}|`).Draw(t, "account")
		given.Instance.TransitionNumber = rapid.Int64Range(-1, 1<<40).Draw(t, "number")
		given.Instance.Tags[judge.GroupTag] = rapid.OneOf(rapid.String(), rapid.StringMatching(`apg-[a-z0-9]{1,8}`)).Draw(t, "group")
		if rapid.Bool().Draw(t, "noticed") {
			given.Instance.InterruptionNoticeTime = noticeAt
			given.Instance.ReleaseTime = timestamppb.New(noticeAt.AsTime().Add(5 * time.Minute))
		}
		return given
	})
}

// S7, S8: whatever the transition, its event is one that can be published,
// under the id of the transition and to the account of the instance; and the
// same transition always gives the same event.
func TestTransition_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		given := genTransition().Draw(t, "transition")
		event, err := judge.Transition(given)
		again, againErr := judge.Transition(proto.CloneOf(given))
		if diff := cmp.Diff(event, again, protocmp.Transform()); diff != "" || (err == nil) != (againErr == nil) {
			t.Fatalf("judged twice, differently: %v, %v\n%s", err, againErr, diff)
		}
		if err != nil {
			if !errors.Is(err, judge.ErrBroken) {
				t.Fatalf("got %v", err)
			}
			return
		}
		if event == nil {
			return
		}
		instance := given.GetInstance()
		if want := fmt.Sprintf("%s/%d", instance.GetInstanceId(), instance.GetTransitionNumber()); event.GetEventId() != want {
			t.Errorf("event id %q, want %q", event.GetEventId(), want)
		}
		if event.GetAccountId() != instance.GetAccountId() {
			t.Errorf("event of account %q, instance of %q", event.GetAccountId(), instance.GetAccountId())
		}
		if _, err := events.Instances().Encode(event, ""); err != nil {
			t.Errorf("event can not be published: %v", err)
		}
	})
}

// A life gives as many events as it has steps that matter, with ascending
// numbers, and ends with exactly one event that says so.
func TestTransition_life_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		reasons := rapid.SampledFrom([]fleetv1.TransitionReason{
			fleetv1.TransitionReason_TRANSITION_REASON_REQUESTED, fleetv1.TransitionReason_TRANSITION_REASON_PRICE_ABOVE_BID,
			fleetv1.TransitionReason_TRANSITION_REASON_STOCK_NEEDED, fleetv1.TransitionReason_TRANSITION_REASON_RECLAIM_ORDERED,
		})
		kinds := rapid.SliceOf(rapid.Int32Range(1, 8)).Draw(t, "kinds")
		last, number, ends := int64(0), int64(0), 0
		for _, kind := range append(kinds, int32(fleetv1.TransitionKind_TRANSITION_KIND_RELEASED)) {
			number++
			given := transition(fleetv1.TransitionKind(kind), reasons.Draw(t, "reason"))
			given.Instance.TransitionNumber = number
			event, err := judge.Transition(given)
			if err != nil {
				t.Fatal(err)
			}
			if event == nil {
				continue
			}
			if event.GetTransitionNumber() <= last {
				t.Errorf("event %d after event %d", event.GetTransitionNumber(), last)
			}
			last = event.GetTransitionNumber()
			isEnd := event.GetKind() == healthv1.InstanceEventKind_INSTANCE_EVENT_KIND_RELEASED ||
				event.GetKind() == healthv1.InstanceEventKind_INSTANCE_EVENT_KIND_INTERRUPTED
			if isEnd != (given.GetKind() == fleetv1.TransitionKind_TRANSITION_KIND_RELEASED) {
				t.Errorf("%v gave %v", given.GetKind(), event.GetKind())
			}
			if isEnd {
				ends++
			}
		}
		if ends == 0 || last != number {
			t.Errorf("the end was not told: last event %d of %d transitions", last, number)
		}
	})
}
