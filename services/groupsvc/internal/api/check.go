package api

import (
	"context"
	"fmt"
	"strings"

	"github.com/seed-198b1370/muster/pkg/rpc"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/catalog"
)

// checkSpec holds a spec against the rules that span fields and against what
// the cloud sells.
func (h *Handler) checkSpec(ctx context.Context, spec *groupv1.GroupSpec) error {
	listing, err := h.Catalog.Get(ctx, func(known *catalog.Listing) bool {
		for _, candidate := range spec.GetCandidates() {
			if !known.Sells(candidate.GetZoneId(), candidate.GetInstanceType()) {
				return false
			}
		}
		return true
	})
	if err != nil {
		return h.unavailable(ctx, "what the cloud sells can not be read now", err)
	}
	var violations rpc.Violations
	checkCandidates(&violations, listing, spec.GetCandidates())
	if pools, most := int(spec.GetSpot().GetPoolsToUse()), len(spec.GetCandidates()); pools > most {
		violations.Add("spec.spot.pools_to_use", pools, fmt.Sprintf("must be at most the number of candidates, %d", most))
	}
	return violations.Err()
}

func checkCandidates(violations *rpc.Violations, listing *catalog.Listing, candidates []*groupv1.Candidate) {
	type pool struct{ zone, instanceType string }
	seen := map[pool]int{}
	for i, candidate := range candidates {
		field := fmt.Sprintf("spec.candidates[%d]", i)
		zone, instanceType := candidate.GetZoneId(), candidate.GetInstanceType()
		hasZone, hasType := listing.HasZone(zone), listing.HasType(instanceType)
		if !hasZone {
			violations.Add(field+".zone_id", zone, "must be a zone of the region, one of "+strings.Join(listing.Zones(), ", "))
		}
		if !hasType {
			violations.Add(field+".instance_type", instanceType, "must be an instance type that the region sells, as FleetService.ListInstanceTypes names them")
		}
		if hasZone && hasType && !listing.Sells(zone, instanceType) {
			violations.Add(field+".instance_type", instanceType, fmt.Sprintf("must be sold in zone %s; this one is sold in %s",
				zone, strings.Join(listing.ZonesOf(instanceType), ", ")))
		}
		if first, again := seen[pool{zone, instanceType}]; again {
			violations.Add(field, zone+" "+instanceType, fmt.Sprintf("must name each pair of zone and type once; candidates[%d] names it", first))
		} else {
			seen[pool{zone, instanceType}] = i
		}
	}
}
