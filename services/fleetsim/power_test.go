package fleetsim_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim"
)

const (
	running  = fleetv1.InstanceStatus_INSTANCE_STATUS_RUNNING
	starting = fleetv1.InstanceStatus_INSTANCE_STATUS_STARTING
	stopping = fleetv1.InstanceStatus_INSTANCE_STATUS_STOPPING
	stopped  = fleetv1.InstanceStatus_INSTANCE_STATUS_STOPPED

	keepCharging = fleetv1.StoppedMode_STOPPED_MODE_KEEP_CHARGING
	stopCharging = fleetv1.StoppedMode_STOPPED_MODE_STOP_CHARGING
)

// one is an instance as it is listed.
func (c *cloud) one(id string) *fleetv1.Instance {
	c.t.Helper()
	all, _ := c.list(&fleetv1.ListInstancesRequest{InstanceIds: []string{id}})
	if len(all) != 1 {
		c.t.Fatalf("%s is listed as %v", id, all)
	}
	return all[0]
}

// available is how many instances the pool of the tests could still launch.
func (c *cloud) available(billing fleetv1.BillingMethod) int32 {
	c.t.Helper()
	resp, err := c.fleet.ListPools(c.t.Context(), &fleetv1.ListPoolsRequest{ZoneIds: []string{"cn-shenzhen-d"}, InstanceTypes: []string{"ecs.c6.large"}, BillingMethod: billing})
	if err != nil || len(resp.GetPools()) != 1 {
		c.t.Fatalf("%v, %v", resp, err)
	}
	return resp.GetPools()[0].GetAvailableInstances()
}

func TestPower_stopKeepChargingAndStart(t *testing.T) {
	c := start(t, fleetsim.Config{Volatility: still()}, false)
	id := c.run(launch("a", 1))[0]
	c.clock.Advance(time.Minute)
	price, free := c.one(id).GetPriceMicrosPerHour(), c.available(spot)
	resp, err := c.fleet.StopInstances(t.Context(), &fleetv1.StopInstancesRequest{InstanceIds: []string{id}})
	if err != nil {
		t.Fatal(err)
	}
	if o := resp.GetOutcomes()[0]; o.GetInstanceId() != id || o.GetPreviousStatus() != running || o.GetCurrentStatus() != stopping || o.GetErrorMessage() != "" {
		t.Errorf("got %v", o)
	}
	c.clock.Advance(time.Minute)
	if i := c.one(id); i.GetStatus() != stopped || i.GetStoppedMode() != keepCharging || i.GetPriceMicrosPerHour() != price ||
		i.GetHealth() != fleetv1.InstanceHealth_INSTANCE_HEALTH_NOT_APPLICABLE || i.GetStatusTime() == nil {
		t.Errorf("got %v", i)
	}
	if now := c.available(spot); now != free {
		t.Errorf("%d can be launched, not %d: a stopped instance that is charged for keeps its stock", now, free)
	}
	if _, err := c.fleet.StartInstances(t.Context(), &fleetv1.StartInstancesRequest{InstanceIds: []string{id}}); err != nil {
		t.Fatal(err)
	}
	if i := c.one(id); i.GetStatus() != starting || i.GetStoppedMode() != 0 {
		t.Errorf("got %v", i)
	}
	c.clock.Advance(time.Minute)
	if i := c.one(id); i.GetStatus() != running || i.GetHealth() != fleetv1.InstanceHealth_INSTANCE_HEALTH_OK {
		t.Errorf("got %v", i)
	}
}

func TestPower_economicalModeGivesStockBack(t *testing.T) {
	c := start(t, fleetsim.Config{Volatility: still()}, false)
	id := c.run(launch("a", 1))[0]
	c.clock.Advance(time.Minute)
	free := c.available(spot)
	c.must("FleetService/StopInstances", &fleetv1.StopInstancesRequest{InstanceIds: []string{id}, StoppedMode: stopCharging})
	c.clock.Advance(time.Minute)
	if i := c.one(id); i.GetStatus() != stopped || i.GetStoppedMode() != stopCharging || i.GetPriceMicrosPerHour() != 0 {
		t.Errorf("got %v", i)
	}
	if now := c.available(spot); now != free+1 {
		t.Errorf("%d can be launched, not %d", now, free+1)
	}
	c.must("SimulationService/DrainPools", &fleetv1.DrainPoolsRequest{Pools: &fleetv1.PoolSelector{InstanceType: "ecs.c6.large"}})
	_, err := c.fleet.StartInstances(t.Context(), &fleetv1.StartInstancesRequest{InstanceIds: []string{id}})
	refused(t, err, codes.ResourceExhausted, fleetv1.ErrorReason_ERROR_REASON_NO_INSTANCE_STOCK)
	c.must("SimulationService/RestorePools", &fleetv1.RestorePoolsRequest{Pools: &fleetv1.PoolSelector{}})
	c.must("FleetService/StartInstances", &fleetv1.StartInstancesRequest{InstanceIds: []string{id}})
}

