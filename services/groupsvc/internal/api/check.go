package api

import (
	"context"
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/seed-198b1370/muster/pkg/rpc"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/catalog"
)

// maxCandidates is how many candidates the contract allows; those beyond are not
// looked at.
const maxCandidates = 20

// Check implements rpc.Checker: what is wrong with a request besides what its
// contract says.
func (h *Handler) Check(ctx context.Context, request proto.Message, violations *rpc.Violations) {
	var err error
	switch req := request.(type) {
	case *groupv1.CreateGroupRequest:
		err = h.specViolations(ctx, req.GetSpec(), violations)
	case *groupv1.PreviewGroupRequest:
		err = h.specViolations(ctx, req.GetSpec(), violations)
	case *groupv1.UpdateGroupRequest:
		checkMask(violations, req)
	}
	if err != nil { // the caller has enough to put right meanwhile
		h.Log.WarnContext(ctx, "request not checked against what the cloud sells", "error", err)
	}
}

// checkSpec refuses a spec that breaks the rules that span fields, or names what
// the cloud does not sell.
func (h *Handler) checkSpec(ctx context.Context, spec *groupv1.GroupSpec) error {
	var violations rpc.Violations
	if err := h.specViolations(ctx, spec, &violations); err != nil {
		return h.unavailable(ctx, "what the cloud sells can not be read now", err)
	}
	return violations.Err()
}

// specViolations holds a spec, whose fields may have any value, against the
// rules that span fields and against what the cloud sells. An error means that
// this can not be read now; what breaks the other rules is told all the same.
func (h *Handler) specViolations(ctx context.Context, spec *groupv1.GroupSpec, violations *rpc.Violations) error {
	candidates := spec.GetCandidates()
	if pools, most := int(spec.GetSpot().GetPoolsToUse()), len(candidates); pools > most && most > 0 {
		violations.Add("spec.spot.pools_to_use", pools, fmt.Sprintf("must be at most the number of candidates, %d", most))
	}
	candidates = candidates[:min(maxCandidates, len(candidates))]
	checkPairs(violations, candidates)
	listing, err := h.Catalog.Get(ctx, func(known *catalog.Listing) bool {
		for _, candidate := range candidates {
			if !known.Sells(candidate.GetZoneId(), candidate.GetInstanceType()) {
				return false
			}
		}
		return true
	})
	if err != nil {
		return err
	}
	checkSold(violations, listing, candidates)
	return nil
}

// checkPairs tells of candidates that come twice.
func checkPairs(violations *rpc.Violations, candidates []*groupv1.Candidate) {
	type pool struct{ zone, instanceType string }
	seen := map[pool]int{}
	for i, candidate := range candidates {
		pair := pool{candidate.GetZoneId(), candidate.GetInstanceType()}
		first, again := seen[pair]
		switch {
		case pair.zone == "" || pair.instanceType == "": // not a pair at all
		case again:
			violations.Add(fmt.Sprintf("spec.candidates[%d]", i), rpc.Literal(pair.zone+" "+pair.instanceType),
				fmt.Sprintf("must name each pair of zone and type once; candidates[%d] names it", first))
		default:
			seen[pair] = i
		}
	}
}

// checkSold tells of candidates that the cloud does not sell.
func checkSold(violations *rpc.Violations, listing *catalog.Listing, candidates []*groupv1.Candidate) {
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
	}
}
