package ops

import (
	"context"
	"slices"
	"time"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/gateway/internal/table"
	"github.com/seed-198b1370/muster/services/gateway/wire"
)

// maxHistory is how long a time prices are told of at once.
const maxHistory = 30 * 24 * time.Hour

// pricesAtOnce is how many prices one answer has.
const pricesAtOnce = 1000

var (
	errHistoryTime  = bad("InvalidParams.Time", "The specified StartTime or EndTime is not valid.")
	errTypeAndCores = denied("InvalidParam.TypeAndCpuMem.Conflict", "Either InstanceTypes or Cores and Memory must be specified, not both.")
)

func describeSpotPriceHistory() Operation {
	return Operation{
		Operation: table.Operation{
			Name: "DescribeSpotPriceHistory", Summary: "Lists market prices of a type, by zone and time.",
			Params: []table.Param{
				regionParam(), {Name: "InstanceType", Required: true, Max: 64},
				{Name: "NetworkType", Required: true, OneOf: []string{"vpc", "classic"}, Wrong: bad("InvalidParams.NetworkType", "The specified NetworkType is not valid.")},
				{Name: "ZoneId", Max: 64},
				{Name: "SpotDuration", Kind: table.Integer, Max: 1, Note: "1, the default, tells prices of protected instances."},
				{Name: "StartTime", Kind: table.Time}, {Name: "EndTime", Kind: table.Time},
				{Name: "Offset", Kind: table.Integer, Max: 1e6},
				{Name: "OSType", Status: table.Ignored, Note: noGuests}, {Name: "IoOptimized", Status: table.Ignored},
			},
		},
		Run:   runPriceHistory,
		Rules: []Rule{{Field: "start_time", Error: errHistoryTime}, {Field: "end_time", Error: errHistoryTime}, {Reason: "fleet.muster/UNKNOWN_POOL", Error: errTypeUnknown}},
	}
}

func runPriceHistory(ctx context.Context, call *Call) (wire.Object, error) {
	if err := call.Cloud.CheckRegion(ctx, call.Text("RegionId"), errRegionID); err != nil {
		return nil, err
	}
	places, err := call.Cloud.Places(ctx)
	if err != nil {
		return nil, err
	}
	if places.TypeOf[call.Text("InstanceType")] == nil {
		return nil, errTypeUnknown.With("There is no type " + wire.Quote(call.Text("InstanceType")) + ".")
	}
	from, to := call.Time("StartTime"), call.Time("EndTime")
	if err := checkHistory(from, to); err != nil {
		return nil, err
	}
	request := &fleetv1.ListSpotPricesRequest{
		InstanceType: call.Text("InstanceType"), ZoneIds: one(call.Text("ZoneId")), StartTime: moment(from), EndTime: moment(to),
		Unprotected: call.Has("SpotDuration") && call.Integer("SpotDuration") == 0, PageSize: pricesAtOnce,
	}
	skip, seen, next, list := int(call.Integer("Offset")), 0, 0, []wire.Object{}
	for {
		listed, err := call.Cloud.ListSpotPrices(ctx, request)
		if err != nil {
			return nil, err
		}
		for _, price := range listed.GetPrices() {
			if seen++; seen <= skip {
				continue
			}
			if len(list) == pricesAtOnce {
				next = skip + pricesAtOnce
				break
			}
			list = append(list, wire.Object{
				wire.M("InstanceType", call.Text("InstanceType")), wire.M("ZoneId", price.GetZoneId()), wire.M("Timestamp", stamp(price.GetTime(), toSeconds)),
				wire.M("SpotPrice", units(price.GetPriceMicrosPerHour())), wire.M("OriginPrice", units(price.GetPayAsYouGoPriceMicrosPerHour())),
				wire.M("NetworkType", "vpc"), wire.M("IoOptimized", "optimized"),
			})
		}
		if request.PageToken = listed.GetNextPageToken(); request.GetPageToken() == "" || next != 0 {
			return wire.Object{wire.M("Currency", currency(places)), wire.M("NextOffset", next), wire.List("SpotPrices", "SpotPriceType", list)}, nil
		}
	}
}