func TestPower_bestEffortTellsEachOutcome(t *testing.T) {
	c := start(t, fleetsim.Config{Volatility: still()}, false)
	ids := c.run(launch("a", 2))
	c.clock.Advance(time.Minute)
	c.must("FleetService/StopInstances", &fleetv1.StopInstancesRequest{InstanceIds: ids[:1]})
	c.clock.Advance(time.Minute)
	resp, err := c.fleet.StopInstances(t.Context(), &fleetv1.StopInstancesRequest{InstanceIds: []string{ids[0], "i-none", ids[1]}, BestEffort: true})
	if err != nil {
		t.Fatal(err)
	}
	o := resp.GetOutcomes()
	if o[0].GetErrorReason() != fleetv1.ErrorReason_ERROR_REASON_INCORRECT_INSTANCE_STATUS || !strings.Contains(o[0].GetErrorMessage(), ids[0]) || o[0].GetCurrentStatus() != stopped {
		t.Errorf("stopped before: %v", o[0])
	}
	if o[1].GetErrorReason() != fleetv1.ErrorReason_ERROR_REASON_INSTANCE_NOT_FOUND || o[1].GetInstanceId() != "i-none" || o[1].GetPreviousStatus() != 0 {
		t.Errorf("not there: %v", o[1])
	}
	if o[2].GetErrorReason() != 0 || o[2].GetCurrentStatus() != stopping {
		t.Errorf("running: %v", o[2])
	}
}

// TestPower_isIdempotent holds S1 for what is stopped and started.
func TestPower_isIdempotent(t *testing.T) {
	c := start(t, fleetsim.Config{Volatility: still()}, false)
	ids := c.run(launch("a", 2))
	c.clock.Advance(time.Minute)
	stop := &fleetv1.StopInstancesRequest{InstanceIds: ids, RequestId: "s"}
	dry := &fleetv1.StopInstancesRequest{InstanceIds: ids, DryRun: true}
	if resp, err := c.fleet.StopInstances(t.Context(), dry); err != nil || resp.GetOutcomes()[1].GetCurrentStatus() != running {
		t.Errorf("dry: %v, %v", resp, err)
	}
	c.must("FleetService/StopInstances", stop)
	c.clock.Advance(time.Minute)
	c.must("FleetService/StartInstances", &fleetv1.StartInstancesRequest{InstanceIds: ids})
	c.must("FleetService/DeleteInstances", &fleetv1.DeleteInstancesRequest{InstanceIds: ids[:1]})
	resp, err := c.fleet.StopInstances(t.Context(), stop)
	if err != nil || len(resp.GetOutcomes()) != 2 || c.one(ids[1]).GetStatus() != starting {
		t.Errorf("S1: again: %v, %v", resp, err)
	}
	for _, o := range resp.GetOutcomes() {
		if o.GetErrorReason() != 0 {
			t.Errorf("a call that has succeeded tells an error: %v", o)
		}
	}
	_, err = c.fleet.StopInstances(t.Context(), &fleetv1.StopInstancesRequest{InstanceIds: ids[1:], RequestId: "s"})
	refused(t, err, codes.InvalidArgument, fleetv1.ErrorReason_ERROR_REASON_IDEMPOTENT_PARAMETER_MISMATCH)
}

