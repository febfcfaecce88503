package wire

import (
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// ToBilling writes a billing method.
func ToBilling(spot bool) fleetv1.BillingMethod {
	if spot {
		return fleetv1.BillingMethod_BILLING_METHOD_SPOT
	}
	return fleetv1.BillingMethod_BILLING_METHOD_PAY_AS_YOU_GO
}

// FromBilling reads a billing method; nil stands for both.
func FromBilling(billing fleetv1.BillingMethod) *bool {
	if billing == fleetv1.BillingMethod_BILLING_METHOD_UNSPECIFIED {
		return nil
	}
	spot := billing == fleetv1.BillingMethod_BILLING_METHOD_SPOT
	return &spot
}

// ToSelector writes a selector of pools.
func ToSelector(s world.Selector) *fleetv1.PoolSelector {
	selector := &fleetv1.PoolSelector{ZoneId: s.ZoneID, InstanceType: s.InstanceType}
	if s.Billing != nil {
		selector.BillingMethod = ToBilling(*s.Billing)
	}
	return selector
}

// FromSelector reads a selector of pools; none at all names all pools.
func FromSelector(selector *fleetv1.PoolSelector) world.Selector {
	return world.Selector{
		ZoneID: selector.GetZoneId(), InstanceType: selector.GetInstanceType(), Billing: FromBilling(selector.GetBillingMethod()),
	}
}
