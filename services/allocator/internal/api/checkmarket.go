package api

import (
	"fmt"
	"unicode/utf8"

	"github.com/seed-198b1370/muster/pkg/rpc"
	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/allocator/place"
)

// Bounds of what a market that is told can say. The fleet's messages have no
// rules of their own, because they are answers.
const (
	maxNameLength = 64
	maxPermille   = 1_000
	maxVCPUs      = 1_024
	maxGPUs       = 64
	maxMemoryMiB  = 16_777_216
)

// market holds a market that is told against what a market can be.
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
	if method := pool.GetBillingMethod(); method != fleetv1.BillingMethod_BILLING_METHOD_SPOT && method != fleetv1.BillingMethod_BILLING_METHOD_PAY_AS_YOU_GO {
		c.add("billing_method", int32(method), "must be one of BILLING_METHOD_PAY_AS_YOU_GO, BILLING_METHOD_SPOT")
	}
	c.notNegative("price_micros_per_hour", pool.GetPriceMicrosPerHour())
	c.notNegative("pay_as_you_go_price_micros_per_hour", pool.GetPayAsYouGoPriceMicrosPerHour())
	c.notNegative("available_instances", int64(pool.GetAvailableInstances()))
	if _, known := fleetv1.StockStatus_name[int32(pool.GetStockStatus())]; !known {
		c.add("stock_status", int32(pool.GetStockStatus()), "must be a value of StockStatus")
	}
	c.within0("interruption_permille", int64(pool.GetInterruptionPermille()), maxPermille)
}

func (c check) instanceTypes(types []*fleetv1.InstanceType) {
	told := make(map[string]int, len(types))
	for i, one := range types {
		of := c.in("instance_types[%d].", i)
		of.name("instance_type", one.GetInstanceType())
		of.within0("vcpus", int64(one.GetVcpus()), maxVCPUs)
		of.within0("memory_mib", one.GetMemoryMib(), maxMemoryMiB)
		of.within0("gpus", int64(one.GetGpus()), maxGPUs)
		if _, known := fleetv1.InstanceCategory_name[int32(one.GetCategory())]; !known {
			of.add("category", int32(one.GetCategory()), "must be a value of InstanceCategory")
		}
		if _, known := fleetv1.FamilyLevel_name[int32(one.GetFamilyLevel())]; !known {
			of.add("family_level", int32(one.GetFamilyLevel()), "must be a value of FamilyLevel")
		}
		if first, twice := told[one.GetInstanceType()]; twice {
			of.add("instance_type", one.GetInstanceType(), fmt.Sprintf("must not be told of twice, as in instance_types[%d]", first))
		} else {
			told[one.GetInstanceType()] = i
		}
	}
}

func (c check) name(field, value string) {
	switch {
	case value == "":
		c.add(field, value, "must not be empty")
	case utf8.RuneCountInString(value) > maxNameLength:
		c.add(field, rpc.Literal(fmt.Sprintf("%d characters", utf8.RuneCountInString(value))), "must be at most 64 characters long")
	}
}

func (c check) notNegative(field string, value int64) {
	if value < 0 {
		c.add(field, value, "must not be below 0")
	}
}

func (c check) within0(field string, value, most int64) {
	if value < 0 || value > most {
		c.add(field, value, fmt.Sprintf("must be 0 to %d", most))
	}
}
