package system

import (
	"context"
	"testing"

	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

// AwaitSoldOut waits until the allocator has seen that a pool has no stock, so
// that what a test does next does not race with the view.
func (s *System) AwaitSoldOut(t testing.TB, zone, instanceType string, billing fleetv1.BillingMethod) {
	t.Helper()
	Eventually(t, "the allocator's view of the empty pool", func() (bool, any) {
		placed, err := s.Allocator.Place(context.Background(), &allocatorv1.PlaceRequest{
			Candidates: []*allocatorv1.Candidate{{ZoneId: zone, InstanceType: instanceType, WeightMilliunits: 1000}},
			Demands:    []*allocatorv1.Demand{{BillingMethod: billing, WantedMilliunits: 1000}},
		})
		if err != nil {
			return false, err
		}
		pools := placed.GetPlacements()[0].GetPools()
		return len(pools) == 1 && pools[0].GetVerdict() == allocatorv1.Verdict_VERDICT_NO_STOCK, placed
	})
}
