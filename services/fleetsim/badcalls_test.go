package fleetsim_test

import (
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

func newRequest(t testing.TB, method protoreflect.MethodDescriptor) proto.Message {
	t.Helper()
	return dynamicpb.NewMessage(method.Input())
}

// Codes and reasons that the tables use, under shorter names.
const (
	invalid  = codes.InvalidArgument
	notFound = codes.NotFound
	failed   = codes.FailedPrecondition
	full     = codes.ResourceExhausted

	badToken    = fleetv1.ErrorReason_ERROR_REASON_INVALID_TOKEN
	unknownPool = fleetv1.ErrorReason_ERROR_REASON_UNKNOWN_POOL
	noInstance  = fleetv1.ErrorReason_ERROR_REASON_INSTANCE_NOT_FOUND
	wrongStatus = fleetv1.ErrorReason_ERROR_REASON_INCORRECT_INSTANCE_STATUS
	mismatch    = fleetv1.ErrorReason_ERROR_REASON_IDEMPOTENT_PARAMETER_MISMATCH
	noDisk      = fleetv1.ErrorReason_ERROR_REASON_DISK_NOT_FOUND
	diskStatus  = fleetv1.ErrorReason_ERROR_REASON_INCORRECT_DISK_STATUS
	notOwnClock = fleetv1.ErrorReason_ERROR_REASON_CLOCK_NOT_OWN
	noAccount   = fleetv1.ErrorReason_ERROR_REASON_ACCOUNT_NOT_FOUND
)

// badCalls is the bad input of every operation.
func (s *scene) badCalls() []badCall {
	all := s.badLaunches()
	all = append(all, s.badPower()...)
	all = append(all, s.badChanges()...)
	all = append(all, s.badLists()...)
	all = append(all, s.badMarket()...)
	all = append(all, s.badSimulation()...)
	return append(all, s.badFaults()...)
}

func (s *scene) badLaunches() []badCall {
	const method = "FleetService/RunInstances"
	type change = func(*fleetv1.RunInstancesRequest)
	with := func(c change) proto.Message { return launch("bad", 1, c) }
	shortage := with(func(r *fleetv1.RunInstancesRequest) {
		r.DataDisks = []*fleetv1.DiskRequest{{Categories: []fleetv1.DiskCategory{fleetv1.DiskCategory_DISK_CATEGORY_UNSPECIFIED}, SizeGib: 40}}
	})
	calls := []badCall{
		{method, with(func(r *fleetv1.RunInstancesRequest) { r.ZoneId = "cn-shenzhen-x" }), invalid, unknownPool, ""},
		{method, with(func(r *fleetv1.RunInstancesRequest) { r.InstanceType = "ecs.none" }), invalid, unknownPool, ""},
		{method, launch("running", 2), invalid, mismatch, ""},
		{method, with(func(r *fleetv1.RunInstancesRequest) { r.MaxPriceMicrosPerHour = 1 }), failed, fleetv1.ErrorReason_ERROR_REASON_PRICE_BELOW_MARKET, ""},
		{method, launch("bad", 1), full, fleetv1.ErrorReason_ERROR_REASON_QUOTA_EXCEEDED, "small"},
		{method, launch("bad", 1), failed, fleetv1.ErrorReason_ERROR_REASON_INSUFFICIENT_BALANCE, "poor"},
		{method, with(func(r *fleetv1.RunInstancesRequest) { r.ZoneId = "cn-shenzhen-e" }), failed, fleetv1.ErrorReason_ERROR_REASON_ZONE_NOT_ON_SALE, ""},
		{method, shortage, invalid, noReason, ""},
	}
	for _, c := range []change{
		func(r *fleetv1.RunInstancesRequest) { r.RequestId = "" },
		func(r *fleetv1.RunInstancesRequest) { r.RequestId = "with space" },
		func(r *fleetv1.RunInstancesRequest) { r.RequestId = "ünicode" },
		func(r *fleetv1.RunInstancesRequest) { r.RequestId = longID },
		func(r *fleetv1.RunInstancesRequest) { r.Amount = 0 },
		func(r *fleetv1.RunInstancesRequest) { r.Amount = 101 },
		func(r *fleetv1.RunInstancesRequest) { r.MinAmount = 2 },
		func(r *fleetv1.RunInstancesRequest) { r.MinAmount = -1 },
		func(r *fleetv1.RunInstancesRequest) { r.BillingMethod = 0 },
		func(r *fleetv1.RunInstancesRequest) { r.BillingMethod = 9 },
		func(r *fleetv1.RunInstancesRequest) { r.MaxPriceMicrosPerHour = -1 },
		func(r *fleetv1.RunInstancesRequest) { r.BillingMethod, r.MaxPriceMicrosPerHour = payg, 1 },
		func(r *fleetv1.RunInstancesRequest) {
			r.BillingMethod, r.InterruptionBehavior = payg, fleetv1.InterruptionBehavior_INTERRUPTION_BEHAVIOR_STOP
		},
		func(r *fleetv1.RunInstancesRequest) { r.Tags = tags21 },
		func(r *fleetv1.RunInstancesRequest) { r.Tags = map[string]string{longKey: ""} },
		func(r *fleetv1.RunInstancesRequest) { r.Tags = map[string]string{"k": longKey} },
		func(r *fleetv1.RunInstancesRequest) { r.Tags = map[string]string{"": "v"} },
		func(r *fleetv1.RunInstancesRequest) { r.InstanceName = longKey },
		func(r *fleetv1.RunInstancesRequest) { r.Description = longKey + longKey },
		func(r *fleetv1.RunInstancesRequest) { r.SystemDisk = &fleetv1.DiskRequest{SizeGib: 40} },
		func(r *fleetv1.RunInstancesRequest) {
			r.SystemDisk = &fleetv1.DiskRequest{Categories: []fleetv1.DiskCategory{1}, SizeGib: 19}
		},
		func(r *fleetv1.RunInstancesRequest) {
			for range 17 {
				r.DataDisks = append(r.DataDisks, &fleetv1.DiskRequest{Categories: []fleetv1.DiskCategory{1}, SizeGib: 20})
			}
		},
	} {
		calls = append(calls, badCall{method, with(c), invalid, noReason, ""})
	}
	return calls
}

func (s *scene) badPower() []badCall {
	const startThem, stopThem, boot, end = "FleetService/StartInstances", "FleetService/StopInstances", "FleetService/RebootInstances", "FleetService/DeleteInstances"
	ids := func(all ...string) []string { return all }
	twice := ids(s.running, s.running)
	return []badCall{
		{startThem, &fleetv1.StartInstancesRequest{InstanceIds: ids(s.stopped, "i-none")}, notFound, noInstance, ""},
		{startThem, &fleetv1.StartInstancesRequest{InstanceIds: ids(s.stopped, s.running)}, failed, wrongStatus, ""},
		{startThem, &fleetv1.StartInstancesRequest{InstanceIds: ids(s.stopped, s.foreign)}, notFound, noInstance, ""},
		{startThem, &fleetv1.StartInstancesRequest{InstanceIds: ids(s.stopped), RequestId: "with space"}, invalid, noReason, ""},
		{startThem, &fleetv1.StartInstancesRequest{InstanceIds: ids(s.stopped), RequestId: "r", BestEffort: true}, invalid, noReason, ""},
		{startThem, &fleetv1.StartInstancesRequest{}, invalid, noReason, ""},
		{startThem, &fleetv1.StartInstancesRequest{InstanceIds: hundred1}, invalid, noReason, ""},
		{startThem, &fleetv1.StartInstancesRequest{InstanceIds: twice}, invalid, noReason, ""},
		{stopThem, &fleetv1.StopInstancesRequest{InstanceIds: ids(s.running, "i-none")}, notFound, noInstance, ""},
		{stopThem, &fleetv1.StopInstancesRequest{InstanceIds: ids(s.running, s.foreign)}, notFound, noInstance, ""},
		{stopThem, &fleetv1.StopInstancesRequest{InstanceIds: ids(s.running, s.stopped)}, failed, wrongStatus, ""},
		{stopThem, &fleetv1.StopInstancesRequest{InstanceIds: ids(s.running), RequestId: "stop", StoppedMode: fleetv1.StoppedMode_STOPPED_MODE_STOP_CHARGING}, invalid, mismatch, ""},
		{stopThem, &fleetv1.StopInstancesRequest{InstanceIds: ids(s.stopped), RequestId: "stop", StoppedMode: fleetv1.StoppedMode_STOPPED_MODE_KEEP_CHARGING}, invalid, mismatch, ""},
		{stopThem, &fleetv1.StopInstancesRequest{InstanceIds: ids(s.running), StoppedMode: 9}, invalid, noReason, ""},
		{stopThem, &fleetv1.StopInstancesRequest{InstanceIds: ids("")}, invalid, noReason, ""},
		{boot, &fleetv1.RebootInstancesRequest{InstanceIds: ids(s.running, "i-none")}, notFound, noInstance, ""},
		{boot, &fleetv1.RebootInstancesRequest{InstanceIds: ids(s.running, s.stopped)}, failed, wrongStatus, ""},
		{boot, &fleetv1.RebootInstancesRequest{InstanceIds: ids(longID)}, invalid, noReason, ""},
		{end, &fleetv1.DeleteInstancesRequest{InstanceIds: ids(s.running, s.guarded)}, failed, fleetv1.ErrorReason_ERROR_REASON_DELETION_PROTECTED, ""},
		{end, &fleetv1.DeleteInstancesRequest{InstanceIds: ids(s.stopped, s.running), OnlyStopped: true}, failed, wrongStatus, ""},
		{end, &fleetv1.DeleteInstancesRequest{InstanceIds: hundred1}, invalid, noReason, ""},
		{end, &fleetv1.DeleteInstancesRequest{InstanceIds: twice}, invalid, noReason, ""},
	}
}

func (s *scene) badChanges() []badCall {
	const tag, update = "FleetService/UpdateInstanceTags", "FleetService/UpdateInstance"
	const attach, detach, drop = "FleetService/AttachDisk", "FleetService/DetachDisk", "FleetService/DeleteDisk"
	one, set := []string{s.running}, map[string]string{"k": "v"}
	masked := func(id string, paths ...string) proto.Message {
		return &fleetv1.UpdateInstanceRequest{
			InstanceId: id, Attributes: &fleetv1.InstanceAttributes{InstanceName: "new"}, UpdateMask: &fieldmaskpb.FieldMask{Paths: paths},
		}
	}
	return []badCall{
		{tag, &fleetv1.UpdateInstanceTagsRequest{InstanceIds: []string{s.running, "i-none"}, SetTags: set}, notFound, noInstance, ""},
		{tag, &fleetv1.UpdateInstanceTagsRequest{InstanceIds: []string{s.running, s.foreign}, SetTags: set}, notFound, noInstance, ""},
		{tag, &fleetv1.UpdateInstanceTagsRequest{InstanceIds: []string{s.running, s.stopped}, SetTags: set}, invalid, noReason, ""},
		{tag, &fleetv1.UpdateInstanceTagsRequest{InstanceIds: one, SetTags: tags21}, invalid, noReason, ""},
		{tag, &fleetv1.UpdateInstanceTagsRequest{InstanceIds: one, SetTags: map[string]string{longKey: longKey}}, invalid, noReason, ""},
		{tag, &fleetv1.UpdateInstanceTagsRequest{InstanceIds: one, RemoveTagKeys: []string{"a", "a"}}, invalid, noReason, ""},
		{update, masked("i-none", "instance_name"), notFound, noInstance, ""},
		{update, masked(s.foreign, "instance_name"), notFound, noInstance, ""},
		{update, masked(s.running, "instance_name", "instance_type"), invalid, fleetv1.ErrorReason_ERROR_REASON_IMMUTABLE_FIELD, ""},
		{update, masked(s.running, "billing_method"), invalid, fleetv1.ErrorReason_ERROR_REASON_IMMUTABLE_FIELD, ""},
		{update, masked(s.running, "interruption_behavior"), invalid, fleetv1.ErrorReason_ERROR_REASON_IMMUTABLE_FIELD, ""},
		{update, masked(s.running, "no_such_field", hostile[1]), invalid, noReason, ""},
		{update, masked(s.running), invalid, noReason, ""},
		{update, &fleetv1.UpdateInstanceRequest{InstanceId: s.running, Attributes: &fleetv1.InstanceAttributes{InstanceName: longKey}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"instance_name"}}}, invalid, noReason, ""},
		{update, &fleetv1.UpdateInstanceRequest{InstanceId: s.running}, invalid, noReason, ""},
		{attach, &fleetv1.AttachDiskRequest{DiskId: "d-none", InstanceId: s.running}, notFound, noDisk, ""},
		{attach, &fleetv1.AttachDiskRequest{DiskId: s.loose, InstanceId: "i-none"}, notFound, noInstance, ""},
		{attach, &fleetv1.AttachDiskRequest{DiskId: s.loose, InstanceId: s.foreign}, notFound, noInstance, ""},
		{attach, &fleetv1.AttachDiskRequest{DiskId: s.loose, InstanceId: s.foreign}, notFound, noDisk, "other"},
		{attach, &fleetv1.AttachDiskRequest{DiskId: s.attached, InstanceId: s.guarded}, failed, diskStatus, ""},
		{attach, &fleetv1.AttachDiskRequest{DiskId: s.loose}, invalid, noReason, ""},
		{detach, &fleetv1.DetachDiskRequest{DiskId: s.system}, failed, diskStatus, ""},
		{detach, &fleetv1.DetachDiskRequest{DiskId: hostile[2]}, notFound, noDisk, ""},
		{detach, &fleetv1.DetachDiskRequest{DiskId: s.attached}, notFound, noDisk, "other"},
		{detach, &fleetv1.DetachDiskRequest{DiskId: longID}, invalid, noReason, ""},
		{drop, &fleetv1.DeleteDiskRequest{DiskId: s.attached}, failed, diskStatus, ""},
		{drop, &fleetv1.DeleteDiskRequest{}, invalid, noReason, ""},
	}
}