func TestReboot_endsAHang(t *testing.T) {
	c := start(t, fleetsim.Config{Volatility: still()}, false)
	id := c.run(launch("a", 1))[0]
	c.clock.Advance(time.Minute)
	target := &fleetv1.FailInstancesRequest_Instances{Instances: &fleetv1.InstanceIds{InstanceIds: []string{id, "i-none"}}}
	resp, err := c.simulation.FailInstances(t.Context(), &fleetv1.FailInstancesRequest{Target: target, Failure: fleetv1.InstanceFailure_INSTANCE_FAILURE_HANG})
	if err != nil || resp.GetChangedInstances() != 1 || len(resp.GetMissingInstanceIds()) != 1 || resp.GetMissingInstanceIds()[0] != "i-none" {
		t.Fatalf("%v, %v", resp, err)
	}
	status := func() *fleetv1.InstanceFullStatus {
		resp, err := c.fleet.ListInstanceStatuses(t.Context(), &fleetv1.ListInstanceStatusesRequest{InstanceIds: []string{id}})
		if err != nil || len(resp.GetStatuses()) != 1 {
			t.Fatalf("%v, %v", resp, err)
		}
		return resp.GetStatuses()[0]
	}
	if s := status(); s.GetHealth() != fleetv1.InstanceHealth_INSTANCE_HEALTH_INSUFFICIENT_DATA || len(s.GetSystemEvents()) != 1 || s.GetSystemEvents()[0].GetEventType() != "InstanceFailure.Reboot" {
		t.Errorf("it hangs: %v", s)
	}
	c.must("FleetService/RebootInstances", &fleetv1.RebootInstancesRequest{InstanceIds: []string{id}})
	c.clock.Advance(time.Minute)
	if s := status(); s.GetStatus() != running || s.GetHealth() != fleetv1.InstanceHealth_INSTANCE_HEALTH_OK || len(s.GetSystemEvents()) != 0 {
		t.Errorf("rebooted: %v", s)
	}
}

func TestFail_aCrashStopsAndIsAnEvent(t *testing.T) {
	c := start(t, fleetsim.Config{Volatility: still()}, false)
	c.run(launch("a", 3))
	c.clock.Advance(time.Minute)
	resp, err := c.simulation.FailInstances(t.Context(), &fleetv1.FailInstancesRequest{
		Target:  &fleetv1.FailInstancesRequest_Pools{Pools: &fleetv1.PoolSelector{ZoneId: "cn-shenzhen-d"}},
		Failure: fleetv1.InstanceFailure_INSTANCE_FAILURE_CRASH, MaxInstances: 2,
	})
	if err != nil || resp.GetChangedInstances() != 2 {
		t.Fatalf("%v, %v", resp, err)
	}
	crashed, err := c.fleet.ListInstanceStatuses(t.Context(), &fleetv1.ListInstanceStatusesRequest{Statuses: []fleetv1.InstanceStatus{stopped}})
	if err != nil || len(crashed.GetStatuses()) != 2 {
		t.Fatalf("%v, %v", crashed, err)
	}
	for _, s := range crashed.GetStatuses() {
		if e := s.GetSystemEvents(); len(e) != 1 || e[0].GetEventType() != "InstanceFailure.Reboot" || !e[0].GetPublishTime().AsTime().Equal(origin.Add(time.Minute)) {
			t.Errorf("got %v", s)
		}
	}
}

func TestDelete_protectedDryAndOnlyStopped(t *testing.T) {
	c := start(t, fleetsim.Config{Volatility: still()}, false)
	id := c.run(launch("a", 1, func(r *fleetv1.RunInstancesRequest) {
		r.DeletionProtection, r.InstanceName, r.Description = true, "web", "front"
	}))[0]
	one := []string{id}
	c.clock.Advance(time.Minute)
	_, err := c.fleet.DeleteInstances(t.Context(), &fleetv1.DeleteInstancesRequest{InstanceIds: one})
	refused(t, err, codes.FailedPrecondition, fleetv1.ErrorReason_ERROR_REASON_DELETION_PROTECTED)
	update, err := c.fleet.UpdateInstance(t.Context(), &fleetv1.UpdateInstanceRequest{
		InstanceId: id, Attributes: &fleetv1.InstanceAttributes{Description: "back"}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"deletion_protection", "description"}},
	})
	if i := update.GetInstance(); err != nil || i.GetDeletionProtection() || i.GetDescription() != "back" || i.GetInstanceName() != "web" {
		t.Fatalf("%v, %v", update, err)
	}
	_, err = c.fleet.DeleteInstances(t.Context(), &fleetv1.DeleteInstancesRequest{InstanceIds: one, OnlyStopped: true})
	refused(t, err, codes.FailedPrecondition, fleetv1.ErrorReason_ERROR_REASON_INCORRECT_INSTANCE_STATUS)
	c.must("FleetService/DeleteInstances", &fleetv1.DeleteInstancesRequest{InstanceIds: one, DryRun: true})
	c.one(id)
	c.must("FleetService/DeleteInstances", &fleetv1.DeleteInstancesRequest{InstanceIds: one})
	again, err := c.fleet.DeleteInstances(t.Context(), &fleetv1.DeleteInstancesRequest{InstanceIds: one})
	if err != nil || len(again.GetMissingInstanceIds()) != 1 {
		t.Errorf("%v, %v", again, err)
	}
}

