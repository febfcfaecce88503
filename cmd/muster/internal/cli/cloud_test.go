package cli

import (
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
)

// at is a time on the day of the tests, in hours and minutes.
func at(hour, minute int) *timestamppb.Timestamp {
	return timestamppb.New(time.Date(2026, 3, 1, hour, minute, 0, 0, time.UTC))
}

func spotInstance() *fleetv1.Instance {
	return &fleetv1.Instance{
		InstanceId: "i-001", AccountId: "default", ZoneId: "cn-shenzhen-d", InstanceType: "ecs.c6.large",
		BillingMethod: fleetv1.BillingMethod_BILLING_METHOD_SPOT, Status: fleetv1.InstanceStatus_INSTANCE_STATUS_RUNNING,
		Tags: map[string]string{"team": "web", "env": "test"}, PriceMicrosPerHour: 78_000, MaxPriceMicrosPerHour: 350_000,
		CreateTime: at(8, 0), StartTime: at(8, 1), StatusTime: at(8, 1), ProtectionEndTime: at(9, 0), InterruptionNoticeTime: at(10, 0), ReleaseTime: at(10, 5),
		TransitionNumber: 4, InstanceName: "web", Description: "the shop", DeletionProtection: true,
		InterruptionBehavior: fleetv1.InterruptionBehavior_INTERRUPTION_BEHAVIOR_STOP, Health: fleetv1.InstanceHealth_INSTANCE_HEALTH_OK,
		OperationLocks: []fleetv1.OperationLock{fleetv1.OperationLock_OPERATION_LOCK_RECYCLING}, Disks: []*fleetv1.Disk{systemDisk(), keptDisk()},
	}
}

func stoppedInstance() *fleetv1.Instance {
	return &fleetv1.Instance{
		InstanceId: "i-002", AccountId: "default", ZoneId: "cn-shenzhen-e", InstanceType: "ecs.g6.xlarge",
		BillingMethod: fleetv1.BillingMethod_BILLING_METHOD_PAY_AS_YOU_GO, Status: fleetv1.InstanceStatus_INSTANCE_STATUS_STOPPED,
		PriceMicrosPerHour: 0, CreateTime: at(7, 0), StartTime: at(7, 1), StatusTime: at(9, 30), TransitionNumber: 5,
		StoppedMode: fleetv1.StoppedMode_STOPPED_MODE_STOP_CHARGING, Health: fleetv1.InstanceHealth_INSTANCE_HEALTH_NOT_APPLICABLE,
	}
}

func systemDisk() *fleetv1.Disk {
	return &fleetv1.Disk{
		DiskId: "d-001", ZoneId: "cn-shenzhen-d", Category: fleetv1.DiskCategory_DISK_CATEGORY_CLOUD_ESSD, SizeGib: 40, InstanceId: "i-001",
		System: true, CreateTime: at(8, 0), PriceMicrosPerHour: 55_555,
	}
}

func keptDisk() *fleetv1.Disk {
	return &fleetv1.Disk{
		DiskId: "d-002", ZoneId: "cn-shenzhen-d", Category: fleetv1.DiskCategory_DISK_CATEGORY_CLOUD_SSD, SizeGib: 100, KeepAfterRelease: true,
		CreateTime: at(8, 0), PriceMicrosPerHour: 139_000,
	}
}

func owingAccount() *fleetv1.Account {
	return &fleetv1.Account{
		AccountId: "acme", Settings: &fleetv1.AccountSettings{SpotVcpuQuota: proto.Int64(200), CallsPerSecond: proto.Int32(10)},
		BalanceMicros: proto.Int64(-1_500_000), Overdue: true, ChargedMicros: 101_500_000, PayAsYouGoVcpus: 8, SpotVcpus: 16, Instances: 6,
		CostTagKeys: []string{"team", "group"},
	}
}

func freeAccount() *fleetv1.Account { return &fleetv1.Account{AccountId: "default"} }

// spotPool is a pool of the type of the tests, at a price.
func spotPool(zone string, micros int64, available int32) *fleetv1.Pool {
	return &fleetv1.Pool{
		ZoneId: zone, InstanceType: "ecs.c6.large", BillingMethod: fleetv1.BillingMethod_BILLING_METHOD_SPOT, PriceMicrosPerHour: micros,
		PayAsYouGoPriceMicrosPerHour: 390_000, StockStatus: fleetv1.StockStatus_STOCK_STATUS_WITH_STOCK, AvailableInstances: &available,
	}
}