func (s *scene) badLists() []badCall {
	calls := []badCall{
		{"FleetService/ListInstances", &fleetv1.ListInstancesRequest{PageSize: 251}, invalid, noReason, ""},
		{"FleetService/ListInstances", &fleetv1.ListInstancesRequest{InstanceIds: hundred1}, invalid, noReason, ""},
		{"FleetService/ListInstances", &fleetv1.ListInstancesRequest{Tags: tags21}, invalid, noReason, ""},
		{"FleetService/ListInstances", &fleetv1.ListInstancesRequest{Statuses: []fleetv1.InstanceStatus{3, 3}}, invalid, noReason, ""},
		{"FleetService/ListInstances", &fleetv1.ListInstancesRequest{OperationLock: 9}, invalid, noReason, ""},
		{"FleetService/CountInstances", &fleetv1.CountInstancesRequest{BillingMethod: 9}, invalid, noReason, ""},
		{"FleetService/CountInstances", &fleetv1.CountInstancesRequest{Tags: map[string]string{"": ""}}, invalid, noReason, ""},
		{"FleetService/ListInstanceStatuses", &fleetv1.ListInstanceStatusesRequest{Health: 99}, invalid, noReason, ""},
		{"FleetService/ListDisks", &fleetv1.ListDisksRequest{PageSize: -1}, invalid, noReason, ""},
		{"FleetService/ListPools", &fleetv1.ListPoolsRequest{ZoneIds: []string{""}}, invalid, noReason, ""},
		{"FleetService/WatchInstances", &fleetv1.WatchInstancesRequest{Cursor: "garbage"}, invalid, badToken, ""},
		{"FleetService/WatchInstances", &fleetv1.WatchInstancesRequest{Tags: tags21}, invalid, noReason, ""},
		{"FleetService/WatchInstances", &fleetv1.WatchInstancesRequest{}, codes.Unauthenticated, noAccount, "nobody"},
		{"FleetService/WatchPools", &fleetv1.WatchPoolsRequest{}, codes.Unauthenticated, noAccount, "nobody"},
		{"FleetService/ListRegions", &fleetv1.ListRegionsRequest{}, codes.Unauthenticated, noAccount, "nobody"},
		{"FleetService/ListZones", &fleetv1.ListZonesRequest{}, codes.Unauthenticated, noAccount, hostile[0]},
	}
	for _, token := range []string{"garbage", "!", rpc.EncodePageToken("fleet.other", "i-0000000000001"), rpc.EncodePageToken("fleet.disks", hostile[2]), rpc.EncodePageToken("fleet.pools", "a b c"), rpc.EncodePageToken("fleet.instances", "i-none"), rpc.EncodePageToken("fleet.instance_statuses", "d-00000000000010")} {
		calls = append(calls,
			badCall{"FleetService/ListInstances", &fleetv1.ListInstancesRequest{PageToken: token}, invalid, badToken, ""},
			badCall{"FleetService/ListInstanceStatuses", &fleetv1.ListInstanceStatusesRequest{PageToken: token}, invalid, badToken, ""},
			badCall{"FleetService/ListDisks", &fleetv1.ListDisksRequest{PageToken: token}, invalid, badToken, ""},
			badCall{"FleetService/ListPools", &fleetv1.ListPoolsRequest{PageToken: token}, invalid, badToken, ""},
			badCall{"FleetService/ListInstanceTypes", &fleetv1.ListInstanceTypesRequest{PageToken: token}, invalid, badToken, ""},
			badCall{"FleetService/ListSpotPrices", &fleetv1.ListSpotPricesRequest{InstanceType: "ecs.c6.large", PageToken: token}, invalid, badToken, ""},
			badCall{"SimulationService/ListStockHistory", &fleetv1.ListStockHistoryRequest{InstanceType: "ecs.c6.large", PageToken: token}, invalid, badToken, ""},
		)
	}
	return calls
}

