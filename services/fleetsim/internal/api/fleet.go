package api

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/seed-198b1370/muster/pkg/money"
	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim/catalog"
	"github.com/seed-198b1370/muster/services/fleetsim/internal/engine"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// Kinds of lists, which their page tokens name.
const (
	typeList     = "fleet.instance_types"
	poolList     = "fleet.pools"
	instanceList = "fleet.instances"
)

// Fleet serves FleetService.
type Fleet struct {
	fleetv1.UnimplementedFleetServiceServer
	engine  *engine.Engine
	catalog *catalog.Catalog
	account string
	id      uint64
}

// NewFleet makes the handlers of FleetService. All callers act for one account.
// The id tells this fleet's cursors from those of others.
func NewFleet(e *engine.Engine, c *catalog.Catalog, accountID string, id uint64) *Fleet {
	return &Fleet{engine: e, catalog: c, account: accountID, id: id}
}

// ListInstanceTypes implements the contract.
func (f *Fleet) ListInstanceTypes(_ context.Context, req *fleetv1.ListInstanceTypesRequest) (*fleetv1.ListInstanceTypesResponse, error) {
	last, ok := rpc.DecodePageToken(typeList, req.GetPageToken())
	if !ok {
		return nil, invalidToken("page_token", req.GetPageToken())
	}
	types := f.catalog.InstanceTypes()
	start, found := slices.BinarySearch(types, last)
	if found {
		start++
	}
	resp := &fleetv1.ListInstanceTypesResponse{}
	for _, name := range types[start:] {
		t := toInstanceType(f.catalog, name)
		if req.GetFamily() != "" && t.GetFamily() != req.GetFamily() {
			continue
		}
		if size := len(resp.GetInstanceTypes()); size == rpc.PageSize(req.GetPageSize()) {
			resp.NextPageToken = rpc.EncodePageToken(typeList, resp.GetInstanceTypes()[size-1].GetInstanceType())
			break
		}
		resp.InstanceTypes = append(resp.InstanceTypes, t)
	}
	return resp, nil
}

// ListZones implements the contract.
func (f *Fleet) ListZones(context.Context, *fleetv1.ListZonesRequest) (*fleetv1.ListZonesResponse, error) {
	resp := &fleetv1.ListZonesResponse{}
	for _, id := range f.catalog.ZoneIDs() {
		resp.Zones = append(resp.Zones, &fleetv1.Zone{ZoneId: id, RegionId: f.catalog.RegionID()})
	}
	return resp, nil
}

// RunInstances implements the contract.
func (f *Fleet) RunInstances(ctx context.Context, req *fleetv1.RunInstancesRequest) (*fleetv1.RunInstancesResponse, error) {
	offer, err := findOffer(f.catalog, req.GetZoneId(), req.GetInstanceType())
	if err != nil {
		return nil, err
	}
	spot := req.GetBillingMethod() == fleetv1.BillingMethod_BILLING_METHOD_SPOT
	launch := world.Launch{
		AccountID: f.account, RequestID: req.GetRequestId(), Pool: world.Pool{Offer: offer, Spot: spot},
		Amount: req.GetAmount(), MinAmount: req.GetMinAmount(), MaxPrice: req.GetMaxPriceMicrosPerHour(),
		Unprotected: spot && req.GetSpotProtection() == fleetv1.SpotProtection_SPOT_PROTECTION_NONE,
		Tags:        req.GetTags(),
	}
	if launch.MinAmount == 0 {
		launch.MinAmount = launch.Amount
	}
	answer, err := f.engine.Apply(ctx, launch)
	if err != nil {
		return nil, refusedLaunch(req, err)
	}
	resp := &fleetv1.RunInstancesResponse{InstanceIds: make([]string, answer.Launched)}
	for i := range resp.GetInstanceIds() {
		resp.InstanceIds[i] = instanceID(answer.First + uint64(i))
	}
	return resp, nil
}

// refusedLaunch turns the world's refusal of a launch into an error of the
// contract.
func refusedLaunch(req *fleetv1.RunInstancesRequest, err error) error {
	var stock *world.StockError
	var price *world.PriceError
	switch {
	case errors.As(err, &stock):
		metadata := poolMetadata(req)
		metadata["billing_method"] = req.GetBillingMethod().String()
		metadata["wanted"], metadata["available"] = decimal(stock.Wanted), decimal(stock.Available)
		return rpc.Error(codes.ResourceExhausted, fleetv1.ErrorReason_ERROR_REASON_NO_INSTANCE_STOCK, metadata,
			fmt.Sprintf("%s in %s has stock for %d instances, at least %d are wanted", req.GetInstanceType(), req.GetZoneId(), stock.Available, stock.Wanted))
	case errors.As(err, &price):
		metadata := poolMetadata(req)
		metadata["max_price_micros_per_hour"], metadata["market_price_micros_per_hour"] = decimal(price.Bid), decimal(price.Market)
		return rpc.Error(codes.FailedPrecondition, fleetv1.ErrorReason_ERROR_REASON_PRICE_BELOW_MARKET, metadata,
			fmt.Sprintf("the maximum price %s of %s in %s is below the market price %s", money.FormatMicros(price.Bid), req.GetInstanceType(), req.GetZoneId(), money.FormatMicros(price.Market)))
	case errors.Is(err, world.ErrRequestMismatch):
		var violations rpc.Violations
		violations.Add("request_id", req.GetRequestId(), "must not be used again with other parameters")
		return violations.ErrWithReason(fleetv1.ErrorReason_ERROR_REASON_IDEMPOTENT_PARAMETER_MISMATCH, map[string]string{"request_id": req.GetRequestId()})
	default:
		return stopping(err)
	}
}

