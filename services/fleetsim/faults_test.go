package fleetsim_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim"
)

func (c *cloud) inject(fault *fleetv1.Fault) *fleetv1.Fault {
	c.t.Helper()
	resp, err := c.simulation.InjectFault(c.t.Context(), &fleetv1.InjectFaultRequest{Fault: fault})
	if err != nil {
		c.t.Fatal(err)
	}
	return resp.GetFault()
}

func (c *cloud) clear(ids ...string) {
	c.t.Helper()
	c.must("SimulationService/ClearFaults", &fleetv1.ClearFaultsRequest{FaultIds: ids})
}

func callTrouble(id string, trouble *fleetv1.CallTrouble) *fleetv1.Fault {
	return &fleetv1.Fault{FaultId: id, Effect: &fleetv1.Fault_CallTrouble{CallTrouble: trouble}}
}

func TestFaults_areListedAndEnd(t *testing.T) {
	c := start(t, fleetsim.Config{Volatility: still()}, false)
	lasting := outage("b", "cn-shenzhen-e")
	short := outage("a", "cn-shenzhen-d")
	short.Duration = durationpb.New(time.Hour)
	for range 2 { // the same fault again changes nothing
		if f := c.inject(short); !f.GetStartTime().AsTime().Equal(origin) || !f.GetEndTime().AsTime().Equal(origin.Add(time.Hour)) {
			t.Errorf("got %v", f)
		}
	}
	if f := c.inject(lasting); f.GetEndTime() != nil || f.GetZoneOutage().GetZoneId() != "cn-shenzhen-e" {
		t.Errorf("got %v", f)
	}
	ids := func() (ids []string) {
		resp, err := c.simulation.ListFaults(t.Context(), &fleetv1.ListFaultsRequest{})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range resp.GetFaults() {
			ids = append(ids, f.GetFaultId())
		}
		return ids
	}
	if got := ids(); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("got %v", got)
	}
	c.clock.Advance(time.Hour)
	if got := ids(); !slices.Equal(got, []string{"b"}) {
		t.Errorf("an hour later: %v", got)
	}
	resp, err := c.simulation.ClearFaults(t.Context(), &fleetv1.ClearFaultsRequest{})
	if err != nil || resp.GetClearedFaults() != 1 || len(ids()) != 0 {
		t.Errorf("%v, %v", resp, err)
	}
}

func TestZoneOutage_refusesImpairsAndEnds(t *testing.T) {
	c := start(t, fleetsim.Config{Volatility: still()}, false)
	id := c.run(launch("a", 1))[0]
	c.clock.Advance(time.Minute)
	c.inject(outage("o", "cn-shenzhen-d"))
	_, err := c.fleet.RunInstances(t.Context(), launch("b", 1))
	refused(t, err, codes.FailedPrecondition, fleetv1.ErrorReason_ERROR_REASON_ZONE_NOT_ON_SALE)
	resp, err := c.fleet.ListInstanceStatuses(t.Context(), &fleetv1.ListInstanceStatusesRequest{Health: fleetv1.InstanceHealth_INSTANCE_HEALTH_IMPAIRED})
	if err != nil || len(resp.GetStatuses()) != 1 {
		t.Fatalf("%v, %v", resp, err)
	}
	if e := resp.GetStatuses()[0].GetSystemEvents(); len(e) != 1 || e[0].GetEventType() != "SystemFailure.Reboot" || !e[0].GetPublishTime().AsTime().Equal(origin.Add(time.Minute)) {
		t.Errorf("got %v", e)
	}
	c.clear("o")
	if i := c.one(id); i.GetHealth() != fleetv1.InstanceHealth_INSTANCE_HEALTH_OK {
		t.Errorf("got %v", i)
	}
	c.run(launch("b", 1))
}

