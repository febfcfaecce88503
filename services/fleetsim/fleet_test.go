package fleetsim_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim"
)

const (
	spot = fleetv1.BillingMethod_BILLING_METHOD_SPOT
	payg = fleetv1.BillingMethod_BILLING_METHOD_PAY_AS_YOU_GO
)

func TestRunInstances_theDocumentedSample(t *testing.T) {
	c := start(t, fleetsim.Config{Volatility: still()}, false)
	small := &fleetv1.PoolSelector{ZoneId: "cn-shenzhen-d", InstanceType: "ecs.s6-c1m1.small", BillingMethod: payg}
	if resp, err := c.simulation.DrainPools(t.Context(), &fleetv1.DrainPoolsRequest{Pools: small}); err != nil || resp.GetMatchedPools() != 1 {
		t.Fatalf("%v, %v", resp, err)
	}
	inSmall := func(billing fleetv1.BillingMethod) func(*fleetv1.RunInstancesRequest) {
		return func(r *fleetv1.RunInstancesRequest) {
			r.InstanceType, r.BillingMethod = small.GetInstanceType(), billing
		}
	}
	_, err := c.fleet.RunInstances(t.Context(), launch("p", 3, inSmall(payg)))
	if status.Code(err) != codes.ResourceExhausted || !rpc.HasReason(err, fleetv1.ErrorReason_ERROR_REASON_NO_INSTANCE_STOCK) {
		t.Errorf("a drained pool answered %v", err)
	}
	if ids := c.run(launch("s", 2, inSmall(spot))); len(ids) != 2 {
		t.Errorf("got %v", ids)
	}
	if _, err := c.simulation.RestorePools(t.Context(), &fleetv1.RestorePoolsRequest{Pools: small}); err != nil {
		t.Fatal(err)
	}
	if ids := c.run(launch("p", 3, inSmall(payg))); len(ids) != 3 {
		t.Errorf("a restored pool gave %v", ids)
	}
}

// TestRunInstances_isIdempotent holds S1 for request ids.
func TestRunInstances_isIdempotent(t *testing.T) {
	c := start(t, fleetsim.Config{Volatility: still()}, false)
	tagged := func(r *fleetv1.RunInstancesRequest) { r.Tags = map[string]string{"a": "1", "b": "2"} }
	first := c.run(launch("r", 5, tagged))
	if _, err := c.fleet.DeleteInstances(t.Context(), &fleetv1.DeleteInstancesRequest{InstanceIds: first[:2]}); err != nil {
		t.Fatal(err)
	}
	explicit := func(r *fleetv1.RunInstancesRequest) {
		r.SpotProtection, r.MinAmount = fleetv1.SpotProtection_SPOT_PROTECTION_ONE_HOUR, 5
	}
	for _, again := range [][]string{c.run(launch("r", 5, tagged)), c.run(launch("r", 5, tagged, explicit))} {
		if !slices.Equal(first, again) {
			t.Errorf("S1: first %v, then %v", first, again)
		}
	}
	if all, _ := c.list(&fleetv1.ListInstancesRequest{}); len(all) != 3 {
		t.Errorf("S1: %d instances", len(all))
	}
	_, err := c.fleet.RunInstances(t.Context(), launch("r", 6, tagged))
	if status.Code(err) != codes.InvalidArgument || !rpc.HasReason(err, fleetv1.ErrorReason_ERROR_REASON_IDEMPOTENT_PARAMETER_MISMATCH) {
		t.Errorf("other parameters: %v", err)
	}
}