// rated gives a pool an interruption rate.
func rated(pool *fleetv1.Pool, permille int32) *fleetv1.Pool {
	pool.InterruptionPermille = &permille
	return pool
}

func spotPrice(zone string, time *timestamppb.Timestamp, micros int64) *fleetv1.SpotPrice {
	return &fleetv1.SpotPrice{ZoneId: zone, Time: time, PriceMicrosPerHour: micros, PayAsYouGoPriceMicrosPerHour: 390_000}
}

// aFault is a fault with an effect, an hour long.
func aFault(fault *fleetv1.Fault) *fleetv1.Fault {
	fault.StartTime, fault.EndTime, fault.Duration = at(12, 0), at(13, 0), durationpb.New(time.Hour)
	return fault
}

func allFaults() []*fleetv1.Fault {
	pools := &fleetv1.PoolSelector{ZoneId: "cn-shenzhen-d", BillingMethod: fleetv1.BillingMethod_BILLING_METHOD_SPOT}
	return []*fleetv1.Fault{
		aFault(&fleetv1.Fault{FaultId: "f-1", Effect: &fleetv1.Fault_PriceShock{PriceShock: &fleetv1.PriceShock{Pools: &fleetv1.PoolSelector{}, FactorPermille: 2_500}}}),
		{FaultId: "f-2", StartTime: at(12, 0), Effect: &fleetv1.Fault_ZoneOutage{ZoneOutage: &fleetv1.ZoneOutage{ZoneId: "cn-shenzhen-d"}}},
		aFault(&fleetv1.Fault{FaultId: "f-3", Effect: &fleetv1.Fault_SlowLaunch{SlowLaunch: &fleetv1.SlowLaunch{Pools: pools, FactorPermille: 10_000}}}),
		aFault(&fleetv1.Fault{FaultId: "f-4", Effect: &fleetv1.Fault_LaunchRefusal{LaunchRefusal: &fleetv1.LaunchRefusal{
			Pools: pools, Reason: fleetv1.ErrorReason_ERROR_REASON_QUOTA_EXCEEDED}}}),
		aFault(&fleetv1.Fault{FaultId: "f-5", Effect: &fleetv1.Fault_DiskShortage{DiskShortage: &fleetv1.DiskShortage{
			Category: fleetv1.DiskCategory_DISK_CATEGORY_CLOUD_ESSD}}}),
		aFault(&fleetv1.Fault{FaultId: "f-6", Effect: &fleetv1.Fault_CallTrouble{CallTrouble: &fleetv1.CallTrouble{
			Methods: []string{"RunInstances"}, SharePermille: 125, Latency: durationpb.New(90 * time.Second),
			Outcome: fleetv1.CallOutcome_CALL_OUTCOME_UNAVAILABLE_AFTER, MaxCalls: 3}}}),
		aFault(&fleetv1.Fault{FaultId: "f-7", Effect: &fleetv1.Fault_StreamTrouble{StreamTrouble: &fleetv1.StreamTrouble{
			DuplicatePermille: 5, Delay: durationpb.New(2 * time.Second)}}}),
	}
}

// refusal is an error of the cloud.
func refusal(code codes.Code, reason rpc.Reason, values map[string]string, message string) reply {
	return refuse(rpc.Error(code, reason, values, message))
}

// outcomesOf are the outcomes of a start of two instances.
func outcomesOf() []*fleetv1.InstanceOutcome {
	return []*fleetv1.InstanceOutcome{
		{InstanceId: "i-001", PreviousStatus: fleetv1.InstanceStatus_INSTANCE_STATUS_STOPPED, CurrentStatus: fleetv1.InstanceStatus_INSTANCE_STATUS_STARTING},
		{InstanceId: "i-009", ErrorReason: fleetv1.ErrorReason_ERROR_REASON_INSTANCE_NOT_FOUND, ErrorMessage: `there is no instance "i-009"`},
	}
}

// wholeDay is a day of prices in two zones.
func wholeDay() []*fleetv1.SpotPrice {
	return []*fleetv1.SpotPrice{
		spotPrice("cn-shenzhen-d", at(0, 0), 78_000), spotPrice("cn-shenzhen-d", at(7, 0), 89_700), spotPrice("cn-shenzhen-d", at(14, 0), 237_900),
		spotPrice("cn-shenzhen-d", at(21, 0), 171_600),
		spotPrice("cn-shenzhen-e", at(0, 0), 136_500), spotPrice("cn-shenzhen-e", at(13, 30), 210_600),
	}
}

