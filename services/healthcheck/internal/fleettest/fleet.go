// Package fleettest owns a small fleet for tests: it keeps a journal of
// transitions, serves it as the real one does, and misbehaves when told to. It
// must not know who follows it.
package fleettest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/seed-198b1370/muster/pkg/rpc"
	"github.com/seed-198b1370/muster/pkg/rpc/rpctest"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

// Origin is when the fleet's clock starts.
var Origin = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// maxTransitions is how many transitions a response carries at most.
const maxTransitions = 250

// A Fleet is a fleet in memory. It is safe for use by several goroutines.
type Fleet struct {
	fleetv1.UnimplementedFleetServiceServer

	mu sync.Mutex
	// All guarded by mu.
	journal   []*fleetv1.InstanceTransition
	compacted int // so many of the first are no longer served
	name      string
	live      map[string]*fleetv1.Instance
	now       time.Time
	most      int // transitions in a response
	cutAfter  int // a stream breaks after so many transitions; 0 for never
	noLists   bool
	failures  int // so many of the next calls fail
	watches   int
	sent      int       // transitions that were given to streams
	asOf      time.Time // that streams tell; zero for none
	changed   chan struct{}
}

// New makes an empty fleet.
func New() *Fleet {
	return &Fleet{name: "f1", most: maxTransitions, live: map[string]*fleetv1.Instance{}, now: Origin, changed: make(chan struct{})}
}

// Serve serves the fleet in memory until the test ends.
func (f *Fleet) Serve(t testing.TB) fleetv1.FleetServiceClient {
	t.Helper()
	return fleetv1.NewFleetServiceClient(rpctest.Serve(t, func(r grpc.ServiceRegistrar) { fleetv1.RegisterFleetServiceServer(r, f) }))
}

// LaunchAt creates an instance at a later time.
func (f *Fleet) LaunchAt(id string, at time.Time) {
	f.mu.Lock()
	f.now = at
	f.mu.Unlock()
	f.Launch(id, "")
}

// Launch creates an instance of a group; empty for none.
func (f *Fleet) Launch(id, group string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	instance := &fleetv1.Instance{
		InstanceId: id, AccountId: "1234", ZoneId: "cn-hangzhou-i", InstanceType: "ecs.c6.large",
		BillingMethod: fleetv1.BillingMethod_BILLING_METHOD_SPOT, CreateTime: timestamppb.New(f.now),
		Status: fleetv1.InstanceStatus_INSTANCE_STATUS_PENDING, StatusTime: timestamppb.New(f.now), Tags: map[string]string{},
	}
	if group != "" {
		instance.Tags["muster:group"] = group
	}
	f.live[id] = instance
	f.record(id, fleetv1.TransitionKind_TRANSITION_KIND_CREATED, fleetv1.TransitionReason_TRANSITION_REASON_REQUESTED)
}

// Step makes a transition of an instance.
func (f *Fleet) Step(id string, kind fleetv1.TransitionKind, reason fleetv1.TransitionReason) {
	f.mu.Lock()
	defer f.mu.Unlock()
	instance := f.live[id]
	before := instance.GetStatus()
	switch kind {
	case fleetv1.TransitionKind_TRANSITION_KIND_STARTING:
		instance.Status = fleetv1.InstanceStatus_INSTANCE_STATUS_STARTING
	case fleetv1.TransitionKind_TRANSITION_KIND_RUNNING:
		instance.Status = fleetv1.InstanceStatus_INSTANCE_STATUS_RUNNING
	case fleetv1.TransitionKind_TRANSITION_KIND_STOPPED:
		instance.Status = fleetv1.InstanceStatus_INSTANCE_STATUS_STOPPED
	case fleetv1.TransitionKind_TRANSITION_KIND_INTERRUPTION_NOTICE:
		instance.InterruptionNoticeTime = timestamppb.New(f.now)
		instance.ReleaseTime = timestamppb.New(f.now.Add(5 * time.Minute))
	case fleetv1.TransitionKind_TRANSITION_KIND_RELEASED:
		instance.Status = fleetv1.InstanceStatus_INSTANCE_STATUS_RELEASED
		instance.ReleaseTime = timestamppb.New(f.now)
	default:
	}
	if instance.GetStatus() != before {
		instance.StatusTime = timestamppb.New(f.now)
	}
	f.record(id, kind, reason)
	if kind == fleetv1.TransitionKind_TRANSITION_KIND_RELEASED {
		delete(f.live, id)
	}
}

