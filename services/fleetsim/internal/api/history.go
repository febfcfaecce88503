package api

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim/catalog"
	"github.com/seed-198b1370/muster/services/fleetsim/internal/history"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// Kinds of lists that page tokens of histories name.
const (
	priceList = "fleet.spot_prices"
	stockList = "simulation.stock_history"
)

// Bounds of the time that a history tells of.
const (
	usualSpan       = 3 * time.Hour
	longestSpan     = 30 * 24 * time.Hour
	defaultStepSize = 250
)

// A stepRequest asks for a history, by zone, then time.
type stepRequest interface {
	GetInstanceType() string
	GetZoneIds() []string
	GetStartTime() *timestamppb.Timestamp
	GetEndTime() *timestamppb.Timestamp
	GetPageSize() int32
	GetPageToken() string
}

// stepQuery is what a request for a history asks for. Its first page begins in
// the first zone at the start.
type stepQuery struct {
	zones    []string
	from, to world.Instant
	// The last step told of is that of a zone and a time; 0 for none.
	lastZone string
	lastAt   world.Instant
}

// ListSpotPrices implements the contract.
func (f *fleet) ListSpotPrices(_ context.Context, req *fleetv1.ListSpotPricesRequest) (*fleetv1.ListSpotPricesResponse, error) {
	resp := &fleetv1.ListSpotPricesResponse{}
	var err error
	resp.NextPageToken, err = f.tellSteps(priceList, req, history.Prices, func(sold *catalog.Offer, step history.Step) {
		price := step.Value
		if req.GetUnprotected() {
			price = price * 9 / 10
		}
		resp.Prices = append(resp.Prices, &fleetv1.SpotPrice{
			ZoneId: sold.ZoneID, Time: timestamppb.New(step.At.Time()),
			PriceMicrosPerHour: price, PayAsYouGoPriceMicrosPerHour: sold.PayAsYouGoMicros,
		})
	})
	if err != nil {
		return nil, err
	}
	return resp, nil
}

// ListStockHistory implements the contract.
func (s *simulation) ListStockHistory(_ context.Context, req *fleetv1.ListStockHistoryRequest) (*fleetv1.ListStockHistoryResponse, error) {
	resp := &fleetv1.ListStockHistoryResponse{}
	var err error
	resp.NextPageToken, err = s.tellSteps(stockList, req, history.Stocks, func(sold *catalog.Offer, step history.Step) {
		resp.Stocks = append(resp.Stocks, &fleetv1.PastStock{
			ZoneId: sold.ZoneID, Time: timestamppb.New(step.At.Time()), LeftInstances: step.Value, CapacityInstances: sold.Capacity,
		})
	})
	if err != nil {
		return nil, err
	}
	return resp, nil
}

// tellSteps adds the steps of a page of a history and tells the token of the
// next page, if there is one.
func (d *Deps) tellSteps(
	list string, req stepRequest,
	steps func(o *history.Offer, from, to world.Instant, limit int) ([]history.Step, bool), add func(*catalog.Offer, history.Step),
) (nextToken string, err error) {
	query, err := d.stepQuery(list, req)
	if err != nil {
		return "", err
	}
	room := int(req.GetPageSize())
	if room == 0 {
		room = defaultStepSize
	}
	shocks := d.Engine.Facts().Shocks
	zone, at := query.lastZone, query.lastAt
	for _, next := range query.zones {
		if next < query.lastZone {
			continue
		}
		if room == 0 { // every zone has a step
			return rpc.EncodePageToken(list, stepKey(zone, at, query)), nil
		}
		from, told := query.from, 0
		if next == query.lastZone {
			from, told = query.lastAt, 1 // the step at which the page before ended comes again
		}
		index, _ := d.Catalog.Find(next, req.GetInstanceType())
		sold := &d.Catalog.Offers()[index]
		found, more := steps(&history.Offer{Market: d.Market, Index: index, Sold: sold, Shocks: shocks}, from, query.to, room+told)
		for _, step := range found[min(told, len(found)):] {
			add(sold, step)
			zone, at, room = next, step.At, room-1
		}
		if more {
			return rpc.EncodePageToken(list, stepKey(zone, at, query)), nil
		}
	}
	return "", nil
}

