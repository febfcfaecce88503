package fleetsim_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim"
)

// hostile is strings that have broken parsers, paths, queries and logs before.
var hostile = []string{
	"../../etc/passwd", "'; DROP TABLE instances; --", "i-\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", "\n\r\t", "𝓲-0000000000001",
	"%s%n%d", "{{.}}", "i-zzzzzzzzzzzzz", "d-0000000000001zz", strings.Repeat("\u202e", 40),
}

// scene is a cloud with something of everything, and the ids of what is in it.
type scene struct {
	*cloud
	running, guarded, stopped, foreign string
	system, attached, loose            string
}

func newScene(t *testing.T) *scene {
	s := &scene{cloud: start(t, fleetsim.Config{Volatility: still()}, false)}
	disk := func(keep bool) *fleetv1.DiskRequest {
		return &fleetv1.DiskRequest{Categories: []fleetv1.DiskCategory{fleetv1.DiskCategory_DISK_CATEGORY_CLOUD_ESSD}, SizeGib: 40, KeepAfterRelease: keep}
	}
	s.running = s.run(launch("running", 1, func(r *fleetv1.RunInstancesRequest) {
		r.SystemDisk, r.DataDisks = disk(false), []*fleetv1.DiskRequest{disk(false), disk(true)}
	}))[0]
	s.guarded = s.run(launch("guarded", 1, func(r *fleetv1.RunInstancesRequest) { r.DeletionProtection = true }))[0]
	s.stopped = s.run(launch("stopped", 1, func(r *fleetv1.RunInstancesRequest) {
		r.BillingMethod, r.Tags = payg, map[string]string{}
		for i := range 20 {
			r.Tags[fmt.Sprint("tag", i)] = "x"
		}
	}))[0]
	s.clock.Advance(time.Minute)
	s.must("FleetService/StopInstances", &fleetv1.StopInstancesRequest{
		InstanceIds: []string{s.stopped}, RequestId: "stop", StoppedMode: fleetv1.StoppedMode_STOPPED_MODE_STOP_CHARGING,
	})
	disks, err := s.fleet.ListDisks(t.Context(), &fleetv1.ListDisksRequest{InstanceId: s.running})
	if err != nil || len(disks.GetDisks()) != 3 {
		t.Fatalf("%v, %v", disks, err)
	}
	s.system, s.attached, s.loose = disks.GetDisks()[0].GetDiskId(), disks.GetDisks()[1].GetDiskId(), disks.GetDisks()[2].GetDiskId()
	s.must("FleetService/DetachDisk", &fleetv1.DetachDiskRequest{DiskId: s.loose})
	for _, account := range []string{"other", "poor", "small"} {
		s.must("SimulationService/SetAccount", &fleetv1.SetAccountRequest{AccountId: account})
	}
	resp, err := s.fleet.RunInstances(as(t.Context(), "other"), launch("foreign", 1))
	if err != nil {
		t.Fatal(err)
	}
	s.foreign = resp.GetInstanceIds()[0]
	s.must("SimulationService/SetAccount", &fleetv1.SetAccountRequest{AccountId: "small", Settings: &fleetv1.AccountSettings{SpotVcpuQuota: proto.Int64(1)}})
	s.must("SimulationService/Deposit", &fleetv1.DepositRequest{RequestId: "take", AccountId: "poor", AmountMicros: -1})
	s.must("SimulationService/InjectFault", &fleetv1.InjectFaultRequest{Fault: outage("known", "cn-shenzhen-e")})
	s.clock.Advance(time.Minute)
	return s
}

func (c *cloud) must(name string, req proto.Message) proto.Message {
	c.t.Helper()
	resp, err := c.invoke(c.t.Context(), name, req)
	if err != nil {
		c.t.Fatalf("%s: %v", name, err)
	}
	return resp
}

func outage(id, zone string) *fleetv1.Fault {
	return &fleetv1.Fault{FaultId: id, Effect: &fleetv1.Fault_ZoneOutage{ZoneOutage: &fleetv1.ZoneOutage{ZoneId: zone}}}
}

// badCall is a call that must be refused.
type badCall struct {
	method string
	req    proto.Message
	code   codes.Code
	reason fleetv1.ErrorReason
	as     string // account; empty for the default one
}

// noReason is a refusal that needs no more than its field violations.
const noReason = fleetv1.ErrorReason_ERROR_REASON_UNSPECIFIED

