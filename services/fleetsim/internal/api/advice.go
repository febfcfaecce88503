package api

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim/market"
)

// adviceKept is how many pieces of advice are remembered.
const adviceKept = 4096

// adviceMemory remembers the advice of an hour of the cloud's clock: it takes
// long to find and changes little.
type adviceMemory struct {
	mu   sync.Mutex
	hour int64                 // guarded by mu
	kept map[int]market.Advice // by offer; guarded by mu
}

func newAdviceMemory() adviceMemory { return adviceMemory{kept: map[int]market.Advice{}} }

func (m *adviceMemory) find(hour int64, offer int) (market.Advice, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	advice, ok := m.kept[offer]
	return advice, ok && hour == m.hour
}

func (m *adviceMemory) keep(hour int64, offer int, advice market.Advice) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if hour != m.hour || len(m.kept) >= adviceKept {
		clear(m.kept)
		m.hour = hour
	}
	m.kept[offer] = advice
}

// ListSpotAdvice implements the contract.
func (f *fleet) ListSpotAdvice(ctx context.Context, req *fleetv1.ListSpotAdviceRequest) (*fleetv1.ListSpotAdviceResponse, error) {
	if err := f.checkAdvice(req); err != nil {
		return nil, err
	}
	hour := f.Engine.Pace().Now().Truncate(time.Hour)
	resp := &fleetv1.ListSpotAdviceResponse{}
	for _, instanceType := range slices.Sorted(slices.Values(req.GetInstanceTypes())) {
		first, end := f.Catalog.OffersOf(instanceType)
		for index := first; index < end; index++ {
			offer := &f.Catalog.Offers()[index]
			if req.GetZoneId() != "" && req.GetZoneId() != offer.ZoneID {
				continue
			}
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			advice, known := f.advice.find(hour.Unix(), index)
			if !known {
				advice = market.Advise(f.Market, index, offer.Capacity, offer.PayAsYouGoMicros, hour.UnixNano())
				f.advice.keep(hour.Unix(), index, advice)
			}
			resp.Advice = append(resp.Advice, &fleetv1.SpotAdvice{
				ZoneId: offer.ZoneID, InstanceType: offer.InstanceType, AveragePricePercent: int32(advice.DiscountPercent),
				InterruptionPermille: int32(advice.InterruptionPermille), InterruptionBand: advice.Band.String(),
			})
		}
	}
	return resp, nil
}

func (f *fleet) checkAdvice(req *fleetv1.ListSpotAdviceRequest) error {
	zone := req.GetZoneId()
	var violations rpc.Violations
	if zone != "" {
		checkZone(f.Catalog, &violations, "zone_id", zone)
	}
	for i, instanceType := range req.GetInstanceTypes() {
		checkType(f.Catalog, &violations, fmt.Sprintf("instance_types[%d]", i), instanceType)
		if _, sold := f.Catalog.Find(zone, instanceType); !sold && f.Catalog.HasZone(zone) && f.Catalog.HasType(instanceType) {
			refuseZoneOfType(f.Catalog, &violations, "zone_id", zone, instanceType)
		}
	}
	return violations.ErrWithReason(fleetv1.ErrorReason_ERROR_REASON_UNKNOWN_POOL, nil)
}
