package api

import (
	"context"
	"slices"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim/internal/engine"
	"github.com/seed-198b1370/muster/services/fleetsim/internal/wire"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// poolList is the kind of list that page tokens of pools name.
const poolList = "fleet.pools"

// ListPools implements the contract.
func (f *fleet) ListPools(ctx context.Context, req *fleetv1.ListPoolsRequest) (*fleetv1.ListPoolsResponse, error) {
	start, ok := f.firstPoolAfter(req.GetPageToken())
	if !ok {
		return nil, invalidToken("page_token", req.GetPageToken())
	}
	// Nothing is asked of the world: this lets happen what is due by now.
	if err := f.Engine.Look(ctx, func(*world.World) {}); err != nil {
		return nil, stopping(err)
	}
	view := f.Engine.Board().Changed(0)
	resp := &fleetv1.ListPoolsResponse{AsOfTime: timestamppb.New(view.AsOf.Time())}
	lastPool, of := "", adviceTime(view.AsOf.Time())
	for i := start; i < len(view.Pools); i++ {
		state := &view.Pools[i]
		if offer := &f.Catalog.Offers()[state.Pool.Offer]; !oneOf(req.GetZoneIds(), offer.ZoneID) ||
			!oneOf(req.GetInstanceTypes(), offer.InstanceType) || !matchesBilling(req.GetBillingMethod(), state.Pool.Spot) {
			continue
		}
		if len(resp.GetPools()) == rpc.PageSize(req.GetPageSize()) {
			resp.NextPageToken = rpc.EncodePageToken(poolList, lastPool)
			break
		}
		resp.Pools = append(resp.Pools, f.toPool(state, of))
		lastPool = f.poolKey(state.Pool)
	}
	return resp, nil
}

func oneOf(wanted []string, value string) bool {
	return len(wanted) == 0 || slices.Contains(wanted, value)
}

// WatchPools implements the contract. A reader that is slow misses states in
// between, never the latest, so none is given up.
func (f *fleet) WatchPools(_ *fleetv1.WatchPoolsRequest, stream grpc.ServerStreamingServer[fleetv1.WatchPoolsResponse]) error {
	life := newBeat(f.Engine.Pace(), signOfLifeEvery)
	defer life.stop()
	w := &poolWatch{fleet: f, stream: stream, sent: make([]int32, len(f.Catalog.Offers()))}
	for view := f.Engine.Board().Changed(0); ; view = f.Engine.Board().Changed(view.Version) {
		if err := w.send(view); err != nil {
			return err
		}
		if err := w.sendRates(view.AsOf); err != nil {
			return err
		}
		if _, err := life.wait(stream.Context(), view.More, nil, f.Engine); err != nil {
			return err
		}
	}
}

// A poolWatch is a stream of pools on its way from the board to its reader.
type poolWatch struct {
	*fleet
	stream   grpc.ServerStreamingServer[fleetv1.WatchPoolsResponse]
	complete bool      // every pool has been sent
	sent     []int32   // the interruption rate of each offer that was sent last
	sentOf   time.Time // the day of which the rates of all have been sent
}

// send sends a view, or a sign of life if it is empty, in as many responses as
// it takes. The last of the first view makes the set complete.
func (w *poolWatch) send(view engine.View) error {
	of := adviceTime(view.AsOf.Time())
	for pools := view.Pools; ; {
		some := pools[:min(maxInResponse, len(pools))]
		pools = pools[len(some):]
		w.complete = w.complete || len(pools) == 0
		resp := &fleetv1.WatchPoolsResponse{Complete: w.complete, AsOfTime: timestamppb.New(view.AsOf.Time())}
		for i := range some {
			pool := w.toPool(&some[i], of)
			if some[i].Pool.Spot {
				w.sent[some[i].Pool.Offer] = pool.GetInterruptionPermille()
			}
			resp.Pools = append(resp.Pools, pool)
		}
		if err := w.stream.Send(resp); err != nil {
			return err
		}
		if len(pools) == 0 {
			return nil
		}
	}
}

// sendRates sends, when a day has begun since the rates were sent, the pools of
// which nothing else but the rate has changed.
func (w *poolWatch) sendRates(asOf world.Instant) error {
	if adviceTime(asOf.Time()).Equal(w.sentOf) {
		return nil
	}
	view := w.Engine.Board().Changed(0)
	w.sentOf = adviceTime(view.AsOf.Time())
	view.Pools = slices.DeleteFunc(view.Pools, func(p engine.PoolState) bool {
		return !p.Pool.Spot || w.sent[p.Pool.Offer] == w.rates.permille(p.Pool.Offer, w.sentOf)
	})
	if len(view.Pools) == 0 {
		return nil
	}
	return w.send(view)
}

// toPool writes a pool with the interruption rate that advice of a time tells.
func (f *fleet) toPool(p *engine.PoolState, of time.Time) *fleetv1.Pool {
	offer := &f.Catalog.Offers()[p.Pool.Offer]
	pool := &fleetv1.Pool{
		ZoneId: offer.ZoneID, InstanceType: offer.InstanceType, BillingMethod: wire.ToBilling(p.Pool.Spot),
		PriceMicrosPerHour: offer.PayAsYouGoMicros, PayAsYouGoPriceMicrosPerHour: offer.PayAsYouGoMicros,
		StockStatus: toStockStatus(p), AvailableInstances: new(int32(p.Available)),
	}
	if p.Pool.Spot {
		pool.PriceMicrosPerHour = p.Price
		pool.InterruptionPermille = new(f.rates.permille(p.Pool.Offer, of))
	}
	return pool
}

// toStockStatus calls little what is less than ten instances or less than a
// twentieth of the capacity.
func toStockStatus(p *engine.PoolState) fleetv1.StockStatus {
	switch {
	case p.Available <= 0:
		return fleetv1.StockStatus_STOCK_STATUS_WITHOUT_STOCK
	case p.Available < max(10, p.Capacity/20):
		return fleetv1.StockStatus_STOCK_STATUS_CLOSED_WITH_STOCK
	default:
		return fleetv1.StockStatus_STOCK_STATUS_WITH_STOCK
	}
}

// matchesBilling tells whether a pool is of a billing method; unspecified
// stands for both.
func matchesBilling(want fleetv1.BillingMethod, spot bool) bool {
	return want == fleetv1.BillingMethod_BILLING_METHOD_UNSPECIFIED || want == wire.ToBilling(spot)
}