func checkHistory(from, to time.Time) error {
	if !from.IsZero() && !to.IsZero() && (to.Before(from) || to.Sub(from) > maxHistory) {
		return errHistoryTime.With("The end must be after the start, and at most 30 days after it.")
	}
	return nil
}

func currency(places Places) string {
	if len(places.Regions) == 0 {
		return ""
	}
	return places.Regions[0].GetCurrency()
}

func describeSpotAdvice() Operation {
	return Operation{
		Operation: table.Operation{
			Name: "DescribeSpotAdvice", Summary: "Tells prices and interruption rates of the last 30 days.",
			Params: []table.Param{
				regionParam(), ids("InstanceTypes", 10), {Name: "ZoneId", Max: 64}, {Name: "InstanceTypeFamily", Max: 64},
				{Name: "Cores", Kind: table.Integer, Max: 1024}, {Name: "Memory", Kind: table.Number, Max: 16384, Note: "GiB."},
				{Name: "MinCores", Kind: table.Integer, Max: 1024}, {Name: "MinMemory", Kind: table.Number, Max: 16384, Note: "GiB."},
				{Name: "InstanceFamilyLevel", OneOf: familyLevels.all()}, {Name: "GpuSpec", Status: table.Ignored}, {Name: "GpuAmount", Status: table.Ignored},
			},
		},
		Run:   runSpotAdvice,
		Rules: []Rule{{Reason: "fleet.muster/UNKNOWN_POOL", Error: errTypeUnknown}},
	}
}

func runSpotAdvice(ctx context.Context, call *Call) (wire.Object, error) {
	sizes := slices.ContainsFunc([]string{"Cores", "Memory", "MinCores", "MinMemory"}, call.Has)
	if sizes == call.Has("InstanceTypes") && (sizes || !call.Has("InstanceTypeFamily")) {
		return nil, errTypeAndCores
	}
	if err := call.Cloud.CheckRegion(ctx, call.Text("RegionId"), errRegionID); err != nil {
		return nil, err
	}
	places, err := call.Cloud.Places(ctx)
	if err != nil {
		return nil, err
	}
	types := unique(call.Texts("InstanceTypes"))
	if len(types) == 0 {
		for _, kind := range places.Types {
			if adviceWanted(call, kind) {
				types = append(types, kind.GetInstanceType())
			}
		}
	}
	advice := map[string][]wire.Object{}
	for len(types) > 0 { // the cloud tells of ten at a time
		some := types[:min(10, len(types))]
		types = types[len(some):]
		listed, err := call.Cloud.ListSpotAdvice(ctx, &fleetv1.ListSpotAdviceRequest{InstanceTypes: some, ZoneId: call.Text("ZoneId")})
		if err != nil {
			return nil, err
		}
		for _, item := range listed.GetAdvice() {
			advice[item.GetZoneId()] = append(advice[item.GetZoneId()], wire.Object{
				wire.M("InstanceType", item.GetInstanceType()), wire.M("AverageSpotDiscount", item.GetAveragePricePercent()),
				wire.M("InterruptionRate", float64(item.GetInterruptionPermille())/10), wire.M("InterruptRateDesc", item.GetInterruptionBand()),
			})
		}
	}
	list := []wire.Object{}
	for _, zone := range places.ZoneIDs {
		if items := advice[zone]; len(items) > 0 {
			list = append(list, wire.Object{wire.M("ZoneId", zone), wire.List("AvailableSpotResources", "AvailableSpotResource", items)})
		}
	}
	return wire.Object{wire.M("RegionId", call.Text("RegionId")), wire.List("AvailableSpotZones", "AvailableSpotZone", list)}, nil
}

