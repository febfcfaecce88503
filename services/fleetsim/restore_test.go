package fleetsim_test

import (
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim"
)

// paused opens a cloud with a clock of its own, which stands still, and a market
// that does.
func paused(t *testing.T, config fleetsim.Config) *cloud {
	t.Helper()
	config.Volatility, config.Origin = still(), origin
	c := start(t, config, true)
	c.must("SimulationService/PauseClock", &fleetv1.PauseClockRequest{})
	return c
}

func (c *cloud) now() time.Time {
	c.t.Helper()
	resp, err := c.simulation.GetClock(c.t.Context(), &fleetv1.GetClockRequest{})
	if err != nil {
		c.t.Fatal(err)
	}
	return resp.GetTime().AsTime()
}

func (c *cloud) advance(req *fleetv1.AdvanceClockRequest) time.Time {
	c.t.Helper()
	resp, err := c.simulation.AdvanceClock(c.t.Context(), req)
	if err != nil {
		c.t.Fatal(err)
	}
	return resp.GetTime().AsTime()
}

func to(at time.Time) *fleetv1.AdvanceClockRequest {
	return &fleetv1.AdvanceClockRequest{Target: &fleetv1.AdvanceClockRequest_To{To: timestamppb.New(at)}}
}

func toEventAfter(at time.Time) *fleetv1.AdvanceClockRequest {
	return &fleetv1.AdvanceClockRequest{Target: &fleetv1.AdvanceClockRequest_ToEventAfter{ToEventAfter: timestamppb.New(at)}}
}

func TestClock_stepsWhileItStands(t *testing.T) {
	c := paused(t, fleetsim.Config{})
	begin := c.now()
	if resp, err := c.simulation.GetClock(t.Context(), &fleetv1.GetClockRequest{}); err != nil || !resp.GetPaused() || resp.GetSpeed() != 1 {
		t.Errorf("%v, %v", resp, err)
	}
	id := c.run(launch("a", 1))[0]
	// Pending, Starting, Running: two events, each found once however often it
	// is asked for.
	first := c.advance(toEventAfter(begin))
	if again := c.advance(toEventAfter(begin)); !first.After(begin) || !again.Equal(first) || !c.now().Equal(first) {
		t.Errorf("from %v to %v, then %v", begin, first, again)
	}
	if i := c.one(id); i.GetStatus() != starting || !i.GetStatusTime().AsTime().Equal(first) {
		t.Errorf("after the first event: %v", i)
	}
	second := c.advance(toEventAfter(first))
	if i := c.one(id); i.GetStatus() != running || !i.GetStartTime().AsTime().Equal(second) {
		t.Errorf("after the second event: %v", i)
	}
	third := c.advance(toEventAfter(second))
	if end := c.one(id).GetProtectionEndTime().AsTime(); !third.Equal(end) {
		t.Errorf("the third event is at %v, the protection ends at %v", third, end)
	}
	if back := c.advance(to(begin)); !back.Equal(third) {
		t.Errorf("a time that has passed moved the clock to %v", back)
	}
	if at := c.advance(to(third.Add(time.Hour))); !at.Equal(third.Add(time.Hour)) {
		t.Errorf("an hour on it is %v", at)
	}
	c.must("SimulationService/PauseClock", &fleetv1.PauseClockRequest{Resume: true})
	if resp, err := c.simulation.GetClock(t.Context(), &fleetv1.GetClockRequest{}); err != nil || resp.GetPaused() {
		t.Errorf("%v, %v", resp, err)
	}
}

func TestWatches_speakWhileTheClockStands(t *testing.T) {
	c := paused(t, fleetsim.Config{})
	stream, err := c.fleet.WatchInstances(t.Context(), &fleetv1.WatchInstancesRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := stream.Recv(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRestore_putsTheOldStateBack holds that a restore brings back all that can
// be seen, and that watchers, cursors and throttles live through it.
func TestRestore_putsTheOldStateBack(t *testing.T) {
	c := paused(t, fleetsim.Config{})
	c.setAccount("other", &fleetv1.AccountSettings{CallsPerSecond: proto.Int32(1000)})
	c.run(launch("a", 3, withDisks(true), func(r *fleetv1.RunInstancesRequest) { r.Tags = map[string]string{"k": "v"} }))
	if _, err := c.fleet.RunInstances(as(t.Context(), "other"), launch("a", 2)); err != nil {
		t.Fatal(err)
	}
	c.advance(to(c.now().Add(time.Minute)))
	c.inject(outage("o", "cn-shenzhen-e"))
	c.must("SimulationService/CreateSnapshot", &fleetv1.CreateSnapshotRequest{SnapshotId: "s"})
	before, taken := c.looks(), c.now()
	_, cursor := c.list(&fleetv1.ListInstancesRequest{})

	c.run(launch("b", 5))
	c.setAccount("third", nil)
	c.clear("o")
	c.advance(to(taken.Add(24 * time.Hour)))
	if _, err := c.fleet.ListZones(as(t.Context(), "other"), &fleetv1.ListZonesRequest{}); err != nil {
		t.Fatal(err)
	}
	stream, err := c.fleet.WatchInstances(t.Context(), &fleetv1.WatchInstancesRequest{Cursor: cursor})
	if err != nil {
		t.Fatal(err)
	}
	restored, err := c.simulation.RestoreSnapshot(t.Context(), &fleetv1.RestoreSnapshotRequest{SnapshotId: "s"})
	if err != nil || !restored.GetSnapshot().GetTime().AsTime().Equal(taken) || restored.GetSnapshot().GetInstances() != 5 {
		t.Fatalf("%v, %v", restored, err)
	}
	unchanged(t, before, c.looks())
	for err == nil {
		_, err = stream.Recv()
	}
	if !rpc.HasReason(err, fleetv1.ErrorReason_ERROR_REASON_CURSOR_COMPACTED) && !rpc.HasReason(err, fleetv1.ErrorReason_ERROR_REASON_INVALID_TOKEN) {
		t.Errorf("the watch from before ended with %v", err)
	}
	old, err := c.fleet.WatchInstances(t.Context(), &fleetv1.WatchInstancesRequest{Cursor: cursor})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := old.Recv(); err == nil {
		t.Error("a cursor from before is taken")
	}
	// The bucket of a throttle goes back with time.
	for range 3 {
		if _, err := c.fleet.ListZones(as(t.Context(), "other"), &fleetv1.ListZonesRequest{}); err != nil {
			t.Errorf("throttled since the restore: %v", err)
		}
	}
	_, err = c.fleet.ListZones(as(t.Context(), "third"), &fleetv1.ListZonesRequest{})
	refused(t, err, codes.Unauthenticated, fleetv1.ErrorReason_ERROR_REASON_ACCOUNT_NOT_FOUND)
}

// looks is the state without what tells histories apart.
func (c *cloud) looks() []proto.Message {
	all := c.state("default", "other")
	for _, m := range all {
		message := m.ProtoReflect()
		for _, name := range []protoreflect.Name{"cursor", "history_id"} {
			if field := message.Descriptor().Fields().ByName(name); field != nil {
				message.Clear(field)
			}
		}
	}
	return all
}