// wholeDayOfStock is the stock in the zones of [wholeDay].
func wholeDayOfStock() []*fleetv1.PastStock {
	left := func(zone string, hour int, instances int64) *fleetv1.PastStock {
		return &fleetv1.PastStock{ZoneId: zone, Time: at(hour, 0), LeftInstances: instances, CapacityInstances: 60}
	}
	return []*fleetv1.PastStock{
		left("cn-shenzhen-d", 0, 50), left("cn-shenzhen-d", 8, 10), left("cn-shenzhen-d", 20, 40), left("cn-shenzhen-e", 0, 20), left("cn-shenzhen-e", 16, 0),
	}
}

// usualReplies are the answers of the cloud in the golden texts.
func usualReplies() map[string][]reply {
	prices, stocks := wholeDay(), wholeDayOfStock()
	return map[string][]reply{
		"ListInstances": {
			answer(&fleetv1.ListInstancesResponse{Instances: []*fleetv1.Instance{spotInstance()}, NextPageToken: "t1", Cursor: "c1"}),
			answer(&fleetv1.ListInstancesResponse{NextPageToken: "t2", Cursor: "c2"}),
			answer(&fleetv1.ListInstancesResponse{Instances: []*fleetv1.Instance{stoppedInstance()}, Cursor: "c3"}),
			answer(&fleetv1.ListInstancesResponse{Instances: []*fleetv1.Instance{spotInstance()}, NextPageToken: "t1"}),
			answer(&fleetv1.ListInstancesResponse{}),
			answer(&fleetv1.ListInstancesResponse{Instances: []*fleetv1.Instance{spotInstance()}}),
			answer(&fleetv1.ListInstancesResponse{Instances: []*fleetv1.Instance{stoppedInstance()}}),
			answer(&fleetv1.ListInstancesResponse{}),
		},
		"PreviewGroup": previews(),
		"CountInstances": {answer(&fleetv1.CountInstancesResponse{Cursor: "c9", Counts: []*fleetv1.InstanceCount{
			{ZoneId: "cn-shenzhen-d", InstanceType: "ecs.c6.large", BillingMethod: fleetv1.BillingMethod_BILLING_METHOD_SPOT,
				Status: fleetv1.InstanceStatus_INSTANCE_STATUS_RUNNING, Health: fleetv1.InstanceHealth_INSTANCE_HEALTH_OK, Noticed: true, Instances: 12},
			{ZoneId: "cn-shenzhen-e", InstanceType: "ecs.c6.large", BillingMethod: fleetv1.BillingMethod_BILLING_METHOD_PAY_AS_YOU_GO,
				Status: fleetv1.InstanceStatus_INSTANCE_STATUS_STOPPED, Health: fleetv1.InstanceHealth_INSTANCE_HEALTH_NOT_APPLICABLE, Instances: 3},
		}})},
		"ListInstanceStatuses": {answer(&fleetv1.ListInstanceStatusesResponse{Statuses: []*fleetv1.InstanceFullStatus{
			{InstanceId: "i-001", Status: fleetv1.InstanceStatus_INSTANCE_STATUS_RUNNING, Health: fleetv1.InstanceHealth_INSTANCE_HEALTH_IMPAIRED,
				SystemEvents: []*fleetv1.SystemEvent{{EventType: "SystemFailure.Reboot", PublishTime: at(9, 0)}, {EventType: "AccountUnbalanced.Stop", PublishTime: at(9, 5)}}},
			{InstanceId: "i-002", Status: fleetv1.InstanceStatus_INSTANCE_STATUS_STOPPED, Health: fleetv1.InstanceHealth_INSTANCE_HEALTH_NOT_APPLICABLE},
		}})},
		"RunInstances": {
			answer(&fleetv1.RunInstancesResponse{InstanceIds: []string{"i-001", "i-002"}}),
			answer(&fleetv1.RunInstancesResponse{}),
			refusal(codes.ResourceExhausted, fleetv1.ErrorReason_ERROR_REASON_NO_INSTANCE_STOCK, map[string]string{"instance_type": "ecs.c6.large"},
				"the pool can deliver 2 of the 10 instances wanted"),
			refusal(codes.FailedPrecondition, fleetv1.ErrorReason_ERROR_REASON_PRICE_BELOW_MARKET, map[string]string{"market_price_micros_per_hour": "171600"},
				"the maximum price is below the market price"),
		},
		"StartInstances": {
			answer(&fleetv1.StartInstancesResponse{Outcomes: outcomesOf()[:1]}), answer(&fleetv1.StartInstancesResponse{Outcomes: outcomesOf()}),
			refusal(codes.FailedPrecondition, fleetv1.ErrorReason_ERROR_REASON_INCORRECT_INSTANCE_STATUS, map[string]string{"instance_id": "i-001", "wanted": "INSTANCE_STATUS_STOPPED"},
				`instance "i-001" has status INSTANCE_STATUS_RUNNING, it must have INSTANCE_STATUS_STOPPED`),
		},
		"StopInstances":   {answer(&fleetv1.StopInstancesResponse{Outcomes: outcomesOf()[:1]})},
		"RebootInstances": {answer(&fleetv1.RebootInstancesResponse{Outcomes: outcomesOf()[:1]})},
		"DeleteInstances": {
			answer(&fleetv1.DeleteInstancesResponse{MissingInstanceIds: []string{"i-009"}}),
			refusal(codes.FailedPrecondition, fleetv1.ErrorReason_ERROR_REASON_DELETION_PROTECTED, map[string]string{"instance_id": "i-001"}, `instance "i-001" is protected from deletion`),
		},
		"UpdateInstanceTags": {answer(&fleetv1.UpdateInstanceTagsResponse{})},
		"UpdateInstance":     {answer(&fleetv1.UpdateInstanceResponse{Instance: stoppedInstance()})},
		"ListDisks":          {answer(&fleetv1.ListDisksResponse{Disks: []*fleetv1.Disk{systemDisk(), keptDisk()}})},
		"AttachDisk":         {answer(&fleetv1.AttachDiskResponse{Disk: keptDisk()})},
		"DetachDisk":         {answer(&fleetv1.DetachDiskResponse{Disk: keptDisk()})},
		"DeleteDisk":         {answer(&fleetv1.DeleteDiskResponse{})},
		"GetAccount":         {answer(&fleetv1.GetAccountResponse{Account: owingAccount()})},
		"ListAccounts":       {answer(&fleetv1.ListAccountsResponse{Accounts: []*fleetv1.Account{owingAccount(), freeAccount()}})},
		"SetAccount":         {answer(&fleetv1.SetAccountResponse{Account: freeAccount()})},
		"Deposit":            {answer(&fleetv1.DepositResponse{Account: owingAccount()})},
		"GetBill": {answer(&fleetv1.GetBillResponse{Bill: &fleetv1.Bill{CostMicros: 12_345_678, ComputeCostMicros: 12_000_000, DiskCostMicros: 345_678,
			PriceMicrosPerHour: 390_000, Instances: 5, AsOfTime: at(12, 0)}})},
		"FailInstances":   {answer(&fleetv1.FailInstancesResponse{ChangedInstances: 1, MissingInstanceIds: []string{"i-009"}})},
		"InjectFault":     {answer(&fleetv1.InjectFaultResponse{Fault: allFaults()[0]})},
		"ListFaults":      {answer(&fleetv1.ListFaultsResponse{Faults: allFaults()}), answer(&fleetv1.ListFaultsResponse{})},
		"ClearFaults":     {answer(&fleetv1.ClearFaultsResponse{ClearedFaults: 1})},
		"CreateSnapshot":  {answer(&fleetv1.CreateSnapshotResponse{Snapshot: &fleetv1.Snapshot{SnapshotId: "before", Time: at(12, 0), Instances: 5, SizeBytes: 2_049}})},
		"ListSnapshots":   {answer(&fleetv1.ListSnapshotsResponse{Snapshots: []*fleetv1.Snapshot{{SnapshotId: "before", Time: at(12, 0), Instances: 5, SizeBytes: 2_049}}})},
		"RestoreSnapshot": {answer(&fleetv1.RestoreSnapshotResponse{Snapshot: &fleetv1.Snapshot{SnapshotId: "before", Time: at(12, 0)}})},
		"DeleteSnapshot":  {answer(&fleetv1.DeleteSnapshotResponse{})},
		"GetScenario":     {answer(&fleetv1.GetScenarioResponse{Yaml: "seed: 7\n", StartTime: at(0, 0)}), answer(&fleetv1.GetScenarioResponse{StartTime: at(0, 0)})},
		"Audit": {
			answer(&fleetv1.AuditResponse{Instances: 5, Stocks: 40, Time: at(12, 0)}),
			answer(&fleetv1.AuditResponse{Instances: 5, Stocks: 40, Time: at(12, 0), Findings: []*fleetv1.AuditFinding{{Invariant: "S9", Message: "used 5 + free 3 is not capacity 7"}}}),
		},
		"GetClock":      {answer(&fleetv1.GetClockResponse{Time: at(12, 0), Speed: 60, Paused: true})},
		"SetClockSpeed": {answer(&fleetv1.SetClockSpeedResponse{})},
		"PauseClock":    {answer(&fleetv1.PauseClockResponse{Time: at(12, 0)})},
		"AdvanceClock":  {answer(&fleetv1.AdvanceClockResponse{Time: at(13, 30)})},
		"ListRegions":   {answer(&fleetv1.ListRegionsResponse{Regions: []*fleetv1.Region{{RegionId: "cn-shenzhen", Currency: "CNY", ZoneIds: []string{"cn-shenzhen-d", "cn-shenzhen-e"}}}})},
		"ListInstanceTypes": {answer(&fleetv1.ListInstanceTypesResponse{InstanceTypes: []*fleetv1.InstanceType{{
			InstanceType: "ecs.c6.large", Family: "ecs.c6", Architecture: fleetv1.Architecture_ARCHITECTURE_X86, Vcpus: 2, MemoryMib: 4_096,
			Category: fleetv1.InstanceCategory_INSTANCE_CATEGORY_X86, FamilyLevel: fleetv1.FamilyLevel_FAMILY_LEVEL_ENTERPRISE,
			ZoneIds: []string{"cn-shenzhen-d", "cn-shenzhen-e"}, PayAsYouGoPriceMicrosPerHour: 390_000}}})},
		"ListSpotAdvice": {answer(&fleetv1.ListSpotAdviceResponse{Advice: []*fleetv1.SpotAdvice{{
			ZoneId: "cn-shenzhen-d", InstanceType: "ecs.c6.large", AveragePricePercent: 21, InterruptionPermille: 4, InterruptionBand: "0-3%"}}})},
		"ListPools": {answer(&fleetv1.ListPoolsResponse{AsOfTime: timestamppb.New(at(0, 0).AsTime().Add(24 * time.Hour)),
			Pools: []*fleetv1.Pool{rated(spotPool("cn-shenzhen-d", 171_600, 37), 4), spotPool("cn-shenzhen-e", 210_600, 0)}})},
		"ListSpotPrices": {answer(&fleetv1.ListSpotPricesResponse{Prices: prices[:3], NextPageToken: "more"}), answer(&fleetv1.ListSpotPricesResponse{Prices: prices[3:]}),
			answer(&fleetv1.ListSpotPricesResponse{Prices: prices[:4]}), answer(&fleetv1.ListSpotPricesResponse{})},
		"ListStockHistory": {answer(&fleetv1.ListStockHistoryResponse{Stocks: stocks[:2], NextPageToken: "more"}),
			answer(&fleetv1.ListStockHistoryResponse{Stocks: stocks[2:]}), answer(&fleetv1.ListStockHistoryResponse{Stocks: stocks[:3]})},
		"ListDeadEvents": {answer(&healthv1.ListDeadEventsResponse{DeadEvents: []*healthv1.DeadEvent{{
			Consumer: "groupsvc", Stream: "MUSTER_EVENTS", Sequence: 17, Subject: "muster.v1.events.default._.i-1.running",
			Reason: "decode event: unexpected EOF", Time: at(10, 0), BodyBytes: 12}}})},
		"SetWebhook":   {answer(&healthv1.SetWebhookResponse{Webhook: oneWebhook()})},
		"ListWebhooks": {answer(&healthv1.ListWebhooksResponse{Webhooks: []*healthv1.Webhook{oneWebhook()}})},
		"DeleteWebhook": {answer(&healthv1.DeleteWebhookResponse{}),
			refusal(codes.Unavailable, healthv1.ErrorReason_ERROR_REASON_STREAM_UNAVAILABLE, nil, "the event stream can not be read now")},
		"ListDeadLetters": {answer(&healthv1.ListDeadLettersResponse{DeadLetters: []*healthv1.DeadLetter{{
			EventId: "i-001/4", EventType: "muster.instance.interruption_notice", Time: at(10, 0), Attempts: 10, Error: "HTTP status 500"}}})},
		"RedeliverDeadLetters": {answer(&healthv1.RedeliverDeadLettersResponse{Delivered: 1, Left: 2})},
	}
}

func oneWebhook() *healthv1.Webhook {
	return &healthv1.Webhook{
		WebhookId: "ops", Url: "https://example.com/hook", GroupId: "apg-1", MaxAttempts: 10, CreateTime: at(9, 0), PendingEvents: 3, DeadLetters: 1,
		EventTypes: []string{"muster.instance.interruption_notice", "muster.instance.interrupted", "muster.group.short", "muster.group.fulfilled"},
	}
}