// TestLaunchRefusal_looksLikeTheRealOne holds that a launch is refused for each
// reason with the code of that.
func TestLaunchRefusal_looksLikeTheRealOne(t *testing.T) {
	c := start(t, fleetsim.Config{Volatility: still()}, false)
	for reason, code := range map[fleetv1.ErrorReason]codes.Code{
		fleetv1.ErrorReason_ERROR_REASON_NO_INSTANCE_STOCK:           codes.ResourceExhausted,
		fleetv1.ErrorReason_ERROR_REASON_QUOTA_EXCEEDED:              codes.ResourceExhausted,
		fleetv1.ErrorReason_ERROR_REASON_THROTTLED:                   codes.ResourceExhausted,
		fleetv1.ErrorReason_ERROR_REASON_PRICE_BELOW_MARKET:          codes.FailedPrecondition,
		fleetv1.ErrorReason_ERROR_REASON_INSUFFICIENT_BALANCE:        codes.FailedPrecondition,
		fleetv1.ErrorReason_ERROR_REASON_ZONE_NOT_ON_SALE:            codes.FailedPrecondition,
		fleetv1.ErrorReason_ERROR_REASON_DISK_CATEGORY_NOT_AVAILABLE: codes.FailedPrecondition,
	} {
		c.inject(&fleetv1.Fault{FaultId: "f", Effect: &fleetv1.Fault_LaunchRefusal{LaunchRefusal: &fleetv1.LaunchRefusal{Pools: &fleetv1.PoolSelector{ZoneId: "cn-shenzhen-d"}, Reason: reason}}})
		_, err := c.fleet.RunInstances(t.Context(), launch("a", 1))
		refused(t, err, code, reason)
		if info, ok := detail[*errdetails.ErrorInfo](err); !ok || info.GetMetadata()["fault_id"] != "f" || info.GetMetadata()["zone_id"] != "cn-shenzhen-d" {
			t.Errorf("%v: %v", reason, info)
		}
		_, retry := detail[*errdetails.RetryInfo](err)
		_, quota := detail[*errdetails.QuotaFailure](err)
		if retry != (reason == fleetv1.ErrorReason_ERROR_REASON_THROTTLED) || quota != (reason == fleetv1.ErrorReason_ERROR_REASON_QUOTA_EXCEEDED) {
			t.Errorf("%v: details of %v", reason, err)
		}
		c.clear("f")
	}
	if ids := c.run(launch("a", 1)); len(ids) != 1 {
		t.Errorf("got %v", ids)
	}
}

func TestSlowLaunch(t *testing.T) {
	c := start(t, fleetsim.Config{Volatility: still()}, false)
	c.inject(&fleetv1.Fault{FaultId: "f", Effect: &fleetv1.Fault_SlowLaunch{SlowLaunch: &fleetv1.SlowLaunch{Pools: &fleetv1.PoolSelector{}, FactorPermille: 100_000}}})
	id := c.run(launch("a", 1))[0]
	c.clock.Advance(time.Minute)
	if i := c.one(id); i.GetStatus() == running {
		t.Errorf("got %v", i)
	}
	c.clock.Advance(time.Hour)
	if i := c.one(id); i.GetStatus() != running {
		t.Errorf("got %v", i)
	}
}

func TestCallTrouble_beforeAndAfterTheEffect(t *testing.T) {
	c := start(t, fleetsim.Config{Volatility: still()}, false)
	for name, test := range map[string]struct {
		outcome fleetv1.CallOutcome
		code    codes.Code
		reason  fleetv1.ErrorReason
		done    int
	}{
		"unavailable before": {fleetv1.CallOutcome_CALL_OUTCOME_UNAVAILABLE_BEFORE, codes.Unavailable, fleetv1.ErrorReason_ERROR_REASON_INJECTED, 0},
		"unavailable after":  {fleetv1.CallOutcome_CALL_OUTCOME_UNAVAILABLE_AFTER, codes.Unavailable, fleetv1.ErrorReason_ERROR_REASON_INJECTED, 1},
		"internal before":    {fleetv1.CallOutcome_CALL_OUTCOME_INTERNAL_BEFORE, codes.Internal, fleetv1.ErrorReason_ERROR_REASON_INJECTED, 0},
		"internal after":     {fleetv1.CallOutcome_CALL_OUTCOME_INTERNAL_AFTER, codes.Internal, fleetv1.ErrorReason_ERROR_REASON_INJECTED, 1},
		"throttled":          {fleetv1.CallOutcome_CALL_OUTCOME_THROTTLED, codes.ResourceExhausted, fleetv1.ErrorReason_ERROR_REASON_THROTTLED, 0},
	} {
		t.Run(name, func(t *testing.T) {
			tag := map[string]string{"case": name}
			req := launch(test.outcome.String(), 1, func(r *fleetv1.RunInstancesRequest) { r.Tags = tag })
			c.inject(callTrouble("f", &fleetv1.CallTrouble{Methods: []string{"RunInstances"}, SharePermille: 1000, Outcome: test.outcome, Latency: durationpb.New(time.Millisecond)}))
			_, err := c.fleet.RunInstances(t.Context(), req)
			refused(t, err, test.code, test.reason)
			if all, _ := c.list(&fleetv1.ListInstancesRequest{Tags: tag}); len(all) != test.done {
				t.Errorf("%d instances were launched", len(all))
			}
			c.clear("f")
			c.run(req) // S1: whoever tries again gets one, whatever had become of it
			if all, _ := c.list(&fleetv1.ListInstancesRequest{Tags: tag}); len(all) != 1 {
				t.Errorf("S1: %d instances were launched", len(all))
			}
		})
	}
}