func (s *scene) badMarket() []badCall {
	const prices, advice, bill = "FleetService/ListSpotPrices", "FleetService/ListSpotAdvice", "BillingService/GetBill"
	const stocks = "SimulationService/ListStockHistory"
	at := func(d time.Duration) *timestamppb.Timestamp { return timestamppb.New(origin.Add(d)) }
	future := rpc.EncodePageToken("fleet.spot_prices", "cn-shenzhen-d 1 1 2000000000000000000")
	of := func(id string) proto.Message {
		return &fleetv1.GetBillRequest{Subject: &fleetv1.GetBillRequest_InstanceId{InstanceId: id}}
	}
	pool := func(zone string, billing fleetv1.BillingMethod) proto.Message {
		return &fleetv1.GetBillRequest{Subject: &fleetv1.GetBillRequest_Pool{Pool: &fleetv1.BilledPool{ZoneId: zone, InstanceType: "ecs.c6.large", BillingMethod: billing}}}
	}
	return []badCall{
		{stocks, &fleetv1.ListStockHistoryRequest{}, invalid, noReason, ""},
		{stocks, &fleetv1.ListStockHistoryRequest{InstanceType: "ecs.none"}, invalid, unknownPool, ""},
		{stocks, &fleetv1.ListStockHistoryRequest{InstanceType: "ecs.c6.large", ZoneIds: []string{hostile[1]}}, invalid, unknownPool, ""},
		{stocks, &fleetv1.ListStockHistoryRequest{InstanceType: "ecs.c6.large", EndTime: at(time.Hour)}, invalid, noReason, ""},
		{stocks, &fleetv1.ListStockHistoryRequest{InstanceType: "ecs.c6.large", StartTime: at(-31 * 24 * time.Hour)}, invalid, noReason, ""},
		{stocks, &fleetv1.ListStockHistoryRequest{InstanceType: "ecs.c6.large", PageToken: future}, invalid, badToken, ""}, // one of prices
		{stocks, &fleetv1.ListStockHistoryRequest{InstanceType: "ecs.c6.large", PageSize: 1001}, invalid, noReason, ""},
		{prices, &fleetv1.ListSpotPricesRequest{InstanceType: "ecs.none"}, invalid, unknownPool, ""},
		{prices, &fleetv1.ListSpotPricesRequest{InstanceType: "ecs.c6.large", ZoneIds: []string{"cn-shenzhen-d", hostile[1]}}, invalid, unknownPool, ""},
		{prices, &fleetv1.ListSpotPricesRequest{InstanceType: "ecs.t6-c1m1.large", ZoneIds: []string{"cn-shenzhen-c"}}, invalid, unknownPool, ""},
		{prices, &fleetv1.ListSpotPricesRequest{InstanceType: "ecs.c6.large", EndTime: at(time.Hour)}, invalid, noReason, ""},
		{prices, &fleetv1.ListSpotPricesRequest{InstanceType: "ecs.c6.large", StartTime: at(-31 * 24 * time.Hour)}, invalid, noReason, ""},
		{prices, &fleetv1.ListSpotPricesRequest{InstanceType: "ecs.c6.large", StartTime: at(0), EndTime: at(-time.Hour)}, invalid, noReason, ""},
		{prices, &fleetv1.ListSpotPricesRequest{InstanceType: "ecs.c6.large", EndTime: never}, invalid, noReason, ""},
		{prices, &fleetv1.ListSpotPricesRequest{InstanceType: "ecs.c6.large", StartTime: &timestamppb.Timestamp{Seconds: 1, Nanos: -1}}, invalid, noReason, ""},
		{prices, &fleetv1.ListSpotPricesRequest{InstanceType: "ecs.c6.large", PageToken: future}, invalid, badToken, ""},
		{prices, &fleetv1.ListSpotPricesRequest{InstanceType: "ecs.c6.large", PageSize: 1001}, invalid, noReason, ""},
		{advice, &fleetv1.ListSpotAdviceRequest{InstanceTypes: []string{"ecs.none"}}, invalid, unknownPool, ""},
		{advice, &fleetv1.ListSpotAdviceRequest{InstanceTypes: []string{"ecs.c6.large"}, ZoneId: "cn-shenzhen-x"}, invalid, unknownPool, ""},
		{advice, &fleetv1.ListSpotAdviceRequest{InstanceTypes: []string{"ecs.t6-c1m1.large"}, ZoneId: "cn-shenzhen-c"}, invalid, unknownPool, ""},
		{advice, &fleetv1.ListSpotAdviceRequest{}, invalid, noReason, ""},
		{bill, of("i-none"), notFound, noInstance, ""},
		{bill, of(s.foreign), notFound, noInstance, ""},
		{bill, of(longID), invalid, noReason, ""},
		{bill, pool("cn-shenzhen-x", spot), invalid, unknownPool, ""},
		{bill, pool("cn-shenzhen-d", 0), invalid, noReason, ""},
		{bill, &fleetv1.GetBillRequest{Subject: &fleetv1.GetBillRequest_Tag{Tag: &fleetv1.BilledTag{Key: hostile[1]}}}, failed, fleetv1.ErrorReason_ERROR_REASON_NOT_A_COST_TAG, ""},
		{"BillingService/GetAccount", &fleetv1.GetAccountRequest{}, codes.Unauthenticated, noAccount, "nobody"},
	}
}