// stepQuery reads a request, or tells all that is wrong with it.
func (d *Deps) stepQuery(list string, req stepRequest) (stepQuery, error) {
	var query stepQuery
	var unknown rpc.Violations
	checkType(d.Catalog, &unknown, "instance_type", req.GetInstanceType())
	for i, zone := range req.GetZoneIds() {
		field := fmt.Sprintf("zone_ids[%d]", i)
		checkZone(d.Catalog, &unknown, field, zone)
		if _, sold := d.Catalog.Find(zone, req.GetInstanceType()); !sold && d.Catalog.HasZone(zone) && d.Catalog.HasType(req.GetInstanceType()) {
			refuseZoneOfType(d.Catalog, &unknown, field, zone, req.GetInstanceType())
		}
	}
	if err := unknown.ErrWithReason(fleetv1.ErrorReason_ERROR_REASON_UNKNOWN_POOL, nil); err != nil {
		return query, err
	}
	query.zones = slices.Compact(slices.Sorted(slices.Values(req.GetZoneIds())))
	if len(query.zones) == 0 {
		first, end := d.Catalog.OffersOf(req.GetInstanceType())
		for _, offer := range d.Catalog.Offers()[first:end] {
			query.zones = append(query.zones, offer.ZoneID)
		}
	}
	now := d.Engine.Pace().Now()
	key, ok := rpc.DecodePageToken(list, req.GetPageToken())
	if !ok || key != "" && !query.resume(key, now) {
		return query, invalidToken("page_token", req.GetPageToken())
	}
	return query, query.span(req, now)
}

// span reads the time that a request asks about. A page after the first is about
// that of the first, whatever time it is now.
func (q *stepQuery) span(req stepRequest, now time.Time) error {
	var violations rpc.Violations
	end := timeOf(&violations, "end_time", req.GetEndTime(), now)
	start := timeOf(&violations, "start_time", req.GetStartTime(), end.Add(-usualSpan))
	switch {
	case violations.Err() != nil:
	case end.After(now):
		violations.Add("end_time", rpc.Literal(end.Format(time.RFC3339Nano)), "must not be after the present time of the cloud, "+now.Format(time.RFC3339Nano))
	case start.After(end):
		violations.Add("start_time", rpc.Literal(start.Format(time.RFC3339Nano)), "must not be after the end, "+end.Format(time.RFC3339Nano))
	case end.Sub(start) > longestSpan:
		violations.Add("start_time", rpc.Literal(start.Format(time.RFC3339Nano)), "must be at most 30 days before the end, "+end.Format(time.RFC3339Nano))
	}
	if q.lastZone == "" {
		q.from, q.to = world.InstantOf(start), world.InstantOf(end)
		q.to = max(q.to, q.from+1) // the value of a moment is a step, too
	}
	return violations.Err()
}

// timeOf is the time of a request's field, or another if it is absent. A time
// must be one that the cloud's clock can show.
func timeOf(violations *rpc.Violations, field string, at *timestamppb.Timestamp, otherwise time.Time) time.Time {
	if at == nil {
		return otherwise
	}
	first, last := time.Unix(0, 1).UTC(), time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)
	if t := at.AsTime(); at.CheckValid() != nil || t.Before(first) || t.After(last) {
		violations.Add(field, rpc.Literal(fmt.Sprintf("%d s and %d ns since 1970", at.GetSeconds(), at.GetNanos())), "must be a time between 1970 and 2200")
		return otherwise
	}
	return at.AsTime()
}

// stepKey is the place in a history: the zone and the time of the last
// step told of, and the time that the list is about.
func stepKey(zone string, at world.Instant, q stepQuery) string {
	return fmt.Sprintf("%s %d %d %d", zone, at, q.from, q.to)
}

// resume takes up a list at a place; false for what is none, and for one that
// tells of the future.
func (q *stepQuery) resume(key string, now time.Time) bool {
	parts := strings.Split(key, " ")
	if len(parts) != 4 || !slices.Contains(q.zones, parts[0]) {
		return false
	}
	var numbers [3]world.Instant
	for i := range numbers {
		number, err := strconv.ParseInt(parts[i+1], 10, 64)
		if err != nil {
			return false
		}
		numbers[i] = world.Instant(number)
	}
	q.lastZone, q.lastAt, q.from, q.to = parts[0], numbers[0], numbers[1], numbers[2]
	return 0 < q.from && q.from <= q.lastAt && q.lastAt < q.to &&
		q.to-q.from <= world.Instant(longestSpan)+1 && q.to <= world.InstantOf(now)+1
}
