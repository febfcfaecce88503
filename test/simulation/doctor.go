package simulation

import (
	"context"
	"maps"
	"slices"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
	"github.com/seed-198b1370/muster/services/healthcheck/judge"
)

type grpcRegistrar = grpc.ServiceRegistrar

// A doctor is a health check: the judge, told of every transition.
type doctor struct {
	healthv1.UnimplementedHealthServiceServer
	run      *run
	policy   *judge.Policy
	patients map[string]*patient
}

type patient struct {
	instance *fleetv1.Instance
	facts    judge.Facts
	state    judge.State
	since    time.Time
	again    judge.Instant // when to look again; 0 when only news change anything
	news     bool
}

func newDoctor(r *run) *doctor {
	return &doctor{run: r, policy: judge.PolicyOf(judge.Fill(nil)), patients: map[string]*patient{}}
}

// Register makes a server answer for it.
func (d *doctor) Register(registrar grpcRegistrar) {
	healthv1.RegisterHealthServiceServer(registrar, d)
}

// saw takes note of a transition, and gives the event that it makes.
func (d *doctor) saw(transition *fleetv1.InstanceTransition) *healthv1.InstanceEvent {
	instance := transition.GetInstance()
	id := instance.GetInstanceId()
	seen := d.patients[id]
	if seen == nil {
		seen = &patient{}
		d.patients[id] = seen
	}
	seen.instance, seen.news = instance, true
	seen.facts.Take(judge.Sighting{
		Number: instance.GetTransitionNumber(), Kind: transition.GetKind(), Why: transition.GetReason(), Status: instance.GetStatus(),
		Health: instance.GetHealth(), Noticed: instance.GetInterruptionNoticeTime() != nil,
		Created: judge.Instant(instance.GetCreateTime().AsTime().UnixNano()), At: judge.Instant(transition.GetTime().AsTime().UnixNano()),
	})
	if instance.GetStatus() == fleetv1.InstanceStatus_INSTANCE_STATUS_RELEASED {
		delete(d.patients, id)
	}
	event, err := judge.Transition(transition)
	if err != nil {
		d.run.violated("S7", "%v", err)
	}
	return event
}

// look judges those of whom there is something new to think.
func (d *doctor) look() {
	now := d.run.now()
	instant := judge.Instant(now.UnixNano())
	for _, id := range slices.Sorted(maps.Keys(d.patients)) {
		seen := d.patients[id]
		if !seen.news && (seen.again == 0 || seen.again > instant) {
			continue
		}
		before := seen.state.Verdict
		seen.state, seen.again = judge.Judge(&seen.facts, seen.state, d.policy, judge.Zone{}, instant)
		seen.news = false
		if verdict := seen.state.Verdict; verdict.Number != before.Number {
			seen.since = now
			kind := healthv1.InstanceEventKind_INSTANCE_EVENT_KIND_RECOVERED
			if verdict.Unhealthy {
				kind = healthv1.InstanceEventKind_INSTANCE_EVENT_KIND_UNHEALTHY
			}
			d.run.log("%s is %s: %s", id, short(kind, "INSTANCE_EVENT_KIND_"), verdict.Message)
			d.run.check.judged(id, verdict.Unhealthy)
			d.run.send(&healthv1.InstanceEvent{
				Kind: kind, AccountId: seen.instance.GetAccountId(), GroupId: judge.GroupOf(seen.instance), InstanceId: id, Reason: verdict.Reason,
			})
		}
	}
}

// ListVerdicts implements the contract.
func (d *doctor) ListVerdicts(_ context.Context, request *healthv1.ListVerdictsRequest) (*healthv1.ListVerdictsResponse, error) {
	response := &healthv1.ListVerdictsResponse{}
	for _, id := range slices.Sorted(maps.Keys(d.patients)) {
		seen := d.patients[id]
		if seen.state.Verdict.Unhealthy && judge.GroupOf(seen.instance) == request.GetGroupId() {
			response.Verdicts = append(response.Verdicts, &healthv1.HealthVerdict{
				InstanceId: id, Status: healthv1.HealthStatus_HEALTH_STATUS_UNHEALTHY, Reason: seen.state.Verdict.Reason,
				Message: seen.state.Verdict.Message, SinceTime: timestamppb.New(seen.since),
			})
		}
	}
	return response, nil
}
