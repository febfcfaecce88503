package fleetsim_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim"
)

// detail is the first detail of a kind that an error has.
func detail[T any](err error) (found T, ok bool) {
	for _, d := range status.Convert(err).Details() {
		if found, ok = d.(T); ok {
			return found, true
		}
	}
	return found, false
}

func (c *cloud) setAccount(id string, settings *fleetv1.AccountSettings) *fleetv1.Account {
	c.t.Helper()
	resp, err := c.simulation.SetAccount(c.t.Context(), &fleetv1.SetAccountRequest{AccountId: id, Settings: settings})
	if err != nil {
		c.t.Fatal(err)
	}
	return resp.GetAccount()
}

// TestAccounts_seeOnlyTheirOwn holds S8.
func TestAccounts_seeOnlyTheirOwn(t *testing.T) {
	c := start(t, fleetsim.Config{Volatility: still()}, false)
	c.setAccount("other", nil)
	other := as(t.Context(), "other")
	mine := c.run(launch("same", 2, withDisks(true)))
	resp, err := c.fleet.RunInstances(other, launch("same", 3, withDisks(true)))
	if err != nil || len(resp.GetInstanceIds()) != 3 {
		t.Fatalf("S8: the request id of one account is another's: %v, %v", resp, err)
	}
	theirs := resp.GetInstanceIds()
	list := func(ctx context.Context) int {
		resp, err := c.fleet.ListInstances(ctx, &fleetv1.ListInstancesRequest{})
		if err != nil {
			t.Fatal(err)
		}
		disks, err := c.fleet.ListDisks(ctx, &fleetv1.ListDisksRequest{})
		if err != nil || len(disks.GetDisks()) != 2*len(resp.GetInstances()) {
			t.Errorf("S8: %v, %v", disks, err)
		}
		for _, i := range resp.GetInstances() {
			if i.GetAccountId() != resp.GetInstances()[0].GetAccountId() {
				t.Errorf("S8: %v", i)
			}
		}
		return len(resp.GetInstances())
	}
	if m, o := list(t.Context()), list(other); m != 2 || o != 3 {
		t.Errorf("S8: %d and %d instances", m, o)
	}
	gone, err := c.fleet.DeleteInstances(t.Context(), &fleetv1.DeleteInstancesRequest{InstanceIds: theirs})
	if err != nil || len(gone.GetMissingInstanceIds()) != 3 || list(other) != 3 {
		t.Errorf("S8: %v, %v", gone, err)
	}
	_, err = c.billing.GetBill(other, &fleetv1.GetBillRequest{Subject: &fleetv1.GetBillRequest_InstanceId{InstanceId: mine[0]}})
	refused(t, err, codes.NotFound, fleetv1.ErrorReason_ERROR_REASON_INSTANCE_NOT_FOUND)
	account, err := c.billing.GetAccount(other, &fleetv1.GetAccountRequest{})
	if a := account.GetAccount(); err != nil || a.GetAccountId() != "other" || a.GetInstances() != 3 || a.GetSpotVcpus() != 6 || a.BalanceMicros != nil {
		t.Errorf("%v, %v", account, err)
	}
	ctx, cancel := context.WithCancel(other)
	defer cancel()
	stream, err := c.fleet.WatchInstances(ctx, &fleetv1.WatchInstancesRequest{})
	if err != nil {
		t.Fatal(err)
	}
	first, err := stream.Recv()
	if err != nil || len(first.GetTransitions()) != 3 {
		t.Fatalf("%v, %v", first, err)
	}
	for _, transition := range first.GetTransitions() {
		if transition.GetInstance().GetAccountId() != "other" {
			t.Errorf("S8: %v", transition)
		}
	}
}

