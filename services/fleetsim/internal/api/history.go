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
	"github.com/seed-198b1370/muster/services/fleetsim/internal/history"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// priceList is the kind of list that page tokens of spot prices name.
const priceList = "fleet.spot_prices"

// Bounds of the time that spot prices are told of.
const (
	usualSpan        = 3 * time.Hour
	longestSpan      = 30 * 24 * time.Hour
	defaultPriceSize = 250
)

// priceQuery is what a request for spot prices asks for. Its first page begins
// in the first zone at the start.
type priceQuery struct {
	zones    []string
	from, to world.Instant
	// The last step told of is that of a zone and a time; 0 for none.
	lastZone string
	lastAt   world.Instant
}

// ListSpotPrices implements the contract.
func (f *fleet) ListSpotPrices(_ context.Context, req *fleetv1.ListSpotPricesRequest) (*fleetv1.ListSpotPricesResponse, error) {
	query, err := f.priceQuery(req)
	if err != nil {
		return nil, err
	}
	size := int(req.GetPageSize())
	if size == 0 {
		size = defaultPriceSize
	}
	resp := &fleetv1.ListSpotPricesResponse{}
	for _, zone := range query.zones {
		if zone < query.lastZone {
			continue
		}
		more := f.addPrices(resp, req, query, zone, size)
		if more {
			last := resp.GetPrices()[len(resp.GetPrices())-1]
			resp.NextPageToken = rpc.EncodePageToken(priceList, priceKey(last.GetZoneId(), world.InstantOf(last.GetTime().AsTime()), query))
			break
		}
	}
	return resp, nil
}

// addPrices adds the steps of a zone to a page and tells whether there are more
// than it has room for.
func (f *fleet) addPrices(resp *fleetv1.ListSpotPricesResponse, req *fleetv1.ListSpotPricesRequest, query priceQuery, zone string, size int) bool {
	index, _ := f.Catalog.Find(zone, req.GetInstanceType())
	sold := &f.Catalog.Offers()[index]
	offer := &history.Offer{Market: f.Market, Index: index, Sold: sold, Shocks: f.Engine.Facts().Shocks}
	from, told, room := query.from, 0, size-len(resp.GetPrices())
	if zone == query.lastZone {
		from, told = query.lastAt, 1 // the step at which the page before ended comes again
	}
	if room == 0 { // every zone has a step
		return true
	}
	steps, more := history.Steps(offer, from, query.to, room+told)
	for _, step := range steps[min(told, len(steps)):] {
		price := step.PriceMicros
		if req.GetUnprotected() {
			price = price * 9 / 10
		}
		resp.Prices = append(resp.Prices, &fleetv1.SpotPrice{
			ZoneId: zone, Time: timestamppb.New(step.At.Time()),
			PriceMicrosPerHour: price, PayAsYouGoPriceMicrosPerHour: sold.PayAsYouGoMicros,
		})
	}
	return more
}

// priceQuery reads a request, or tells all that is wrong with it.
func (f *fleet) priceQuery(req *fleetv1.ListSpotPricesRequest) (priceQuery, error) {
	var query priceQuery
	var unknown rpc.Violations
	checkType(f.Catalog, &unknown, "instance_type", req.GetInstanceType())
	for i, zone := range req.GetZoneIds() {
		field := fmt.Sprintf("zone_ids[%d]", i)
		checkZone(f.Catalog, &unknown, field, zone)
		if _, sold := f.Catalog.Find(zone, req.GetInstanceType()); !sold && f.Catalog.HasZone(zone) && f.Catalog.HasType(req.GetInstanceType()) {
			refuseZoneOfType(f.Catalog, &unknown, field, zone, req.GetInstanceType())
		}
	}
	if err := unknown.ErrWithReason(fleetv1.ErrorReason_ERROR_REASON_UNKNOWN_POOL, nil); err != nil {
		return query, err
	}
	query.zones = slices.Compact(slices.Sorted(slices.Values(req.GetZoneIds())))
	if len(query.zones) == 0 {
		first, end := f.Catalog.OffersOf(req.GetInstanceType())
		for _, offer := range f.Catalog.Offers()[first:end] {
			query.zones = append(query.zones, offer.ZoneID)
		}
	}
	now := f.Engine.Pace().Now()
	key, ok := rpc.DecodePageToken(priceList, req.GetPageToken())
	if !ok || key != "" && !query.resume(key, now) {
		return query, invalidToken("page_token", req.GetPageToken())
	}
	return query, query.span(req, now)
}

// span reads the time that a request asks about. A page after the first is about
// that of the first, whatever time it is now.
func (q *priceQuery) span(req *fleetv1.ListSpotPricesRequest, now time.Time) error {
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
		q.to = max(q.to, q.from+1) // the price of a moment is a step, too
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

// priceKey is the place in a list of prices: the zone and the time of the last
// step told of, and the time that the list is about.
func priceKey(zone string, at world.Instant, q priceQuery) string {
	return fmt.Sprintf("%s %d %d %d", zone, at, q.from, q.to)
}

// resume takes up a list at a place; false for what is none, and for one that
// tells of the future.
func (q *priceQuery) resume(key string, now time.Time) bool {
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
