package allocator_test

import (
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

// held is five spot instances in each of two pools and one that is not wanted
// any more.
func held() []*allocatorv1.HeldPool {
	return []*allocatorv1.HeldPool{
		{ZoneId: "a", InstanceType: "c6.large", BillingMethod: spot, Instances: 5, WeightMilliunits: 1000},
		{ZoneId: "b", InstanceType: "c6.large", BillingMethod: spot, Instances: 5, WeightMilliunits: 1000, PriceMicrosPerHour: new(int64(30_000))},
		{ZoneId: "c", InstanceType: "old", BillingMethod: spot, Instances: 1, WeightMilliunits: 1000},
	}
}

func TestScaleIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t)
		told := spotPool("a", 5)
		told.InterruptionPermille = new(int32(7))
		(<-h.fleet.streams).tell(1, true, told, spotPool("b", 5))
		<-h.service.Ready()
		r := request(7, "a", "b")
		got, err := h.client.ScaleIn(t.Context(), &allocatorv1.ScaleInRequest{Candidates: r.GetCandidates(), Demands: r.GetDemands(), Held: held()})
		if err != nil {
			t.Fatal(err)
		}
		want := &allocatorv1.ScaleInResponse{
			Decisions: []*allocatorv1.HeldDecision{
				{
					HeldIndex: 2, ZoneId: "c", InstanceType: "old", BillingMethod: spot, RemoveInstances: 1, Rank: 1,
					Reason: allocatorv1.RemovalReason_REMOVAL_REASON_NO_CANDIDATE,
				},
				{
					HeldIndex: 1, ZoneId: "b", InstanceType: "c6.large", BillingMethod: spot, RemoveInstances: 3, KeepInstances: 2, Rank: 2,
					Reason: allocatorv1.RemovalReason_REMOVAL_REASON_DEAREST, PriceMicrosPerHour: 30_000, UnitPriceMicrosPerHour: 30_000,
				},
				{
					HeldIndex: 0, ZoneId: "a", InstanceType: "c6.large", BillingMethod: spot, KeepInstances: 5, Rank: 3,
					Reason: allocatorv1.RemovalReason_REMOVAL_REASON_DEAREST, PriceMicrosPerHour: 20_000, UnitPriceMicrosPerHour: 20_000,
					InterruptionPermille: new(int32(7)),
				},
			},
			SavingMicrosPerHour: 90_000,
			ViewTime:            at(1),
		}
		if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}

func TestRebalance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t)
		r := request(11, "b", "a")
		ask := &allocatorv1.RebalanceRequest{
			Candidates: r.GetCandidates(), Demands: r.GetDemands(), Held: held()[:2], MaxRemovedInstances: 3,
			WhatIf: &allocatorv1.Market{Pools: []*fleetv1.Pool{spotPool("a", 50), pool("b", "c6.large", spot, 30_000, 50)}, AsOfTime: at(7)},
		}
		got, err := h.client.Rebalance(t.Context(), ask)
		if err != nil {
			t.Fatal(err)
		}
		want := &allocatorv1.RebalanceResponse{
			Moves: []*allocatorv1.Move{{
				BillingMethod: spot, HeldIndex: 1, FromZoneId: "b", FromInstanceType: "c6.large", RemoveInstances: 3,
				CandidateIndex: 1, ToZoneId: "a", ToInstanceType: "c6.large", LaunchInstances: 3, SavingMicrosPerHour: 30_000,
				WeightMilliunits: 1000, PriceMicrosPerHour: 20_000,
			}},
			CostBeforeMicrosPerHour: 250_000, CostAfterMicrosPerHour: 220_000, ViewTime: at(7),
		}
		if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}

// What placements in flight have been promised is not free to move to.
func TestRebalance_keepsOffWhatIsPromised(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t)
		(<-h.fleet.streams).tell(1, true, spotPool("a", 5), pool("b", "c6.large", spot, 30_000, 50))
		<-h.service.Ready()
		h.place(t, promised("another", 3, "a"))
		r := request(5, "a", "b")
		got, err := h.client.Rebalance(t.Context(), &allocatorv1.RebalanceRequest{
			Candidates: r.GetCandidates(), Demands: r.GetDemands(), Held: held()[1:2], MaxRemovedInstances: 5,
		})
		if err != nil {
			t.Fatal(err)
		}
		if moves := got.GetMoves(); len(moves) != 1 || moves[0].GetLaunchInstances() != 2 {
			t.Errorf("got %v, want a move of the 2 instances that nobody is promised", moves)
		}
	})
}

func TestScaleInAndRebalance_nameAllThatIsWrong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t)
		candidates := []*allocatorv1.Candidate{{ZoneId: "a", WeightMilliunits: 1}}
		demands := request(1, "a").GetDemands()
		demands = append(demands, demands[0])
		market := &allocatorv1.Market{Pools: []*fleetv1.Pool{{ZoneId: "a", InstanceType: "t"}}}
		want := []string{"candidates[0].instance_type", "demands[1].billing_method", "what_if.pools[0].billing_method"}
		_, err := h.client.ScaleIn(t.Context(), &allocatorv1.ScaleInRequest{Candidates: candidates, Demands: demands, WhatIf: market})
		if diff := cmp.Diff(want, fieldsOf(err)); diff != "" {
			t.Errorf("ScaleIn: got %v (-want +got)\n%s", err, diff)
		}
		_, err = h.client.Rebalance(t.Context(), &allocatorv1.RebalanceRequest{
			Candidates: candidates, Demands: demands, WhatIf: market, MaxRemovedInstances: 1,
		})
		if diff := cmp.Diff(want, fieldsOf(err)); diff != "" {
			t.Errorf("Rebalance: got %v (-want +got)\n%s", err, diff)
		}
	})
}
