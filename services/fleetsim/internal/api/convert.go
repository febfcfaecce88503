package api

import (
	"google.golang.org/protobuf/types/known/timestamppb"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim/catalog"
	"github.com/seed-198b1370/muster/services/fleetsim/internal/engine"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

func toInstance(c *catalog.Catalog, i *world.Instance, price int64) *fleetv1.Instance {
	offer := &c.Offers()[i.Offer]
	return &fleetv1.Instance{
		InstanceId: instanceID(i.Number), AccountId: i.Account.ID(),
		ZoneId: offer.ZoneID, InstanceType: offer.InstanceType, BillingMethod: toBilling(i.Spot),
		Status: fleetv1.InstanceStatus(i.Status), Tags: i.Tags.Map(),
		PriceMicrosPerHour: price, MaxPriceMicrosPerHour: i.MaxPrice,
		CreateTime: toTime(i.Created), StartTime: toTime(i.Started), ProtectionEndTime: toTime(i.ProtectionEnd()),
		InterruptionNoticeTime: toTime(i.Noticed), ReleaseTime: toTime(i.ReleaseAt()),
		TransitionNumber: int64(i.Transitions),
	}
}

func toTransition(c *catalog.Catalog, t *world.Transition) *fleetv1.InstanceTransition {
	transition := &fleetv1.InstanceTransition{
		Instance: toInstance(c, &t.Instance, t.Price),
		Kind:     fleetv1.TransitionKind(t.Kind), Reason: fleetv1.TransitionReason(t.Reason),
		Time: toTime(t.Time),
	}
	if t.Kind == world.KindReleased {
		// A request may release it before the time that its notice named.
		transition.Instance.ReleaseTime = transition.GetTime()
	}
	return transition
}

func toPool(c *catalog.Catalog, p *engine.PoolState) *fleetv1.Pool {
	offer := &c.Offers()[p.Pool.Offer]
	available := int32(p.Available)
	pool := &fleetv1.Pool{
		ZoneId: offer.ZoneID, InstanceType: offer.InstanceType, BillingMethod: toBilling(p.Pool.Spot),
		PriceMicrosPerHour: offer.PayAsYouGoMicros, PayAsYouGoPriceMicrosPerHour: offer.PayAsYouGoMicros,
		StockStatus: toStockStatus(p), AvailableInstances: &available,
	}
	if p.Pool.Spot {
		pool.PriceMicrosPerHour = p.Price
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

func toInstanceType(c *catalog.Catalog, instanceType string) *fleetv1.InstanceType {
	first, end := c.OffersOf(instanceType)
	offer := &c.Offers()[first]
	t := &fleetv1.InstanceType{
		InstanceType: offer.InstanceType, Family: offer.Family, Architecture: fleetv1.Architecture_ARCHITECTURE_X86,
		Vcpus: offer.VCPUs, MemoryMib: offer.MemoryMiB, Gpus: offer.GPUs,
		PayAsYouGoPriceMicrosPerHour: offer.PayAsYouGoMicros,
	}
	if offer.Architecture == catalog.ARM {
		t.Architecture = fleetv1.Architecture_ARCHITECTURE_ARM
	}
	for _, offer := range c.Offers()[first:end] {
		t.ZoneIds = append(t.ZoneIds, offer.ZoneID)
	}
	return t
}

func toBilling(spot bool) fleetv1.BillingMethod {
	if spot {
		return fleetv1.BillingMethod_BILLING_METHOD_SPOT
	}
	return fleetv1.BillingMethod_BILLING_METHOD_PAY_AS_YOU_GO
}

// toTime leaves out what has not happened.
func toTime(i world.Instant) *timestamppb.Timestamp {
	if i == 0 {
		return nil
	}
	return timestamppb.New(i.Time())
}

// matchesBilling tells whether a pool is of a billing method; unspecified
// stands for both.
func matchesBilling(want fleetv1.BillingMethod, spot bool) bool {
	return want == fleetv1.BillingMethod_BILLING_METHOD_UNSPECIFIED || want == toBilling(spot)
}

func fromTags(tags map[string]string) []world.Tag {
	all := make([]world.Tag, 0, len(tags))
	for key, value := range tags {
		all = append(all, world.Tag{Key: key, Value: value})
	}
	return all
}
