package api

import (
	"context"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim/internal/wire"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// CountInstances implements the contract.
func (f *fleet) CountInstances(ctx context.Context, req *fleetv1.CountInstancesRequest) (*fleetv1.CountInstancesResponse, error) {
	query := world.CountQuery{
		AccountID: accountOf(ctx), Tags: fromTags(req.GetTags()),
		Pools: selectorOf(req.GetZoneId(), req.GetInstanceType(), req.GetBillingMethod()),
	}
	type counts struct {
		all    []world.Count
		cursor string
	}
	found, err := look(ctx, f.Engine, func(w *world.World) counts {
		return counts{w.Count(query), cursorOf(f.Engine.FleetID(), w.Sequence())}
	})
	if err != nil {
		return nil, err
	}
	resp := &fleetv1.CountInstancesResponse{Cursor: found.cursor}
	for _, count := range found.all {
		offer := &f.Catalog.Offers()[count.Pool.Offer]
		resp.Counts = append(resp.Counts, &fleetv1.InstanceCount{
			ZoneId: offer.ZoneID, InstanceType: offer.InstanceType, BillingMethod: wire.ToBilling(count.Pool.Spot),
			Status: fleetv1.InstanceStatus(count.Status), Health: fleetv1.InstanceHealth(count.Health),
			Noticed: count.Noticed, Instances: count.Instances,
		})
	}
	return resp, nil
}