func TestDryRun_holdsAgainstEverythingAndLaunchesNothing(t *testing.T) {
	c := start(t, fleetsim.Config{Volatility: still()}, false)
	dry := func(r *fleetv1.RunInstancesRequest) { r.DryRun = true }
	if ids := c.run(launch("a", 5, dry)); len(ids) != 0 {
		t.Errorf("launched %v", ids)
	}
	if ids := c.run(launch("a", 3)); len(ids) != 3 {
		t.Errorf("the request id of a dry run is taken: %v", ids)
	}
	_, err := c.fleet.RunInstances(t.Context(), launch("b", 1, dry, func(r *fleetv1.RunInstancesRequest) { r.MaxPriceMicrosPerHour = 1 }))
	refused(t, err, codes.FailedPrecondition, fleetv1.ErrorReason_ERROR_REASON_PRICE_BELOW_MARKET)
}

// TestReclaim_stopsWhatIsToBeStopped follows an instance through a reclaim that
// stops it, and a start after that.
func TestReclaim_stopsWhatIsToBeStopped(t *testing.T) {
	c := start(t, fleetsim.Config{Volatility: still()}, false)
	id := c.run(launch("a", 1, func(r *fleetv1.RunInstancesRequest) {
		r.SpotProtection, r.InterruptionBehavior = fleetv1.SpotProtection_SPOT_PROTECTION_NONE, fleetv1.InterruptionBehavior_INTERRUPTION_BEHAVIOR_STOP
	}))[0]
	c.clock.Advance(time.Minute)
	c.must("SimulationService/ReclaimInstances", &fleetv1.ReclaimInstancesRequest{Target: &fleetv1.ReclaimInstancesRequest_Pools{Pools: &fleetv1.PoolSelector{}}})
	locked, _ := c.list(&fleetv1.ListInstancesRequest{OperationLock: fleetv1.OperationLock_OPERATION_LOCK_RECYCLING})
	if len(locked) != 1 || len(locked[0].GetOperationLocks()) != 1 || locked[0].GetInterruptionBehavior() != fleetv1.InterruptionBehavior_INTERRUPTION_BEHAVIOR_STOP {
		t.Errorf("noticed: %v", locked)
	}
	c.clock.Advance(5 * time.Minute)
	if i := c.one(id); i.GetStatus() != stopped || i.GetStoppedMode() != stopCharging || len(i.GetOperationLocks()) != 0 || i.GetReleaseTime() != nil {
		t.Errorf("reclaimed: %v", i)
	}
	c.must("FleetService/StartInstances", &fleetv1.StartInstancesRequest{InstanceIds: []string{id}})
}