// TestAllAccounts_areListedAndFollowed by who asks for them, in the order of
// creation, each once, whatever else is asked for.
func TestAllAccounts_areListedAndFollowed(t *testing.T) {
	c := start(t, fleetsim.Config{Volatility: still()}, false)
	var want []string
	for i := range 12 {
		account := []string{"default", "a.b", "c"}[i%3]
		c.setAccount(account, nil)
		resp, err := c.fleet.RunInstances(as(t.Context(), account), launch(fmt.Sprint("r", i), int32(1+i%4), func(r *fleetv1.RunInstancesRequest) {
			r.Tags = map[string]string{"app": "web"}
			if i%2 == 0 {
				r.ZoneId = "cn-shenzhen-e"
			}
		}))
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range resp.GetInstanceIds() {
			want = append(want, account+" "+id)
		}
	}
	list := func(req *fleetv1.ListInstancesRequest) (all []string) {
		for req.AllAccounts, req.PageSize = true, 4; ; {
			page, err := c.fleet.ListInstances(t.Context(), req)
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range page.GetInstances() {
				all = append(all, i.GetAccountId()+" "+i.GetInstanceId())
			}
			if req.PageToken = page.GetNextPageToken(); req.GetPageToken() == "" {
				return all
			}
		}
	}
	_, last, _ := strings.Cut(want[len(want)-1], " ")
	for _, test := range []struct {
		req  *fleetv1.ListInstancesRequest
		want []string
	}{
		{&fleetv1.ListInstancesRequest{}, want},
		{&fleetv1.ListInstancesRequest{Tags: map[string]string{"app": "web"}}, want},
		{&fleetv1.ListInstancesRequest{Tags: map[string]string{"app": "no"}}, nil},
		{&fleetv1.ListInstancesRequest{InstanceIds: []string{last}}, want[len(want)-1:]},
	} {
		if diff := cmp.Diff(test.want, list(test.req)); diff != "" {
			t.Errorf("%v: %s", test.req, diff)
		}
	}
	pools := map[string]int{}
	for _, zone := range []string{"cn-shenzhen-c", "cn-shenzhen-d", "cn-shenzhen-e"} {
		for _, one := range list(&fleetv1.ListInstancesRequest{ZoneId: zone, InstanceType: "ecs.c6.large"}) {
			pools[one]++
		}
	}
	for _, one := range want {
		if pools[one] != 1 {
			t.Errorf("%s is in %d pools", one, pools[one])
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stream, err := c.fleet.WatchInstances(ctx, &fleetv1.WatchInstancesRequest{AllAccounts: true})
	if err != nil {
		t.Fatal(err)
	}
	for told := []string{}; len(told) < len(want); {
		resp, err := stream.Recv()
		if err != nil {
			t.Fatal(err)
		}
		for _, transition := range resp.GetTransitions() {
			told = append(told, transition.GetInstance().GetAccountId()+" "+transition.GetInstance().GetInstanceId())
		}
		if diff := cmp.Diff(want[:len(told)], told); diff != "" {
			t.Fatal(diff)
		}
	}
}

func TestQuota_holdsAndTellsFigures(t *testing.T) {
	c := start(t, fleetsim.Config{Volatility: still()}, false)
	c.setAccount("small", &fleetv1.AccountSettings{SpotVcpuQuota: proto.Int64(5)}) // ecs.c6.large has 2
	small := as(t.Context(), "small")
	_, err := c.fleet.RunInstances(small, launch("a", 3))
	refused(t, err, codes.ResourceExhausted, fleetv1.ErrorReason_ERROR_REASON_QUOTA_EXCEEDED)
	if quota, ok := detail[*errdetails.QuotaFailure](err); !ok || quota.GetViolations()[0].GetSubject() != "account:small" {
		t.Errorf("no quota failure: %v", err)
	}
	if info, ok := detail[*errdetails.ErrorInfo](err); !ok || info.GetMetadata()["quota_vcpus"] != "5" || info.GetMetadata()["wanted_vcpus"] != "6" || info.GetMetadata()["used_vcpus"] != "0" {
		t.Errorf("got %v", info)
	}
	resp, err := c.fleet.RunInstances(small, launch("a", 3, func(r *fleetv1.RunInstancesRequest) { r.MinAmount = 1 }))
	if err != nil || len(resp.GetInstanceIds()) != 2 {
		t.Errorf("%v, %v", resp, err)
	}
	if _, err := c.fleet.RunInstances(small, launch("b", 9, func(r *fleetv1.RunInstancesRequest) { r.BillingMethod = payg })); err != nil {
		t.Errorf("the quota of spot holds pay-as-you-go: %v", err)
	}
}

// TestOverdue_stopsAndRecovers follows an account that runs out of money.
func TestOverdue_stopsAndRecovers(t *testing.T) {
	c := start(t, fleetsim.Config{Volatility: still()}, false)
	id := c.run(launch("a", 1, func(r *fleetv1.RunInstancesRequest) { r.BillingMethod = payg }))[0]
	price := c.one(id).GetPriceMicrosPerHour()
	deposit := func(request string, micros int64) *fleetv1.Account {
		resp, err := c.simulation.Deposit(t.Context(), &fleetv1.DepositRequest{RequestId: request, AccountId: "default", AmountMicros: micros})
		if err != nil {
			t.Fatal(err)
		}
		return resp.GetAccount()
	}
	for range 2 { // the second is the same deposit
		if a := deposit("first", price*3/2); a.GetBalanceMicros() != price*3/2 || a.GetOverdue() {
			t.Errorf("got %v", a)
		}
	}
	c.clock.Advance(3 * time.Hour)
	i := c.one(id)
	if i.GetStatus() != stopped || i.GetStoppedMode() != stopCharging || len(i.GetOperationLocks()) != 1 || i.GetOperationLocks()[0] != fleetv1.OperationLock_OPERATION_LOCK_FINANCIAL {
		t.Errorf("overdue: %v", i)
	}
	full, err := c.fleet.ListInstanceStatuses(t.Context(), &fleetv1.ListInstanceStatusesRequest{})
	if events := full.GetStatuses()[0].GetSystemEvents(); err != nil || len(events) != 1 || events[0].GetEventType() != "AccountUnbalanced.Stop" || events[0].GetPublishTime() == nil {
		t.Errorf("%v, %v", full, err)
	}
	for _, try := range []func() error{
		func() error { _, err := c.fleet.RunInstances(t.Context(), launch("b", 1)); return err },
		func() error {
			_, err := c.fleet.StartInstances(t.Context(), &fleetv1.StartInstancesRequest{InstanceIds: []string{id}})
			return err
		},
	} {
		refused(t, try(), codes.FailedPrecondition, fleetv1.ErrorReason_ERROR_REASON_INSUFFICIENT_BALANCE)
	}
	if a := deposit("second", price*100); a.GetOverdue() {
		t.Errorf("paid: %v", a)
	}
	c.must("FleetService/StartInstances", &fleetv1.StartInstancesRequest{InstanceIds: []string{id}})
	c.clock.Advance(time.Minute)
	if i := c.one(id); i.GetStatus() != running || len(i.GetOperationLocks()) != 0 {
		t.Errorf("paid: %v", i)
	}
}

func TestThrottle_followsTheCloudsClock(t *testing.T) {
	c := start(t, fleetsim.Config{Volatility: still()}, false)
	c.setAccount("busy", &fleetv1.AccountSettings{CallsPerSecond: proto.Int32(2), CallBurst: proto.Int32(3)})
	busy := as(t.Context(), "busy")
	call := func() error {
		_, err := c.fleet.ListZones(busy, &fleetv1.ListZonesRequest{})
		return err
	}
	for range 3 {
		if err := call(); err != nil {
			t.Fatal(err)
		}
	}
	for range 5 { // being refused costs nothing
		err := call()
		refused(t, err, codes.ResourceExhausted, fleetv1.ErrorReason_ERROR_REASON_THROTTLED)
		if retry, ok := detail[*errdetails.RetryInfo](err); !ok || retry.GetRetryDelay().AsDuration() != 500*time.Millisecond {
			t.Errorf("got %v", retry)
		}
	}
	if _, err := c.billing.GetAccount(busy, &fleetv1.GetAccountRequest{}); !rpc.HasReason(err, fleetv1.ErrorReason_ERROR_REASON_THROTTLED) {
		t.Errorf("GetAccount: %v", err)
	}
	stream, err := c.fleet.WatchPools(busy, &fleetv1.WatchPoolsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); !rpc.HasReason(err, fleetv1.ErrorReason_ERROR_REASON_THROTTLED) {
		t.Errorf("WatchPools: %v", err)
	}
	if _, err := c.fleet.ListZones(t.Context(), &fleetv1.ListZonesRequest{}); err != nil {
		t.Errorf("another account: %v", err)
	}
	c.clock.Advance(500 * time.Millisecond)
	if err := call(); err != nil {
		t.Errorf("half a second later: %v", err)
	}
	refused(t, call(), codes.ResourceExhausted, fleetv1.ErrorReason_ERROR_REASON_THROTTLED)
	c.setAccount("busy", nil)
	for range 20 {
		if err := call(); err != nil {
			t.Fatalf("no limit any more: %v", err)
		}
	}
}

func TestSetAccount_thousandAtMost(t *testing.T) {
	c := start(t, fleetsim.Config{Volatility: still()}, false)
	for i := range 999 {
		c.setAccount("a"+string(rune('a'+i/100))+string(rune('a'+i/10%10))+string(rune('a'+i%10)), nil)
	}
	_, err := c.simulation.SetAccount(t.Context(), &fleetv1.SetAccountRequest{AccountId: "more"})
	refused(t, err, codes.ResourceExhausted, fleetv1.ErrorReason_ERROR_REASON_LIMIT_EXCEEDED)
	all, err := c.simulation.ListAccounts(t.Context(), &fleetv1.ListAccountsRequest{})
	if err != nil || len(all.GetAccounts()) != 1000 {
		t.Errorf("%d accounts, %v", len(all.GetAccounts()), err)
	}
	if a := c.setAccount("default", &fleetv1.AccountSettings{CallBurst: proto.Int32(7)}); a.GetSettings().GetCallBurst() != 7 || a.GetSettings().SpotVcpuQuota != nil {
		t.Errorf("got %v", a)
	}
}
