package fleetsim_test

import (
	"fmt"
	"testing"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim"
)

// TestPools_tellHowMuchThereIs empties a pool bit by bit: plenty, little (less
// than ten, or than a twentieth of the capacity), nothing.
func TestPools_tellHowMuchThereIs(t *testing.T) {
	c := start(t, fleetsim.Config{Volatility: still()}, false)
	pool := func() *fleetv1.Pool {
		resp, err := c.fleet.ListPools(t.Context(), &fleetv1.ListPoolsRequest{ZoneIds: []string{"cn-shenzhen-d"}, InstanceTypes: []string{"ecs.c6.large"}, BillingMethod: payg})
		if err != nil || len(resp.GetPools()) != 1 {
			t.Fatalf("%v, %v", resp, err)
		}
		return resp.GetPools()[0]
	}
	told := map[fleetv1.StockStatus]bool{}
	for n := 0; pool().GetAvailableInstances() > 0; n++ {
		p := pool()
		told[p.GetStockStatus()] = true
		if little := p.GetStockStatus() == fleetv1.StockStatus_STOCK_STATUS_CLOSED_WITH_STOCK; p.GetAvailableInstances() < 10 && !little {
			t.Errorf("%v", p)
		}
		c.run(launch(fmt.Sprint(n), min(100, max(1, p.GetAvailableInstances()/2))))
	}
	if p := pool(); p.GetStockStatus() != fleetv1.StockStatus_STOCK_STATUS_WITHOUT_STOCK || len(told) != 2 || !told[fleetv1.StockStatus_STOCK_STATUS_WITH_STOCK] {
		t.Errorf("told %v, then %v", told, p)
	}
}