func adviceWanted(call *Call, kind *fleetv1.InstanceType) bool {
	cores, memory := int64(kind.GetVcpus()), float64(kind.GetMemoryMib())/1024
	return (!call.Has("Cores") || cores == call.Integer("Cores")) && cores >= call.Integer("MinCores") &&
		(!call.Has("Memory") || memory == call.Number("Memory")) && memory >= call.Number("MinMemory") &&
		(!call.Has("InstanceTypeFamily") || kind.GetFamily() == call.Text("InstanceTypeFamily")) &&
		(!call.Has("InstanceFamilyLevel") || familyLevels[kind.GetFamilyLevel()] == call.Text("InstanceFamilyLevel"))
}

func describePrice() Operation {
	return Operation{
		Operation: table.Operation{
			Name: "DescribePrice", Summary: "Tells what instances of a type cost an hour.",
			Params: []table.Param{
				regionParam(),
				{Name: "ResourceType", OneOf: []string{"instance"}, Note: "The default."},
				{Name: "InstanceType", Required: true, Max: 64},
				{Name: "ZoneId", Max: 64, Note: "The cheapest zone when absent."},
				{Name: "Amount", Kind: table.Integer, Min: 1, Max: 1000, Note: "1 by default."},
				{Name: "SpotStrategy", OneOf: bids.all()},
				{Name: "PriceUnit", OneOf: []string{"Hour"}, Note: "The default."},
				{Name: "SpotDuration", Status: table.Ignored, Note: "Prices of protected instances are told."},
				{Name: "ImageId", Status: table.Ignored}, {Name: "IoOptimized", Status: table.Ignored}, {Name: "InstanceNetworkType", Status: table.Ignored},
				{Name: "SystemDisk", Kind: table.Struct, Status: table.Ignored, Note: "Disks are not in the price.", Of: []table.Param{{Name: "Category", Status: table.Ignored}, {Name: "Size", Status: table.Ignored}}}, {Name: "Period", Status: table.Ignored},
				{Name: "InternetChargeType", Status: table.Ignored}, {Name: "InternetMaxBandwidthOut", Status: table.Ignored},
			},
		},
		Run: func(ctx context.Context, call *Call) (wire.Object, error) {
			if err := call.Cloud.CheckRegion(ctx, call.Text("RegionId"), errRegionID); err != nil {
				return nil, err
			}
			places, err := call.Cloud.Places(ctx)
			if err != nil {
				return nil, err
			}
			method := fleetv1.BillingMethod_BILLING_METHOD_PAY_AS_YOU_GO
			if strategy := call.Text("SpotStrategy"); strategy != "" && strategy != "NoSpot" {
				method = fleetv1.BillingMethod_BILLING_METHOD_SPOT
			}
			var best *fleetv1.Pool
			request := &fleetv1.ListPoolsRequest{ZoneIds: one(call.Text("ZoneId")), InstanceTypes: []string{call.Text("InstanceType")}, BillingMethod: method}
			err = call.Cloud.eachPool(ctx, request, func(pool *fleetv1.Pool) {
				if best == nil || pool.GetPriceMicrosPerHour() < best.GetPriceMicrosPerHour() {
					best = pool
				}
			})
			if err != nil {
				return nil, err
			}
			if best == nil {
				return nil, errTypeUnknown.With("The type " + wire.Quote(call.Text("InstanceType")) + " is not sold there.")
			}
			amount := max(1, call.Integer("Amount"))
			price, list := amount*best.GetPriceMicrosPerHour(), amount*best.GetPayAsYouGoPriceMicrosPerHour()
			return wire.Object{wire.M("PriceInfo", wire.Object{
				wire.M("Price", wire.Object{
					wire.M("OriginalPrice", units(list)), wire.M("TradePrice", units(price)), wire.M("DiscountPrice", units(list-price)),
					wire.M("Currency", currency(places)),
				}),
				wire.List("Rules", "Rule", []wire.Object{}),
			})}, nil
		},
	}
}