func TestCallTrouble_noAnswer(t *testing.T) {
	c := start(t, fleetsim.Config{Volatility: still()}, false)
	c.inject(callTrouble("f", &fleetv1.CallTrouble{SharePermille: 1000, Outcome: fleetv1.CallOutcome_CALL_OUTCOME_NO_ANSWER_AFTER, MaxCalls: 2}))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.fleet.RunInstances(ctx, launch("a", 1)); status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("got %v", err)
	}
	gone, leave := context.WithCancel(t.Context())
	leave()
	if _, err := c.fleet.ListZones(gone, &fleetv1.ListZonesRequest{}); status.Code(err) != codes.Canceled {
		t.Errorf("got %v", err)
	}
	c.clear()
	if all, _ := c.list(&fleetv1.ListInstancesRequest{}); len(all) != 1 {
		t.Errorf("it was not done: %v", all)
	}
}

// TestCallTrouble_latency holds that a slow call is done at once and answered
// late: whoever waits less gets no answer, and it was done.
func TestCallTrouble_latency(t *testing.T) {
	c := start(t, fleetsim.Config{Volatility: still()}, false)
	c.inject(callTrouble("f", &fleetv1.CallTrouble{Methods: []string{"RunInstances"}, SharePermille: 1000, Latency: durationpb.New(10 * time.Minute), MaxCalls: 1}))
	ctx, cancel := context.WithCancel(t.Context())
	answered := make(chan error, 1)
	go func() {
		_, err := c.fleet.RunInstances(ctx, launch("a", 1))
		answered <- err
	}()
	for all := 0; all == 0; {
		listed, _ := c.list(&fleetv1.ListInstancesRequest{})
		all = len(listed)
	}
	select {
	case err := <-answered:
		t.Errorf("it was answered: %v", err)
	default:
	}
	cancel()
	if err := <-answered; status.Code(err) != codes.Canceled {
		t.Errorf("got %v", err)
	}
	if ids := c.run(launch("a", 1)); len(ids) != 1 {
		t.Errorf("got %v", ids)
	}
}

// TestStop_endsWhatIsHeldBack holds that a stop waits for no held-back answer.
func TestStop_endsWhatIsHeldBack(t *testing.T) {
	c := start(t, fleetsim.Config{Volatility: still()}, false)
	c.inject(callTrouble("f", &fleetv1.CallTrouble{Methods: []string{"RunInstances"}, SharePermille: 1000, Outcome: fleetv1.CallOutcome_CALL_OUTCOME_NO_ANSWER_AFTER}))
	answered := make(chan error, 1)
	go func() {
		_, err := c.fleet.RunInstances(t.Context(), launch("a", 1))
		answered <- err
	}()
	for all := 0; all == 0; {
		listed, _ := c.list(&fleetv1.ListInstancesRequest{})
		all = len(listed)
	}
	c.stop()
	if err := <-answered; status.Code(err) != codes.Unavailable {
		t.Errorf("got %v", err)
	}
}

