package judge_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
	"github.com/seed-198b1370/muster/services/healthcheck/judge"
)

var (
	at       = timestamppb.New(time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC))
	noticeAt = timestamppb.New(at.AsTime().Add(-5 * time.Minute))
)

// transition makes transition 4 of an instance of group apg-1.
func transition(kind fleetv1.TransitionKind, reason fleetv1.TransitionReason) *fleetv1.InstanceTransition {
	return &fleetv1.InstanceTransition{
		Instance: &fleetv1.Instance{
			InstanceId: "i-7", AccountId: "1234", ZoneId: "cn-hangzhou-i", InstanceType: "ecs.c6.large",
			BillingMethod: fleetv1.BillingMethod_BILLING_METHOD_SPOT, TransitionNumber: 4,
			Tags: map[string]string{judge.GroupTag: "apg-1"},
		},
		Kind: kind, Reason: reason, Time: at,
	}
}

// TestTransition_kindAndReason is the whole table of what gives which event.
func TestTransition_kindAndReason(t *testing.T) {
	for _, test := range []struct {
		name   string
		kind   fleetv1.TransitionKind
		reason fleetv1.TransitionReason
		notice bool
		want   string // kind and reason; empty for no event
	}{
		{"launch", fleetv1.TransitionKind_TRANSITION_KIND_CREATED, fleetv1.TransitionReason_TRANSITION_REASON_REQUESTED, false, "CREATED"},
		{"boot", fleetv1.TransitionKind_TRANSITION_KIND_STARTING, 0, false, ""},
		{"boot ends", fleetv1.TransitionKind_TRANSITION_KIND_RUNNING, 0, false, "RUNNING"},
		{"start asked for", fleetv1.TransitionKind_TRANSITION_KIND_RUNNING, fleetv1.TransitionReason_TRANSITION_REASON_REQUESTED, false, "RUNNING Requested"},
		{"shutdown", fleetv1.TransitionKind_TRANSITION_KIND_STOPPING, fleetv1.TransitionReason_TRANSITION_REASON_REQUESTED, false, ""},
		{"stop asked for", fleetv1.TransitionKind_TRANSITION_KIND_STOPPED, fleetv1.TransitionReason_TRANSITION_REASON_REQUESTED, false, "STOPPED Requested"},
		{"economical stop", fleetv1.TransitionKind_TRANSITION_KIND_STOPPED, fleetv1.TransitionReason_TRANSITION_REASON_STOCK_NEEDED, true, "STOPPED StockNeeded"},
		{"crash", fleetv1.TransitionKind_TRANSITION_KIND_STOPPED, fleetv1.TransitionReason_TRANSITION_REASON_FAILURE, false, "STOPPED Failure"},
		{"overdue", fleetv1.TransitionKind_TRANSITION_KIND_STOPPED, fleetv1.TransitionReason_TRANSITION_REASON_ACCOUNT_OVERDUE, false, "STOPPED AccountOverdue"},
		{"health", fleetv1.TransitionKind_TRANSITION_KIND_HEALTH, fleetv1.TransitionReason_TRANSITION_REASON_FAILURE, false, ""},
		{"attributes", fleetv1.TransitionKind_TRANSITION_KIND_UPDATED, fleetv1.TransitionReason_TRANSITION_REASON_REQUESTED, false, ""},
		{"notice by price", fleetv1.TransitionKind_TRANSITION_KIND_INTERRUPTION_NOTICE, fleetv1.TransitionReason_TRANSITION_REASON_PRICE_ABOVE_BID, true, "INTERRUPTION_NOTICE PriceAboveBid"},
		{"notice by stock", fleetv1.TransitionKind_TRANSITION_KIND_INTERRUPTION_NOTICE, fleetv1.TransitionReason_TRANSITION_REASON_STOCK_NEEDED, true, "INTERRUPTION_NOTICE StockNeeded"},
		{"notice by order", fleetv1.TransitionKind_TRANSITION_KIND_INTERRUPTION_NOTICE, fleetv1.TransitionReason_TRANSITION_REASON_RECLAIM_ORDERED, true, "INTERRUPTION_NOTICE ReclaimOrdered"},
		{"reclaim by price", fleetv1.TransitionKind_TRANSITION_KIND_RELEASED, fleetv1.TransitionReason_TRANSITION_REASON_PRICE_ABOVE_BID, true, "INTERRUPTED PriceAboveBid"},
		{"reclaim by stock", fleetv1.TransitionKind_TRANSITION_KIND_RELEASED, fleetv1.TransitionReason_TRANSITION_REASON_STOCK_NEEDED, true, "INTERRUPTED StockNeeded"},
		{"reclaim by order", fleetv1.TransitionKind_TRANSITION_KIND_RELEASED, fleetv1.TransitionReason_TRANSITION_REASON_RECLAIM_ORDERED, true, "INTERRUPTED ReclaimOrdered"},
		{"reclaim without a reason", fleetv1.TransitionKind_TRANSITION_KIND_RELEASED, 0, true, "INTERRUPTED"},
		{"release asked for", fleetv1.TransitionKind_TRANSITION_KIND_RELEASED, fleetv1.TransitionReason_TRANSITION_REASON_REQUESTED, false, "RELEASED"},
		{"release asked for after the notice", fleetv1.TransitionKind_TRANSITION_KIND_RELEASED, fleetv1.TransitionReason_TRANSITION_REASON_REQUESTED, true, "RELEASED"},
		{"release without a reason", fleetv1.TransitionKind_TRANSITION_KIND_RELEASED, 0, false, "RELEASED"},
		{"tags", fleetv1.TransitionKind_TRANSITION_KIND_TAGGED, fleetv1.TransitionReason_TRANSITION_REASON_REQUESTED, false, ""},
		{"nothing", 0, 0, false, ""},
		{"a kind of a later fleet", 99, 0, false, ""},
		{"a reason of a later fleet", fleetv1.TransitionKind_TRANSITION_KIND_RUNNING, 99, false, "RUNNING"},
	} {
		t.Run(test.name, func(t *testing.T) {
			given := transition(test.kind, test.reason)
			if test.notice {
				given.Instance.InterruptionNoticeTime = noticeAt
			}
			event, err := judge.Transition(given)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if event != nil {
				got = strings.TrimPrefix(event.GetKind().String(), "INSTANCE_EVENT_KIND_")
				got = strings.TrimSpace(got + " " + event.GetReason())
			}
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestTransition_wholeEvent(t *testing.T) {
	given := transition(fleetv1.TransitionKind_TRANSITION_KIND_INTERRUPTION_NOTICE, fleetv1.TransitionReason_TRANSITION_REASON_STOCK_NEEDED)
	given.Instance.ReleaseTime = timestamppb.New(at.AsTime().Add(5 * time.Minute))
	got, err := judge.Transition(given)
	if err != nil {
		t.Fatal(err)
	}
	want := &healthv1.InstanceEvent{
		EventId: "i-7/4", Kind: healthv1.InstanceEventKind_INSTANCE_EVENT_KIND_INTERRUPTION_NOTICE,
		AccountId: "1234", GroupId: "apg-1", InstanceId: "i-7", ZoneId: "cn-hangzhou-i", InstanceType: "ecs.c6.large",
		BillingMethod: fleetv1.BillingMethod_BILLING_METHOD_SPOT, TransitionNumber: 4, Time: at, Reason: "StockNeeded",
		ReleaseTime: given.Instance.ReleaseTime,
	}
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
}

func TestTransition_group(t *testing.T) {
	for name, test := range map[string]struct {
		tags map[string]string
		want string
	}{
		"member":                   {map[string]string{judge.GroupTag: "apg-1"}, "apg-1"},
		"never a member":           {map[string]string{"muster:slot": "3"}, ""},
		"detached":                 {map[string]string{judge.GroupTag: ""}, ""},
		"no tags":                  {nil, ""},
		"tag is a subject":         {map[string]string{judge.GroupTag: "a.b.>"}, ""},
		"tag is the mark for none": {map[string]string{judge.GroupTag: "_"}, ""},
		"tag is too long":          {map[string]string{judge.GroupTag: strings.Repeat("a", 65)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			given := transition(fleetv1.TransitionKind_TRANSITION_KIND_RUNNING, 0)
			given.Instance.Tags = test.tags
			event, err := judge.Transition(given)
			if err != nil || event.GetGroupId() != test.want {
				t.Errorf("got group %q, %v, want %q", event.GetGroupId(), err, test.want)
			}
		})
	}
}

func TestTransition_broken(t *testing.T) {
	for name, spoil := range map[string]func(*fleetv1.InstanceTransition){
		"no instance":     func(g *fleetv1.InstanceTransition) { g.Instance = nil },
		"no id":           func(g *fleetv1.InstanceTransition) { g.Instance.InstanceId = "" },
		"no account":      func(g *fleetv1.InstanceTransition) { g.Instance.AccountId = "" },
		"no number":       func(g *fleetv1.InstanceTransition) { g.Instance.TransitionNumber = 0 },
		"negative number": func(g *fleetv1.InstanceTransition) { g.Instance.TransitionNumber = -1 },
		"no time":         func(g *fleetv1.InstanceTransition) { g.Time = nil },
	} {
		t.Run(name, func(t *testing.T) {
			given := transition(fleetv1.TransitionKind_TRANSITION_KIND_RUNNING, 0)
			spoil(given)
			if event, err := judge.Transition(given); !errors.Is(err, judge.ErrBroken) || event != nil {
				t.Errorf("got %v, %v", event, err)
			}
		})
	}
}

func TestListed(t *testing.T) {
	for name, test := range map[string]struct {
		status  fleetv1.InstanceStatus
		noticed bool
		want    bool
	}{
		"runs":                {fleetv1.InstanceStatus_INSTANCE_STATUS_RUNNING, false, false},
		"runs, noticed":       {fleetv1.InstanceStatus_INSTANCE_STATUS_RUNNING, true, true},
		"boots, noticed":      {fleetv1.InstanceStatus_INSTANCE_STATUS_STARTING, true, true},
		"new, noticed":        {fleetv1.InstanceStatus_INSTANCE_STATUS_PENDING, true, true},
		"stopped":             {fleetv1.InstanceStatus_INSTANCE_STATUS_STOPPED, true, false},
		"shuts down":          {fleetv1.InstanceStatus_INSTANCE_STATUS_STOPPING, true, false},
		"status is not known": {99, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			// What the list shows is the instance after its notice; the event is
			// that of the notice itself but for the reason, which no list tells.
			notice := transition(fleetv1.TransitionKind_TRANSITION_KIND_INTERRUPTION_NOTICE, 0)
			notice.Instance.Status = test.status
			if test.noticed {
				notice.Instance.InterruptionNoticeTime = at
				notice.Instance.ReleaseTime = timestamppb.New(at.AsTime().Add(5 * time.Minute))
			}
			got, err := judge.Listed(notice.GetInstance())
			if err != nil {
				t.Fatal(err)
			}
			var want *healthv1.InstanceEvent
			if test.want {
				if want, err = judge.Transition(notice); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
				t.Errorf("event (-want +got):\n%s", diff)
			}
		})
	}
}

func TestListed_broken(t *testing.T) {
	if event, err := judge.Listed(&fleetv1.Instance{
		Status: fleetv1.InstanceStatus_INSTANCE_STATUS_RUNNING, InterruptionNoticeTime: at,
	}); !errors.Is(err, judge.ErrBroken) {
		t.Errorf("got %v, %v", event, err)
	}
}

// A judgement does not change what it judges.
func TestTransition_changesNothing(t *testing.T) {
	given := transition(fleetv1.TransitionKind_TRANSITION_KIND_RELEASED, fleetv1.TransitionReason_TRANSITION_REASON_REQUESTED)
	before := proto.CloneOf(given)
	if _, err := judge.Transition(given); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, given, protocmp.Transform()); diff != "" {
		t.Errorf("transition (-before +after):\n%s", diff)
	}
}