func (s *scene) badSimulation() []badCall {
	const reclaim, fail = "SimulationService/ReclaimInstances", "SimulationService/FailInstances"
	nowhere := &fleetv1.PoolSelector{ZoneId: "cn-shenzhen-d", InstanceType: hostile[1]}
	crash := fleetv1.InstanceFailure_INSTANCE_FAILURE_CRASH
	named := &fleetv1.FailInstancesRequest_Instances{Instances: &fleetv1.InstanceIds{InstanceIds: []string{s.running}}}
	const snapshot = "../escape"
	return []badCall{
		{reclaim, &fleetv1.ReclaimInstancesRequest{}, invalid, noReason, ""},
		{reclaim, &fleetv1.ReclaimInstancesRequest{Target: &fleetv1.ReclaimInstancesRequest_Pools{Pools: nowhere}}, invalid, unknownPool, ""},
		{reclaim, &fleetv1.ReclaimInstancesRequest{Target: &fleetv1.ReclaimInstancesRequest_Instances{Instances: &fleetv1.InstanceIds{InstanceIds: hundred1}}}, invalid, noReason, ""},
		{fail, &fleetv1.FailInstancesRequest{Failure: crash}, invalid, noReason, ""},
		{fail, &fleetv1.FailInstancesRequest{Target: named}, invalid, noReason, ""},
		{fail, &fleetv1.FailInstancesRequest{Target: named, Failure: 9}, invalid, noReason, ""},
		{fail, &fleetv1.FailInstancesRequest{Target: named, Failure: crash, MaxInstances: -1}, invalid, noReason, ""},
		{fail, &fleetv1.FailInstancesRequest{Target: &fleetv1.FailInstancesRequest_Pools{Pools: nowhere}, Failure: crash}, invalid, unknownPool, ""},
		{"SimulationService/DrainPools", &fleetv1.DrainPoolsRequest{}, invalid, noReason, ""},
		{"SimulationService/DrainPools", &fleetv1.DrainPoolsRequest{Pools: nowhere}, invalid, unknownPool, ""},
		{"SimulationService/RestorePools", &fleetv1.RestorePoolsRequest{Pools: nowhere}, invalid, unknownPool, ""},
		{"SimulationService/SetClockSpeed", &fleetv1.SetClockSpeedRequest{Speed: 0}, invalid, noReason, ""},
		{"SimulationService/SetClockSpeed", &fleetv1.SetClockSpeedRequest{Speed: 2}, failed, notOwnClock, ""},
		{"SimulationService/PauseClock", &fleetv1.PauseClockRequest{}, failed, notOwnClock, ""},
		{"SimulationService/AdvanceClock", &fleetv1.AdvanceClockRequest{}, invalid, noReason, ""},
		{"SimulationService/AdvanceClock", &fleetv1.AdvanceClockRequest{Target: &fleetv1.AdvanceClockRequest_To{To: farAhead}}, invalid, noReason, ""},
		{"SimulationService/AdvanceClock", &fleetv1.AdvanceClockRequest{Target: &fleetv1.AdvanceClockRequest_To{To: never}}, invalid, noReason, ""},
		{"SimulationService/AdvanceClock", &fleetv1.AdvanceClockRequest{Target: &fleetv1.AdvanceClockRequest_ToEventAfter{ToEventAfter: timestamppb.New(origin)}}, failed, notOwnClock, ""},
		{"SimulationService/SetAccount", &fleetv1.SetAccountRequest{AccountId: hostile[0]}, invalid, noReason, ""},
		{"SimulationService/SetAccount", &fleetv1.SetAccountRequest{AccountId: "other", Settings: &fleetv1.AccountSettings{SpotVcpuQuota: proto.Int64(-1)}}, invalid, noReason, ""},
		{"SimulationService/SetAccount", &fleetv1.SetAccountRequest{AccountId: "other", Settings: &fleetv1.AccountSettings{CallsPerSecond: proto.Int32(0)}}, invalid, noReason, ""},
		{"SimulationService/Deposit", &fleetv1.DepositRequest{RequestId: "r", AccountId: "nobody", AmountMicros: 1}, notFound, noAccount, ""},
		{"SimulationService/Deposit", &fleetv1.DepositRequest{RequestId: "take", AccountId: "poor", AmountMicros: 5}, invalid, mismatch, ""},
		{"SimulationService/Deposit", &fleetv1.DepositRequest{RequestId: "r", AccountId: "poor", AmountMicros: 1_000_000_000_000_001}, invalid, noReason, ""},
		{"SimulationService/Deposit", &fleetv1.DepositRequest{AccountId: "poor", AmountMicros: 1}, invalid, noReason, ""},
		{"SimulationService/CreateSnapshot", &fleetv1.CreateSnapshotRequest{SnapshotId: snapshot}, invalid, noReason, ""},
		{"SimulationService/RestoreSnapshot", &fleetv1.RestoreSnapshotRequest{SnapshotId: snapshot}, invalid, noReason, ""},
		{"SimulationService/RestoreSnapshot", &fleetv1.RestoreSnapshotRequest{SnapshotId: "none"}, notFound, fleetv1.ErrorReason_ERROR_REASON_SNAPSHOT_NOT_FOUND, ""},
		{"SimulationService/DeleteSnapshot", &fleetv1.DeleteSnapshotRequest{SnapshotId: snapshot}, invalid, noReason, ""},
	}
}