func TestList_filtersOfTheCloud(t *testing.T) {
	c := start(t, fleetsim.Config{Volatility: still()}, false)
	named := func(name string) func(*fleetv1.RunInstancesRequest) {
		return func(r *fleetv1.RunInstancesRequest) { r.InstanceName = name }
	}
	a, b := c.run(launch("a", 1, named("web-1")))[0], c.run(launch("b", 1, named("db-1")))[0]
	c.clock.Advance(time.Minute)
	c.must("FleetService/StopInstances", &fleetv1.StopInstancesRequest{InstanceIds: []string{b}})
	for name, test := range map[string]struct {
		req  *fleetv1.ListInstancesRequest
		want []string
	}{
		"name":          {&fleetv1.ListInstancesRequest{InstanceName: "web-*"}, []string{a}},
		"name, both":    {&fleetv1.ListInstancesRequest{InstanceName: "*-1"}, []string{a, b}},
		"status":        {&fleetv1.ListInstancesRequest{Statuses: []fleetv1.InstanceStatus{stopping, stopped}}, []string{b}},
		"family":        {&fleetv1.ListInstancesRequest{Family: "ecs.c6"}, []string{a, b}},
		"other family":  {&fleetv1.ListInstancesRequest{Family: "ecs.g6"}, nil},
		"lock, of none": {&fleetv1.ListInstancesRequest{OperationLock: fleetv1.OperationLock_OPERATION_LOCK_FINANCIAL}, nil},
	} {
		all, _ := c.list(test.req)
		var got []string
		for _, i := range all {
			got = append(got, i.GetInstanceId())
		}
		if strings.Join(got, " ") != strings.Join(test.want, " ") {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// A page tells how many instances all pages have, for all filters by which the
// cloud counts; the others tell nothing.
func TestList_totalAddsUpToTheList(t *testing.T) {
	c := start(t, fleetsim.Config{Volatility: still()}, false)
	a := c.run(launch("a", 5, func(r *fleetv1.RunInstancesRequest) { r.Tags = map[string]string{"g": "1"} }))
	c.run(launch("b", 4, func(r *fleetv1.RunInstancesRequest) { r.BillingMethod = payg }))
	c.clock.Advance(time.Minute)
	c.must("FleetService/StopInstances", &fleetv1.StopInstancesRequest{InstanceIds: a[:2]})
	family := strings.TrimSuffix(launch("c", 1).GetInstanceType(), ".large")
	stopping := []fleetv1.InstanceStatus{fleetv1.InstanceStatus_INSTANCE_STATUS_STOPPING}
	for name, test := range map[string]struct {
		req  *fleetv1.ListInstancesRequest
		want int64 // -1 for none told
	}{
		"all":             {&fleetv1.ListInstancesRequest{}, 9},
		"tags":            {&fleetv1.ListInstancesRequest{Tags: map[string]string{"g": "1"}}, 5},
		"no such tags":    {&fleetv1.ListInstancesRequest{Tags: map[string]string{"g": "2"}}, 0},
		"method":          {&fleetv1.ListInstancesRequest{BillingMethod: payg}, 4},
		"status":          {&fleetv1.ListInstancesRequest{Statuses: stopping}, 2},
		"status and tags": {&fleetv1.ListInstancesRequest{Statuses: stopping, Tags: map[string]string{"g": "1"}}, 2},
		"family":          {&fleetv1.ListInstancesRequest{Family: family}, 9},
		"another family":  {&fleetv1.ListInstancesRequest{Family: "ecs.none"}, 0},
		"zone":            {&fleetv1.ListInstancesRequest{ZoneId: "cn-shenzhen-d"}, 9},
		"ids":             {&fleetv1.ListInstancesRequest{InstanceIds: a}, -1},
		"name":            {&fleetv1.ListInstancesRequest{InstanceName: "*"}, -1},
		"lock":            {&fleetv1.ListInstancesRequest{OperationLock: fleetv1.OperationLock_OPERATION_LOCK_FINANCIAL}, -1},
	} {
		test.req.PageSize = 2
		if page, err := c.fleet.ListInstances(t.Context(), test.req); err != nil || page.TotalSize != nil {
			t.Errorf("%s: told without being asked: %v, %v", name, page.GetTotalSize(), err)
		}
		test.req.CountTotal = true
		page, err := c.fleet.ListInstances(t.Context(), test.req)
		if err != nil {
			t.Fatal(err)
		}
		got := int64(-1)
		if page.TotalSize != nil {
			got = page.GetTotalSize()
		}
		if got != test.want {
			t.Errorf("%s: %d in all, want %d", name, got, test.want)
		}
	}
}

func TestCount_addsUpToTheList(t *testing.T) {
	c := start(t, fleetsim.Config{Volatility: still()}, false)
	tagged := func(r *fleetv1.RunInstancesRequest) { r.Tags = map[string]string{"g": "1"} }
	a := c.run(launch("a", 5, tagged))
	c.run(launch("b", 4, func(r *fleetv1.RunInstancesRequest) { r.BillingMethod = payg }))
	c.clock.Advance(time.Minute)
	c.must("FleetService/StopInstances", &fleetv1.StopInstancesRequest{InstanceIds: a[:2]})
	all, err := c.fleet.CountInstances(t.Context(), &fleetv1.CountInstancesRequest{})
	if err != nil || all.GetCursor() == "" {
		t.Fatalf("%v, %v", all, err)
	}
	got := map[string]int64{}
	for _, count := range all.GetCounts() {
		got[count.GetBillingMethod().String()+" "+count.GetStatus().String()] += count.GetInstances()
	}
	for key, want := range map[string]int64{
		"BILLING_METHOD_SPOT INSTANCE_STATUS_RUNNING": 3, "BILLING_METHOD_SPOT INSTANCE_STATUS_STOPPING": 2, "BILLING_METHOD_PAY_AS_YOU_GO INSTANCE_STATUS_RUNNING": 4,
	} {
		if got[key] != want {
			t.Errorf("%s: %d, not %d", key, got[key], want)
		}
	}
	some, err := c.fleet.CountInstances(t.Context(), &fleetv1.CountInstancesRequest{Tags: map[string]string{"g": "1"}, ZoneId: "cn-shenzhen-d", BillingMethod: spot})
	if err != nil || len(some.GetCounts()) != 2 {
		t.Errorf("%v, %v", some, err)
	}
}