// TestBadInput_changesNothing makes every operation with unknown ids, wrong
// states, passed limits, broken tokens, oversized tags and hostile strings: each
// is refused as the contract says, and nothing changes.
func TestBadInput_changesNothing(t *testing.T) {
	s := newScene(t)
	before := s.state("default", "other")
	seen := map[string]bool{}
	for i, bad := range s.badCalls() {
		seen[bad.method] = true
		t.Run(fmt.Sprintf("%s %d", bad.method, i), func(t *testing.T) {
			ctx := t.Context()
			if bad.as != "" {
				ctx = as(ctx, bad.as)
			}
			_, err := s.invoke(ctx, bad.method, bad.req)
			refused(t, err, bad.code, bad.reason)
			if message := status.Convert(err).Message(); strings.Contains(message, "world.") || strings.Contains(message, "0x") || len(message) > 4000 {
				t.Errorf("the message is not for callers: %s", message)
			}
		})
	}
	unchanged(t, before, s.state("default", "other"))
	for method := range methods(t) {
		if !seen[method] {
			t.Errorf("%s is called with no bad input", method)
		}
	}
}

// TestHostileStrings_areTakenAsText puts hostile strings wherever a request has
// room for any text: they are looked up, not found, or kept as they are.
func TestHostileStrings_areTakenAsText(t *testing.T) {
	s := newScene(t)
	for _, text := range hostile {
		ids := []string{text}
		for method, req := range map[string]proto.Message{
			"FleetService/DeleteInstances":       &fleetv1.DeleteInstancesRequest{InstanceIds: ids},
			"FleetService/DeleteDisk":            &fleetv1.DeleteDiskRequest{DiskId: text},
			"FleetService/ListInstances":         &fleetv1.ListInstancesRequest{InstanceIds: ids, InstanceName: text, ZoneId: text, InstanceType: text, Family: text, Tags: map[string]string{text: text}},
			"FleetService/CountInstances":        &fleetv1.CountInstancesRequest{ZoneId: text, InstanceType: text, Tags: map[string]string{text: text}},
			"FleetService/ListInstanceStatuses":  &fleetv1.ListInstanceStatusesRequest{InstanceIds: ids},
			"FleetService/ListDisks":             &fleetv1.ListDisksRequest{InstanceId: text},
			"FleetService/ListPools":             &fleetv1.ListPoolsRequest{ZoneIds: ids, InstanceTypes: ids},
			"FleetService/ListInstanceTypes":     &fleetv1.ListInstanceTypesRequest{Family: text},
			"SimulationService/FailInstances":    &fleetv1.FailInstancesRequest{Target: &fleetv1.FailInstancesRequest_Instances{Instances: &fleetv1.InstanceIds{InstanceIds: ids}}, Failure: fleetv1.InstanceFailure_INSTANCE_FAILURE_CRASH},
			"SimulationService/ReclaimInstances": &fleetv1.ReclaimInstancesRequest{Target: &fleetv1.ReclaimInstancesRequest_Instances{Instances: &fleetv1.InstanceIds{InstanceIds: ids}}},
			"FleetService/UpdateInstanceTags":    &fleetv1.UpdateInstanceTagsRequest{InstanceIds: []string{s.running}, SetTags: map[string]string{text: text}},
			"FleetService/UpdateInstance":        &fleetv1.UpdateInstanceRequest{InstanceId: s.running, Attributes: &fleetv1.InstanceAttributes{InstanceName: text, Description: text}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"instance_name", "description"}}},
		} {
			if _, err := s.invoke(t.Context(), method, req); err != nil {
				t.Errorf("%s with %q: %v", method, text, err)
			}
		}
		listed, _ := s.list(&fleetv1.ListInstancesRequest{Tags: map[string]string{text: text}})
		if len(listed) != 1 || listed[0].GetInstanceName() != text || listed[0].GetDescription() != text {
			t.Errorf("%q became %v", text, listed)
		}
		s.must("FleetService/UpdateInstanceTags", &fleetv1.UpdateInstanceTagsRequest{InstanceIds: []string{s.running}, RemoveTagKeys: ids})
	}
	if all, _ := s.list(&fleetv1.ListInstancesRequest{}); len(all) != 3 {
		t.Errorf("%d instances are left", len(all))
	}
}