func TestCallTrouble_shareLimitAndMethods(t *testing.T) {
	c := start(t, fleetsim.Config{Volatility: still()}, false)
	hit := func(calls int) (hit int) {
		for range calls {
			if _, err := c.fleet.ListZones(t.Context(), &fleetv1.ListZonesRequest{}); rpc.HasReason(err, fleetv1.ErrorReason_ERROR_REASON_INJECTED) {
				hit++
			}
		}
		return hit
	}
	unavailable := fleetv1.CallOutcome_CALL_OUTCOME_UNAVAILABLE_BEFORE
	c.inject(callTrouble("share", &fleetv1.CallTrouble{SharePermille: 500, Outcome: unavailable}))
	if n := hit(200); n < 60 || n > 140 {
		t.Errorf("%d of 200 calls were hit, half are to be", n)
	}
	if _, err := c.simulation.GetClock(t.Context(), &fleetv1.GetClockRequest{}); err != nil {
		t.Errorf("SimulationService is disturbed: %v", err)
	}
	for range 10 {
		if _, err := c.billing.GetAccount(t.Context(), &fleetv1.GetAccountRequest{}); err != nil {
			t.Errorf("BillingService is disturbed: %v", err)
		}
	}
	c.clear("share")
	c.inject(callTrouble("limit", &fleetv1.CallTrouble{SharePermille: 1000, Outcome: unavailable, MaxCalls: 3}))
	if n := hit(10); n != 3 {
		t.Errorf("%d calls were hit, 3 are to be", n)
	}
	c.clear("limit")
	c.inject(callTrouble("other", &fleetv1.CallTrouble{SharePermille: 1000, Outcome: unavailable, Methods: []string{"ListPools"}}))
	if n := hit(10); n != 0 {
		t.Errorf("%d calls of another method were hit", n)
	}
}

// TestStreamTrouble_repeatsAndHoldsBack holds that whoever goes by the numbers
// of transitions misses none of a disturbed stream (S7), also when it is cut
// and resumed.
func TestStreamTrouble_repeatsAndHoldsBack(t *testing.T) {
	c := start(t, fleetsim.Config{Volatility: still(), Origin: origin, Speed: 100_000}, true)
	c.inject(&fleetv1.Fault{FaultId: "f", Effect: &fleetv1.Fault_StreamTrouble{StreamTrouble: &fleetv1.StreamTrouble{DuplicatePermille: 1000, Delay: durationpb.New(5 * time.Millisecond)}}})
	c.run(launch("a", 100))
	c.run(launch("b", 100))
	seen, cursor, cuts := map[string]int{}, "", 0 // three transitions of each are to come
	for len(seen) < 600 {
		ctx, cancel := context.WithCancel(t.Context())
		stream, err := c.fleet.WatchInstances(ctx, &fleetv1.WatchInstancesRequest{Cursor: cursor})
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			resp, err := stream.Recv()
			if err != nil {
				t.Fatal(err)
			}
			if n := len(resp.GetTransitions()); n > 250 {
				t.Errorf("%d transitions in a response", n)
			}
			for _, transition := range resp.GetTransitions() {
				seen[fmt.Sprint(transition.GetInstance().GetInstanceId(), transition.GetInstance().GetTransitionNumber())]++
			}
			cursor = resp.GetCursor()
		}
		cancel()
		cuts++
	}
	twice := 0
	for _, n := range seen {
		if n > 1 {
			twice++
		}
	}
	if twice == 0 || cuts < 2 {
		t.Errorf("%d transitions came twice, over %d streams", twice, cuts)
	}
}

func TestStreamTrouble_everythingComesTwice(t *testing.T) {
	c := start(t, fleetsim.Config{Volatility: still(), Origin: origin, Speed: 0.001}, true)
	c.inject(&fleetv1.Fault{FaultId: "f", Effect: &fleetv1.Fault_StreamTrouble{StreamTrouble: &fleetv1.StreamTrouble{DuplicatePermille: 1000}}})
	c.run(launch("a", 3))
	transitions, _ := c.watch("", 6, nil)
	for i := range 3 {
		if a, b := transitions[i].GetInstance(), transitions[i+3].GetInstance(); a.GetInstanceId() != b.GetInstanceId() || a.GetTransitionNumber() != b.GetTransitionNumber() {
			t.Errorf("%v, then %v", a, b)
		}
	}
}