func (s *scene) badFaults() []badCall {
	const inject = "SimulationService/InjectFault"
	fault := func(change func(*fleetv1.Fault)) proto.Message {
		f := outage("new", "cn-shenzhen-d")
		change(f)
		return &fleetv1.InjectFaultRequest{Fault: f}
	}
	shock := func(zone string, permille int32) func(*fleetv1.Fault) {
		return func(f *fleetv1.Fault) {
			f.Effect = &fleetv1.Fault_PriceShock{PriceShock: &fleetv1.PriceShock{Pools: &fleetv1.PoolSelector{ZoneId: zone}, FactorPermille: permille}}
		}
	}
	calls := func(trouble *fleetv1.CallTrouble) proto.Message {
		return fault(func(f *fleetv1.Fault) { f.Effect = &fleetv1.Fault_CallTrouble{CallTrouble: trouble} })
	}
	bad := []badCall{
		{inject, fault(func(f *fleetv1.Fault) { f.FaultId = "known" }), codes.AlreadyExists, fleetv1.ErrorReason_ERROR_REASON_FAULT_EXISTS, ""},
		{inject, fault(func(f *fleetv1.Fault) { f.Effect = outage("", "cn-shenzhen-x").GetEffect() }), invalid, unknownPool, ""},
		{inject, fault(shock("cn-shenzhen-x", 2000)), invalid, unknownPool, ""},
		{inject, fault(func(f *fleetv1.Fault) {
			f.Effect = &fleetv1.Fault_SlowLaunch{SlowLaunch: &fleetv1.SlowLaunch{Pools: &fleetv1.PoolSelector{InstanceType: "none"}, FactorPermille: 2000}}
		}), invalid, unknownPool, ""},
		{inject, fault(func(f *fleetv1.Fault) {
			f.Effect = &fleetv1.Fault_LaunchRefusal{LaunchRefusal: &fleetv1.LaunchRefusal{Pools: &fleetv1.PoolSelector{InstanceType: "none"}, Reason: 1}}
		}), invalid, unknownPool, ""},
		{inject, fault(func(f *fleetv1.Fault) {
			f.Effect = &fleetv1.Fault_DiskShortage{DiskShortage: &fleetv1.DiskShortage{ZoneId: "none", Category: 1}}
		}), invalid, unknownPool, ""},
		{"SimulationService/ClearFaults", &fleetv1.ClearFaultsRequest{FaultIds: []string{"known", "none"}}, notFound, fleetv1.ErrorReason_ERROR_REASON_FAULT_NOT_FOUND, ""},
		{"SimulationService/ClearFaults", &fleetv1.ClearFaultsRequest{FaultIds: []string{"known", "known"}}, invalid, noReason, ""},
	}
	for _, req := range []proto.Message{
		&fleetv1.InjectFaultRequest{}, fault(func(f *fleetv1.Fault) { f.Effect = nil }), fault(func(f *fleetv1.Fault) { f.FaultId = hostile[0] }),
		fault(func(f *fleetv1.Fault) { f.Duration = year }), fault(func(f *fleetv1.Fault) { f.Duration = durationpb.New(-time.Second) }),
		fault(shock("", 0)), fault(shock("", 100_001)),
		calls(&fleetv1.CallTrouble{SharePermille: 1001}), calls(&fleetv1.CallTrouble{SharePermille: 1, Outcome: 99}),
		calls(&fleetv1.CallTrouble{SharePermille: 1, Methods: []string{"a b"}}),
		calls(&fleetv1.CallTrouble{SharePermille: 1, Methods: []string{"ListZones", "RunInstance"}, Outcome: 1}),
		calls(&fleetv1.CallTrouble{SharePermille: 1, Methods: []string{"WatchPools"}, Outcome: 1}),
		calls(&fleetv1.CallTrouble{SharePermille: 1, MaxCalls: 1}),
		fault(func(f *fleetv1.Fault) {
			f.Effect = &fleetv1.Fault_StreamTrouble{StreamTrouble: &fleetv1.StreamTrouble{}}
		}),
		calls(&fleetv1.CallTrouble{SharePermille: 1, Latency: durationpb.New(time.Hour)}),
		fault(func(f *fleetv1.Fault) {
			f.Effect = &fleetv1.Fault_StreamTrouble{StreamTrouble: &fleetv1.StreamTrouble{DuplicatePermille: 1001}}
		}),
		fault(func(f *fleetv1.Fault) {
			f.Effect = &fleetv1.Fault_LaunchRefusal{LaunchRefusal: &fleetv1.LaunchRefusal{Pools: &fleetv1.PoolSelector{}, Reason: 6}}
		}),
	} {
		bad = append(bad, badCall{inject, req, invalid, noReason, ""})
	}
	// What takes no input, or can be given none that is bad, must take it calmly.
	return append(bad, s.unbreakable()...)
}

// unbreakable is calls of what has no bad input: they are answered.
func (s *scene) unbreakable() []badCall {
	return []badCall{
		{"SimulationService/GetClock", &fleetv1.GetClockRequest{}, codes.OK, noReason, ""},
		{"SimulationService/WatchClock", &fleetv1.WatchClockRequest{}, codes.OK, noReason, ""},
		{"SimulationService/ListFaults", &fleetv1.ListFaultsRequest{}, codes.OK, noReason, "nobody"},
		{"SimulationService/ListAccounts", &fleetv1.ListAccountsRequest{}, codes.OK, noReason, "nobody"},
		{"SimulationService/GetScenario", &fleetv1.GetScenarioRequest{}, codes.OK, noReason, ""},
		{"SimulationService/ListSnapshots", &fleetv1.ListSnapshotsRequest{}, codes.OK, noReason, ""},
		{"SimulationService/Audit", &fleetv1.AuditRequest{}, codes.OK, noReason, ""},
	}
}