// TestEveryRPC_isServed calls each with a request that its handler gets.
func TestEveryRPC_isServed(t *testing.T) {
	s := newScene(t)
	ids := []string{"i-none"}
	fill := map[string]proto.Message{
		"RunInstances": launch("dry", 1, func(r *fleetv1.RunInstancesRequest) { r.DryRun = true }), "StartInstances": &fleetv1.StartInstancesRequest{InstanceIds: ids},
		"StopInstances": &fleetv1.StopInstancesRequest{InstanceIds: ids}, "RebootInstances": &fleetv1.RebootInstancesRequest{InstanceIds: ids},
		"DeleteInstances": &fleetv1.DeleteInstancesRequest{InstanceIds: ids}, "UpdateInstanceTags": &fleetv1.UpdateInstanceTagsRequest{InstanceIds: ids},
		"UpdateInstance": &fleetv1.UpdateInstanceRequest{InstanceId: "i", Attributes: &fleetv1.InstanceAttributes{}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"description"}}},
		"AttachDisk":     &fleetv1.AttachDiskRequest{DiskId: "d", InstanceId: "i"}, "DetachDisk": &fleetv1.DetachDiskRequest{DiskId: "d"}, "DeleteDisk": &fleetv1.DeleteDiskRequest{DiskId: "d"},
		"ListSpotPrices": &fleetv1.ListSpotPricesRequest{InstanceType: "ecs.c6.large"}, "ListSpotAdvice": &fleetv1.ListSpotAdviceRequest{InstanceTypes: []string{"ecs.c6.large"}},
		"ListStockHistory": &fleetv1.ListStockHistoryRequest{InstanceType: "ecs.c6.large"},
		"SetClockSpeed":    &fleetv1.SetClockSpeedRequest{Speed: 1}, "ReclaimInstances": &fleetv1.ReclaimInstancesRequest{Target: &fleetv1.ReclaimInstancesRequest_Pools{Pools: &fleetv1.PoolSelector{}}},
		"AdvanceClock": &fleetv1.AdvanceClockRequest{Target: &fleetv1.AdvanceClockRequest_To{To: timestamppb.New(origin)}},
		"DrainPools":   &fleetv1.DrainPoolsRequest{Pools: &fleetv1.PoolSelector{}}, "RestorePools": &fleetv1.RestorePoolsRequest{Pools: &fleetv1.PoolSelector{}},
		"FailInstances": &fleetv1.FailInstancesRequest{Target: &fleetv1.FailInstancesRequest_Pools{Pools: &fleetv1.PoolSelector{}}, Failure: fleetv1.InstanceFailure_INSTANCE_FAILURE_RECOVER},
		"InjectFault":   &fleetv1.InjectFaultRequest{Fault: outage("new", "cn-shenzhen-f")}, "SetAccount": &fleetv1.SetAccountRequest{AccountId: "a"},
		"Deposit": &fleetv1.DepositRequest{RequestId: "r", AccountId: "default"}, "CreateSnapshot": &fleetv1.CreateSnapshotRequest{SnapshotId: "s"},
		"RestoreSnapshot": &fleetv1.RestoreSnapshotRequest{SnapshotId: "none"}, "DeleteSnapshot": &fleetv1.DeleteSnapshotRequest{SnapshotId: "none"},
	}
	for name, method := range methods(t) {
		req := fill[string(method.Name())]
		if req == nil {
			req = newRequest(t, method)
		}
		if _, err := s.invoke(t.Context(), name, req); status.Code(err) == codes.Unimplemented || len(rpc.FieldViolations(err)) > 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestUnknownAccount_isRefusedEverywhere holds that no call of an account that
// there is not gets anywhere.
func TestUnknownAccount_isRefusedEverywhere(t *testing.T) {
	s := newScene(t)
	before := s.state("default", "other")
	for _, bad := range s.badCalls() {
		if strings.HasPrefix(bad.method, "SimulationService/") {
			continue
		}
		_, err := s.invoke(as(t.Context(), "nobody"), bad.method, bad.req)
		if code := status.Code(err); code != codes.Unauthenticated && code != codes.InvalidArgument {
			t.Errorf("%s: %v", bad.method, err)
		}
	}
	for _, name := range []string{"nobody", "", strings.Repeat("x", 2000), "default "} {
		_, err := s.fleet.ListZones(as(t.Context(), name), &fleetv1.ListZonesRequest{})
		if name == "default " { // spaces around metadata are not part of it
			continue
		}
		refused(t, err, codes.Unauthenticated, fleetv1.ErrorReason_ERROR_REASON_ACCOUNT_NOT_FOUND)
	}
	unchanged(t, before, s.state("default", "other"))
}

// limits are values just outside of what fields may have.
var (
	longID   = strings.Repeat("i", 65)
	longKey  = strings.Repeat("k", 129)
	hundred1 = func() (ids []string) {
		for i := range 101 {
			ids = append(ids, fmt.Sprint("i-", i))
		}
		return ids
	}()
	tags21 = func() map[string]string {
		tags := map[string]string{}
		for i := range 21 {
			tags[fmt.Sprint(i)] = ""
		}
		return tags
	}()
	farAhead = timestamppb.New(origin.Add(40 * 24 * time.Hour))
	never    = &timestamppb.Timestamp{Seconds: math.MaxInt64}
	year     = durationpb.New(367 * 24 * time.Hour)
)
