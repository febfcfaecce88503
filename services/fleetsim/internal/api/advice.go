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

// adviceTime is the time that advice given at a time is of: the midnight before
// it, UTC, so that all who ask on one day are told the same.
func adviceTime(now time.Time) time.Time { return now.UTC().Truncate(24 * time.Hour) }

// adviceMemory remembers the advice of a day of the cloud's clock: it takes long
// to find and changes little.
type adviceMemory struct {
	mu   sync.Mutex
	of   time.Time             // guarded by mu
	kept map[int]market.Advice // by offer; guarded by mu
}

func newAdviceMemory() adviceMemory { return adviceMemory{kept: map[int]market.Advice{}} }

func (m *adviceMemory) find(of time.Time, offer int) (market.Advice, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	advice, ok := m.kept[offer]
	return advice, ok && of.Equal(m.of)
}

func (m *adviceMemory) keep(of time.Time, offer int, advice market.Advice) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !of.Equal(m.of) || len(m.kept) >= adviceKept {
		clear(m.kept)
		m.of = of
	}
	m.kept[offer] = advice
}

// ListSpotAdvice implements the contract.
func (f *fleet) ListSpotAdvice(ctx context.Context, req *fleetv1.ListSpotAdviceRequest) (*fleetv1.ListSpotAdviceResponse, error) {
	if err := f.checkAdvice(req); err != nil {
		return nil, err
	}
	of := adviceTime(f.Engine.Pace().Now())
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
			advice, known := f.advice.find(of, index)
			if !known {
				advice = market.Advise(f.Market, index, offer.Capacity, offer.PayAsYouGoMicros, of.UnixNano())
				f.advice.keep(of, index, advice)
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
