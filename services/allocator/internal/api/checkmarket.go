package api

import (
	"fmt"

	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/allocator/place"
)

// market holds a market that is told against what a market can be, besides the
// bounds in the contract: the fleet's messages are answers elsewhere, where
// nothing in them is required.
func (c check) market(market *allocatorv1.Market) {
	if market == nil {
		return
	}
	c = c.in("what_if.")
	c.time("as_of_time", market.GetAsOfTime())
	c.pools(market.GetPools())
	c.instanceTypes(market.GetInstanceTypes())
}

func (c check) pools(pools []*fleetv1.Pool) {
	type name struct {
		key    place.Key
		method fleetv1.BillingMethod
	}
	told := make(map[name]int, len(pools))
	lists := make(map[place.Key]int, len(pools))
	for i, pool := range pools {
		of := c.in("pools[%d].", i)
		of.pool(pool)
		named := name{place.Key{Zone: pool.GetZoneId(), Type: pool.GetInstanceType()}, pool.GetBillingMethod()}
		if first, twice := told[named]; twice {
			of.add("instance_type", pool.GetInstanceType(), fmt.Sprintf("must not be told of twice for one zone and billing method, as in pools[%d]", first))
		} else {
			told[named] = i
		}
		list := listPriceOf(pool)
		if list == 0 {
			continue
		}
		if first, known := lists[named.key]; known && listPriceOf(pools[first]) != list {
			of.add("pay_as_you_go_price_micros_per_hour", list, fmt.Sprintf("must be that of pools[%d], which is %d", first, listPriceOf(pools[first])))
		} else if !known {
			lists[named.key] = i
		}
	}
}

// listPriceOf is the list price that a pool tells of, 0 for none. It is the very
// price of a pay-as-you-go pool.
func listPriceOf(pool *fleetv1.Pool) int64 {
	if list := pool.GetPayAsYouGoPriceMicrosPerHour(); list != 0 || pool.GetBillingMethod() != fleetv1.BillingMethod_BILLING_METHOD_PAY_AS_YOU_GO {
		return list
	}
	return pool.GetPriceMicrosPerHour()
}

func (c check) pool(pool *fleetv1.Pool) {
	c.name("zone_id", pool.GetZoneId())
	c.name("instance_type", pool.GetInstanceType())
	if method := pool.GetBillingMethod(); method == fleetv1.BillingMethod_BILLING_METHOD_UNSPECIFIED {
		c.add("billing_method", int32(method), "must be one of BILLING_METHOD_PAY_AS_YOU_GO, BILLING_METHOD_SPOT")
	}
}

func (c check) instanceTypes(types []*fleetv1.InstanceType) {
	told := make(map[string]int, len(types))
	for i, one := range types {
		of := c.in("instance_types[%d].", i)
		of.name("instance_type", one.GetInstanceType())
		if first, twice := told[one.GetInstanceType()]; twice {
			of.add("instance_type", one.GetInstanceType(), fmt.Sprintf("must not be told of twice, as in instance_types[%d]", first))
		} else {
			told[one.GetInstanceType()] = i
		}
	}
}

func (c check) name(field, value string) {
	if value == "" {
		c.add(field, value, "must not be empty")
	}
}