func TestRunInstances_saysWhatWouldBeRight(t *testing.T) {
	c := start(t, fleetsim.Config{Volatility: still()}, false)
	for name, test := range map[string]struct {
		zone, instanceType string
		want               []string
	}{
		"both unknown": {"cn-shenzhen-x", "ecs.c6.larg", []string{
			`zone_id: must be a zone of cn-shenzhen: cn-shenzhen-c, cn-shenzhen-d, cn-shenzhen-e, cn-shenzhen-f, got "cn-shenzhen-x"`,
			`instance_type: must be an instance type of cn-shenzhen, as ListInstanceTypes lists them, such as ecs.c6.large, got "ecs.c6.larg"`,
		}},
		"not in the zone": {"cn-shenzhen-c", "ecs.t6-c1m1.large", []string{
			`zone_id: must be a zone that sells ecs.t6-c1m1.large: cn-shenzhen-d, cn-shenzhen-e, cn-shenzhen-f, got "cn-shenzhen-c"`,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.fleet.RunInstances(t.Context(), launch("r", 1, func(r *fleetv1.RunInstancesRequest) { r.ZoneId, r.InstanceType = test.zone, test.instanceType }))
			if status.Code(err) != codes.InvalidArgument || !rpc.HasReason(err, fleetv1.ErrorReason_ERROR_REASON_UNKNOWN_POOL) {
				t.Errorf("got %v", err)
			}
			var got []string
			for _, violation := range rpc.FieldViolations(err) {
				got = append(got, violation.GetField()+": "+violation.GetDescription())
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	_, err := c.fleet.RunInstances(t.Context(), launch("r", 1, func(r *fleetv1.RunInstancesRequest) { r.MaxPriceMicrosPerHour = 1000 }))
	if status.Code(err) != codes.FailedPrecondition || !rpc.HasReason(err, fleetv1.ErrorReason_ERROR_REASON_PRICE_BELOW_MARKET) {
		t.Errorf("got %v", err)
	}
	_, err = c.simulation.ReclaimInstances(t.Context(), &fleetv1.ReclaimInstancesRequest{Target: &fleetv1.ReclaimInstancesRequest_Pools{Pools: &fleetv1.PoolSelector{InstanceType: "nothing"}}})
	if !rpc.HasReason(err, fleetv1.ErrorReason_ERROR_REASON_UNKNOWN_POOL) || !strings.Contains(err.Error(), "pools.instance_type") {
		t.Errorf("got %v", err)
	}
}

func TestReclaim_tellsWhatIsNotThere(t *testing.T) {
	c := start(t, fleetsim.Config{Volatility: still()}, false)
	unprotected := func(r *fleetv1.RunInstancesRequest) { r.SpotProtection = fleetv1.SpotProtection_SPOT_PROTECTION_NONE }
	ids := c.run(launch("r", 3, unprotected))
	if _, err := c.fleet.DeleteInstances(t.Context(), &fleetv1.DeleteInstancesRequest{InstanceIds: ids[:1]}); err != nil {
		t.Fatal(err)
	}
	order := &fleetv1.ReclaimInstancesRequest{MaxInstances: 1, Target: &fleetv1.ReclaimInstancesRequest_Instances{
		Instances: &fleetv1.InstanceIds{InstanceIds: []string{ids[1], "i-none", ids[0], ids[2]}},
	}}
	for _, noticed := range []int32{1, 0} { // the one that has its notice counts
		want := &fleetv1.ReclaimInstancesResponse{NoticedInstances: noticed, MissingInstanceIds: []string{"i-none", ids[0]}}
		got, err := c.simulation.ReclaimInstances(t.Context(), order)
		if diff := cmp.Diff(want, got, protocmp.Transform()); err != nil || diff != "" {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
	}
}

// TestSpot_lifecycle follows instances of a reclaimed pool to their end (S10):
// the end of a protection and of a notice fire when they are due (L3).
func TestSpot_lifecycle(t *testing.T) {
	c := start(t, fleetsim.Config{Volatility: still()}, false)
	ids := append(c.run(launch("protected", 1)), c.run(launch("open", 1, func(r *fleetv1.RunInstancesRequest) {
		r.SpotProtection, r.Tags = fleetv1.SpotProtection_SPOT_PROTECTION_NONE, map[string]string{"group": "g"}
	}))...)
	c.clock.Advance(time.Minute)
	all, cursor := c.list(&fleetv1.ListInstancesRequest{})
	for i, instance := range all {
		if instance.GetInstanceId() != ids[i] || instance.GetStatus() != fleetv1.InstanceStatus_INSTANCE_STATUS_RUNNING || instance.GetStartTime() == nil || instance.GetAccountId() != "default" {
			t.Errorf("got %v", instance)
		}
	}
	if end := all[0].GetProtectionEndTime().AsTime(); !end.Equal(origin.Add(time.Hour)) || all[1].GetProtectionEndTime() != nil {
		t.Errorf("protection ends %v and %v", end, all[1].GetProtectionEndTime())
	}
	if guarded, open := all[0].GetPriceMicrosPerHour(), all[1].GetPriceMicrosPerHour(); open != guarded*9/10 {
		t.Errorf("protected %d, unprotected %d", guarded, open)
	}
	resp, err := c.simulation.ReclaimInstances(t.Context(), &fleetv1.ReclaimInstancesRequest{Target: &fleetv1.ReclaimInstancesRequest_Pools{Pools: &fleetv1.PoolSelector{}}})
	if err != nil || resp.GetNoticedInstances() != 1 || resp.GetDeferredInstances() != 1 {
		t.Fatalf("%v, %v", resp, err)
	}
	c.clock.Advance(2 * time.Hour)
	transitions, _ := c.watch(cursor, 4, nil)
	var got []string
	for _, transition := range transitions {
		got = append(got, fmt.Sprintf("%s %s %s %s", transition.GetTime().AsTime().Sub(origin), transition.GetInstance().GetInstanceId(),
			strings.TrimPrefix(transition.GetKind().String(), "TRANSITION_KIND_"), strings.TrimPrefix(transition.GetReason().String(), "TRANSITION_REASON_")))
		if release := transition.GetInstance().GetReleaseTime().AsTime(); !release.Equal(transition.GetInstance().GetInterruptionNoticeTime().AsTime().Add(5 * time.Minute)) {
			t.Errorf("S10: %v", transition)
		}
	}
	if diff := cmp.Diff([]string{
		"1m0s " + ids[1] + " INTERRUPTION_NOTICE RECLAIM_ORDERED",
		"6m0s " + ids[1] + " RELEASED RECLAIM_ORDERED",
		"1h0m0s " + ids[0] + " INTERRUPTION_NOTICE RECLAIM_ORDERED",
		"1h5m0s " + ids[0] + " RELEASED RECLAIM_ORDERED",
	}, got); diff != "" {
		t.Error(diff)
	}
	if tagged, _ := c.watch(cursor, 2, map[string]string{"group": "g"}); len(tagged) != 2 || tagged[0].GetInstance().GetInstanceId() != ids[1] {
		t.Errorf("filtered by tag: %v", tagged)
	}
	if all, _ := c.list(&fleetv1.ListInstancesRequest{}); len(all) != 0 {
		t.Errorf("released instances are listed: %v", all)
	}
}

func TestListInstances_filtersAndPages(t *testing.T) {
	c := start(t, fleetsim.Config{Volatility: still()}, false)
	group := func(name string) func(*fleetv1.RunInstancesRequest) {
		return func(r *fleetv1.RunInstancesRequest) { r.Tags = map[string]string{"group": name, "all": ""} }
	}
	a, b := c.run(launch("a", 7, group("a"))), c.run(launch("b", 4, group("b"), func(r *fleetv1.RunInstancesRequest) { r.BillingMethod = payg }))
	for name, test := range map[string]struct {
		req  *fleetv1.ListInstancesRequest
		want []string
	}{
		"all, by threes":  {&fleetv1.ListInstancesRequest{PageSize: 3}, append(slices.Clone(a), b...)},
		"a page too many": {&fleetv1.ListInstancesRequest{PageSize: 11}, append(slices.Clone(a), b...)},
		"by tag":          {&fleetv1.ListInstancesRequest{PageSize: 3, Tags: map[string]string{"group": "a", "all": ""}}, a},
		"by no such tag":  {&fleetv1.ListInstancesRequest{Tags: map[string]string{"group": "c"}}, nil},
		"by billing":      {&fleetv1.ListInstancesRequest{BillingMethod: payg}, b},
		"by zone":         {&fleetv1.ListInstancesRequest{ZoneId: "cn-shenzhen-e"}, nil},
		"by type and tag": {&fleetv1.ListInstancesRequest{InstanceType: "ecs.c6.large", Tags: map[string]string{"group": "b"}}, b},
		"by id":           {&fleetv1.ListInstancesRequest{InstanceIds: []string{b[1], "garbage", a[0], "i-000000000zzzz"}}, []string{a[0], b[1]}},
	} {
		t.Run(name, func(t *testing.T) {
			all, _ := c.list(test.req)
			var got []string
			for _, instance := range all {
				got = append(got, instance.GetInstanceId())
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	for _, token := range []string{"garbage", rpc.EncodePageToken("fleet.instances", "garbage"), rpc.EncodePageToken("fleet.pools", a[0])} {
		if _, err := c.fleet.ListInstances(t.Context(), &fleetv1.ListInstancesRequest{PageToken: token}); !rpc.HasReason(err, fleetv1.ErrorReason_ERROR_REASON_INVALID_TOKEN) {
			t.Errorf("token %q: %v", token, err)
		}
	}
}

func TestUpdateInstanceTags(t *testing.T) {
	c := start(t, fleetsim.Config{Volatility: still()}, false)
	ids := c.run(launch("a", 2))
	update := func(ids ...string) error {
		_, err := c.fleet.UpdateInstanceTags(t.Context(), &fleetv1.UpdateInstanceTagsRequest{InstanceIds: ids, SetTags: map[string]string{"k": "v"}})
		return err
	}
	err := update(ids[0], "garbage", "i-000000000000z")
	if status.Code(err) != codes.NotFound || !rpc.HasReason(err, fleetv1.ErrorReason_ERROR_REASON_INSTANCE_NOT_FOUND) || !strings.Contains(err.Error(), "garbage") {
		t.Errorf("got %v", err)
	}
	if all, _ := c.list(&fleetv1.ListInstancesRequest{Tags: map[string]string{"k": "v"}}); len(all) != 0 {
		t.Error("some were tagged though one is missing")
	}
	if err := update(ids...); err != nil {
		t.Error(err)
	}
	if all, _ := c.list(&fleetv1.ListInstancesRequest{Tags: map[string]string{"k": "v"}}); len(all) != 2 || all[0].GetTransitionNumber() != 2 {
		t.Errorf("got %v", all)
	}
	many := &fleetv1.UpdateInstanceTagsRequest{InstanceIds: ids, SetTags: map[string]string{}}
	for i := range 20 {
		many.SetTags[fmt.Sprint("key", i)] = ""
	}
	if _, err := c.fleet.UpdateInstanceTags(t.Context(), many); status.Code(err) != codes.InvalidArgument || len(rpc.FieldViolations(err)) != 1 {
		t.Errorf("21 tags: %v", err)
	}
}

func TestPools_listAndTypesAgree(t *testing.T) {
	c := start(t, fleetsim.Config{}, false)
	var pools []*fleetv1.Pool
	for token, pages := "", 0; pages == 0 || token != ""; pages++ {
		resp, err := c.fleet.ListPools(t.Context(), &fleetv1.ListPoolsRequest{PageSize: 249, PageToken: token})
		if err != nil {
			t.Fatal(err)
		}
		pools, token = append(pools, resp.GetPools()...), resp.GetNextPageToken()
	}
	types := map[string]*fleetv1.InstanceType{}
	for token, pages := "", 0; pages == 0 || token != ""; pages++ {
		resp, err := c.fleet.ListInstanceTypes(t.Context(), &fleetv1.ListInstanceTypesRequest{PageSize: 100, PageToken: token})
		if err != nil {
			t.Fatal(err)
		}
		token = resp.GetNextPageToken()
		for _, instanceType := range resp.GetInstanceTypes() {
			types[instanceType.GetInstanceType()] = instanceType
		}
	}
	sold := 0
	for _, instanceType := range types {
		sold += 2 * len(instanceType.GetZoneIds())
	}
	if sold != len(pools) {
		t.Errorf("types are sold in %d pools, %d are listed", sold, len(pools))
	}
	key := func(p *fleetv1.Pool) string {
		return fmt.Sprint(p.GetInstanceType(), " ", p.GetZoneId(), " ", p.GetBillingMethod().Number())
	}
	for i, pool := range pools {
		if i > 0 && key(pools[i-1]) >= key(pool) {
			t.Fatalf("%s comes after %s", key(pool), key(pools[i-1]))
		}
		list := pool.GetPayAsYouGoPriceMicrosPerHour()
		if price := pool.GetPriceMicrosPerHour(); price > list || 10*price < list || list != types[pool.GetInstanceType()].GetPayAsYouGoPriceMicrosPerHour() {
			t.Errorf("S10: %v", pool)
		}
		if (pool.GetAvailableInstances() == 0) != (pool.GetStockStatus() == fleetv1.StockStatus_STOCK_STATUS_WITHOUT_STOCK) {
			t.Errorf("%v", pool)
		}
	}
	some, err := c.fleet.ListPools(t.Context(), &fleetv1.ListPoolsRequest{ZoneIds: []string{"cn-shenzhen-c", "cn-shenzhen-e"}, InstanceTypes: []string{"ecs.c6.large"}, BillingMethod: spot})
	if err != nil || len(some.GetPools()) != 2 || some.GetNextPageToken() != "" {
		t.Errorf("%v, %v", some, err)
	}
	for _, token := range []string{"garbage", rpc.EncodePageToken("fleet.pools", "a b c")} {
		if _, err := c.fleet.ListPools(t.Context(), &fleetv1.ListPoolsRequest{PageToken: token}); !rpc.HasReason(err, fleetv1.ErrorReason_ERROR_REASON_INVALID_TOKEN) {
			t.Errorf("token %q: %v", token, err)
		}
	}
}