// DeleteInstances implements the contract.
func (f *Fleet) DeleteInstances(ctx context.Context, req *fleetv1.DeleteInstancesRequest) (*fleetv1.DeleteInstancesResponse, error) {
	answer, err := f.engine.Apply(ctx, world.Release{AccountID: f.account, Numbers: instanceNumbers(req.GetInstanceIds())})
	if err != nil {
		return nil, stopping(err)
	}
	resp := &fleetv1.DeleteInstancesResponse{}
	for _, place := range answer.Missing {
		resp.MissingInstanceIds = append(resp.MissingInstanceIds, req.GetInstanceIds()[place])
	}
	return resp, nil
}

// UpdateInstanceTags implements the contract. A key that is both removed and
// set is set.
func (f *Fleet) UpdateInstanceTags(ctx context.Context, req *fleetv1.UpdateInstanceTagsRequest) (*fleetv1.UpdateInstanceTagsResponse, error) {
	_, err := f.engine.Apply(ctx, world.Retag{
		AccountID: f.account, Numbers: instanceNumbers(req.GetInstanceIds()),
		Set: req.GetSetTags(), Remove: req.GetRemoveTagKeys(),
	})
	var missing *world.NotFoundError
	switch {
	case errors.As(err, &missing):
		id := req.GetInstanceIds()[missing.Place]
		return nil, rpc.Error(codes.NotFound, fleetv1.ErrorReason_ERROR_REASON_INSTANCE_NOT_FOUND,
			map[string]string{"instance_id": id}, fmt.Sprintf("there is no instance %q", id))
	case errors.Is(err, world.ErrTooManyTags):
		var violations rpc.Violations
		violations.Add("set_tags", rpc.Literal(fmt.Sprintf("%d entries", len(req.GetSetTags()))), fmt.Sprintf("must leave every instance with at most %d tags", world.MaxTags))
		return nil, violations.Err()
	case err != nil:
		return nil, stopping(err)
	}
	return &fleetv1.UpdateInstanceTagsResponse{}, nil
}

// ListInstances implements the contract.
func (f *Fleet) ListInstances(ctx context.Context, req *fleetv1.ListInstancesRequest) (*fleetv1.ListInstancesResponse, error) {
	last, ok := rpc.DecodePageToken(instanceList, req.GetPageToken())
	after := instanceNumber(last)
	if !ok || last != "" && after == 0 {
		return nil, invalidToken("page_token", req.GetPageToken())
	}
	query := world.Query{
		AccountID: f.account, Numbers: instanceNumbers(req.GetInstanceIds()), ByNumber: len(req.GetInstanceIds()) > 0,
		Tags: fromTags(req.GetTags()), After: after, Limit: rpc.PageSize(req.GetPageSize()),
	}
	query.Pools = world.Selector{ZoneID: req.GetZoneId(), InstanceType: req.GetInstanceType()}
	if billing := req.GetBillingMethod(); billing != fleetv1.BillingMethod_BILLING_METHOD_UNSPECIFIED {
		spot := billing == fleetv1.BillingMethod_BILLING_METHOD_SPOT
		query.Pools.Billing = &spot
	}
	page, err := f.look(ctx, query)
	if err != nil {
		return nil, stopping(err)
	}
	resp := &fleetv1.ListInstancesResponse{Cursor: cursorOf(f.id, page.sequence)}
	for i := range page.Listed {
		resp.Instances = append(resp.Instances, toInstance(f.catalog, &page.Listed[i].Instance, page.Listed[i].Price))
	}
	if page.Next != 0 {
		resp.NextPageToken = rpc.EncodePageToken(instanceList, instanceID(page.Next))
	}
	return resp, nil
}

// page is instances of the world at one moment.
type page struct {
	world.Page
	sequence uint64
}

func (f *Fleet) look(ctx context.Context, query world.Query) (page, error) {
	// A look that outlives its caller writes where nobody reads.
	found := make(chan page, 1)
	err := f.engine.Look(ctx, func(w *world.World) {
		found <- page{w.List(query), w.Sequence()}
	})
	if err != nil {
		return page{}, err
	}
	return <-found, nil
}

// ListPools implements the contract.
func (f *Fleet) ListPools(ctx context.Context, req *fleetv1.ListPoolsRequest) (*fleetv1.ListPoolsResponse, error) {
	start, ok := f.firstPoolAfter(req.GetPageToken())
	if !ok {
		return nil, invalidToken("page_token", req.GetPageToken())
	}
	// Nothing is asked of the world: this lets happen what is due by now.
	if err := f.engine.Look(ctx, func(*world.World) {}); err != nil {
		return nil, stopping(err)
	}
	view := f.engine.Board().Changed(0)
	resp := &fleetv1.ListPoolsResponse{AsOfTime: timestamppb.New(view.AsOf.Time())}
	lastPool := ""
	for i := start; i < len(view.Pools); i++ {
		state := &view.Pools[i]
		if offer := &f.catalog.Offers()[state.Pool.Offer]; !oneOf(req.GetZoneIds(), offer.ZoneID) ||
			!oneOf(req.GetInstanceTypes(), offer.InstanceType) || !matchesBilling(req.GetBillingMethod(), state.Pool.Spot) {
			continue
		}
		if len(resp.GetPools()) == rpc.PageSize(req.GetPageSize()) {
			resp.NextPageToken = rpc.EncodePageToken(poolList, lastPool)
			break
		}
		resp.Pools = append(resp.Pools, toPool(f.catalog, state))
		lastPool = f.poolKey(state.Pool)
	}
	return resp, nil
}

func oneOf(wanted []string, value string) bool {
	return len(wanted) == 0 || slices.Contains(wanted, value)
}