// SetHealth changes the health of an instance.
func (f *Fleet) SetHealth(id string, health fleetv1.InstanceHealth) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.live[id].Health = health
	f.record(id, fleetv1.TransitionKind_TRANSITION_KIND_HEALTH, fleetv1.TransitionReason_TRANSITION_REASON_FAILURE)
}

// SetAddress gives an instance an address from its next transition on.
func (f *Fleet) SetAddress(id, address string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.live[id].PrivateIpAddress = address
}

// SetReclaimStops makes an instance look, from its next transition on, as one that
// gives its stock back when it is stopped, as a reclaim would have it.
func (f *Fleet) SetReclaimStops(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.live[id].InterruptionBehavior = fleetv1.InterruptionBehavior_INTERRUPTION_BEHAVIOR_STOP
	f.live[id].StoppedMode = fleetv1.StoppedMode_STOPPED_MODE_STOP_CHARGING
}

// TellUpTo makes streams say that they have told of everything before a time.
func (f *Fleet) TellUpTo(asOf time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asOf = asOf
	f.wake()
}

// Live launches an instance and lets it run through a whole life, reclaimed at
// its end: six transitions, of which one gives no event.
func (f *Fleet) Live(id, group string) {
	f.Launch(id, group)
	f.Step(id, fleetv1.TransitionKind_TRANSITION_KIND_STARTING, 0)
	f.Step(id, fleetv1.TransitionKind_TRANSITION_KIND_RUNNING, 0)
	f.Step(id, fleetv1.TransitionKind_TRANSITION_KIND_INTERRUPTION_NOTICE, fleetv1.TransitionReason_TRANSITION_REASON_STOCK_NEEDED)
	f.Step(id, fleetv1.TransitionKind_TRANSITION_KIND_TAGGED, fleetv1.TransitionReason_TRANSITION_REASON_REQUESTED)
	f.Step(id, fleetv1.TransitionKind_TRANSITION_KIND_RELEASED, fleetv1.TransitionReason_TRANSITION_REASON_STOCK_NEEDED)
}

// Add puts any transition into the journal, for example one that no fleet
// should send.
func (f *Fleet) Add(transition *fleetv1.InstanceTransition) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.add(transition)
}

func (f *Fleet) record(id string, kind fleetv1.TransitionKind, reason fleetv1.TransitionReason) {
	instance := f.live[id]
	instance.TransitionNumber++
	f.now = f.now.Add(time.Second)
	f.add(&fleetv1.InstanceTransition{
		Instance: proto.CloneOf(instance), Kind: kind, Reason: reason, Time: timestamppb.New(f.now),
	})
}

func (f *Fleet) add(transition *fleetv1.InstanceTransition) {
	f.journal = append(f.journal, transition)
	f.wake()
}

func (f *Fleet) wake() {
	close(f.changed)
	f.changed = make(chan struct{})
}

// Journal is every transition so far.
func (f *Fleet) Journal() []*fleetv1.InstanceTransition {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.journal)
}

// Compact forgets all transitions so far.
func (f *Fleet) Compact() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.compacted = len(f.journal)
}

// CutAfter makes every stream break after it has carried so many transitions;
// 0 for never.
func (f *Fleet) CutAfter(transitions int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cutAfter = transitions
	f.wake()
}

// CarryOne makes each response of a stream carry one transition.
func (f *Fleet) CarryOne() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.most = 1
}

// FailNext makes so many of the next calls fail.
func (f *Fleet) FailNext(calls int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failures = calls
}

