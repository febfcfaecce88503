package api

import (
	"fmt"
	"slices"
	"strings"

	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim/catalog"
)

// findOffer finds the offer of a type in a zone, or says of each what is wrong
// with it. The names of their fields begin with a prefix.
func findOffer(c *catalog.Catalog, prefix, zoneID, instanceType string) (int32, error) {
	var violations rpc.Violations
	checkZone(c, &violations, prefix+"zone_id", zoneID)
	checkType(c, &violations, prefix+"instance_type", instanceType)
	index, sold := c.Find(zoneID, instanceType)
	if !sold && violations.Err() == nil {
		refuseZoneOfType(c, &violations, prefix+"zone_id", zoneID, instanceType)
	}
	return int32(index), violations.ErrWithReason(fleetv1.ErrorReason_ERROR_REASON_UNKNOWN_POOL, nil)
}

// checkSelector holds a selector of pools against the catalog.
func checkSelector(c *catalog.Catalog, violations *rpc.Violations, field string, selector *fleetv1.PoolSelector) {
	zone, instanceType := selector.GetZoneId(), selector.GetInstanceType()
	if zone != "" {
		checkZone(c, violations, field+".zone_id", zone)
	}
	if instanceType != "" {
		checkType(c, violations, field+".instance_type", instanceType)
	}
	if _, sold := c.Find(zone, instanceType); !sold && c.HasZone(zone) && c.HasType(instanceType) {
		refuseZoneOfType(c, violations, field+".zone_id", zone, instanceType)
	}
}

func checkZone(c *catalog.Catalog, violations *rpc.Violations, field, zoneID string) {
	if !c.HasZone(zoneID) {
		violations.Add(field, zoneID, fmt.Sprintf("must be a zone of %s: %s", c.RegionID(), strings.Join(c.ZoneIDs(), ", ")))
	}
}

func checkType(c *catalog.Catalog, violations *rpc.Violations, field, instanceType string) {
	if !c.HasType(instanceType) {
		violations.Add(field, instanceType, fmt.Sprintf("must be an instance type of %s, as ListInstanceTypes lists them, such as %s",
			c.RegionID(), strings.Join(alike(c.InstanceTypes(), instanceType), ", ")))
	}
}

func refuseZoneOfType(c *catalog.Catalog, violations *rpc.Violations, field, zoneID, instanceType string) {
	first, end := c.OffersOf(instanceType)
	var zones []string
	for _, offer := range c.Offers()[first:end] {
		zones = append(zones, offer.ZoneID)
	}
	violations.Add(field, zoneID, fmt.Sprintf("must be a zone that sells %s: %s", instanceType, strings.Join(zones, ", ")))
}

// alike tells up to three names that begin most like one, the shortest first.
func alike(names []string, name string) []string {
	var best []string
	longest := -1
	for _, candidate := range names {
		common := 0
		for common < len(name) && common < len(candidate) && name[common] == candidate[common] {
			common++
		}
		if common > longest {
			best, longest = nil, common
		}
		if common == longest {
			best = append(best, candidate)
		}
	}
	slices.SortStableFunc(best, func(a, b string) int { return len(a) - len(b) })
	return best[:min(3, len(best))]
}