// FailLists makes calls that list instances fail, or no longer.
func (f *Fleet) FailLists(fail bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.noLists = fail
}

// Rename makes the fleet another one: it does not know its cursors any more.
func (f *Fleet) Rename(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.name = name
}

// Watches tells how many streams were opened.
func (f *Fleet) Watches() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.watches
}

// Sent tells how many transitions were given to streams, repeats included.
func (f *Fleet) Sent() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.sent
}

func (f *Fleet) cursor(position int) string { return fmt.Sprintf("%s.%d", f.name, position) }

// begin finds the position of a cursor. The caller holds mu.
func (f *Fleet) begin(cursor string) (int, error) {
	if f.failures > 0 {
		f.failures--
		return 0, status.Error(codes.Unavailable, "told to fail")
	}
	if cursor == "" {
		return f.compacted, nil
	}
	number, found := strings.CutPrefix(cursor, f.name+".")
	position, err := strconv.Atoi(number)
	if !found || err != nil || position > len(f.journal) {
		return 0, rpc.Error(codes.InvalidArgument, fleetv1.ErrorReason_ERROR_REASON_INVALID_TOKEN, nil, "not a cursor of this fleet")
	}
	if position < f.compacted {
		return 0, rpc.Error(codes.OutOfRange, fleetv1.ErrorReason_ERROR_REASON_CURSOR_COMPACTED, nil, "too old")
	}
	return position, nil
}

// WatchInstances implements FleetService.
func (f *Fleet) WatchInstances(req *fleetv1.WatchInstancesRequest, stream grpc.ServerStreamingServer[fleetv1.WatchInstancesResponse]) error {
	f.mu.Lock()
	f.watches++
	position, err := f.begin(req.GetCursor())
	f.mu.Unlock()
	if err != nil {
		return err
	}
	for sent := 0; ; {
		f.mu.Lock()
		batch := slices.Clone(f.journal[position:min(len(f.journal), position+f.most)])
		changed, cut := f.changed, f.cutAfter > 0 && sent+len(batch) >= f.cutAfter
		if cut {
			batch = batch[:max(0, min(len(batch), f.cutAfter-sent))]
		}
		position, sent = position+len(batch), sent+len(batch)
		resp := &fleetv1.WatchInstancesResponse{Transitions: batch, Cursor: f.cursor(position), Position: int64(position) + 1, HistoryId: f.name}
		if !f.asOf.IsZero() {
			resp.AsOfTime = timestamppb.New(f.asOf)
		}
		f.sent += len(batch)
		f.mu.Unlock()
		if err := stream.Send(resp); err != nil {
			return err
		}
		if cut {
			return status.Error(codes.Unavailable, "told to break")
		}
		if len(batch) > 0 {
			continue
		}
		select {
		case <-changed:
		case <-stream.Context().Done():
			return stream.Context().Err()
		}
	}
}

// ListInstances implements FleetService.
func (f *Fleet) ListInstances(_ context.Context, req *fleetv1.ListInstancesRequest) (*fleetv1.ListInstancesResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, err := f.begin(""); err != nil {
		return nil, err
	}
	if f.noLists {
		return nil, status.Error(codes.Unavailable, "told to list nothing")
	}
	after, ok := rpc.DecodePageToken("instances", req.GetPageToken())
	if !ok {
		return nil, status.Error(codes.InvalidArgument, "not a token of this list")
	}
	resp := &fleetv1.ListInstancesResponse{Cursor: f.cursor(len(f.journal)), Position: int64(len(f.journal)) + 1, HistoryId: f.name}
	for _, id := range slices.Sorted(maps.Keys(f.live)) {
		if id <= after {
			continue
		}
		if len(resp.GetInstances()) == rpc.PageSize(req.GetPageSize()) {
			resp.NextPageToken = rpc.EncodePageToken("instances", resp.GetInstances()[len(resp.GetInstances())-1].GetInstanceId())
			break
		}
		resp.Instances = append(resp.Instances, proto.CloneOf(f.live[id]))
	}
	return resp, nil
}
