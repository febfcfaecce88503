package api

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/seed-198b1370/muster/pkg/rpc"
	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/catalog"
)

// checkMatches tells of candidates whose attributes no type of their zone has,
// and of attributes that can not be. An error means that the allocator, who
// knows which types have them, can not be asked now.
func (h *Handler) checkMatches(ctx context.Context, violations *rpc.Violations, listing *catalog.Listing, candidates []*groupv1.Candidate) error {
	for i, candidate := range candidates {
		if !hasAttributes(candidate) || !listing.HasZone(candidate.GetZoneId()) {
			continue
		}
		field := fmt.Sprintf("spec.candidates[%d].", i)
		answer, err := h.Allocator.MatchInstanceTypes(asCaller(ctx), &allocatorv1.MatchInstanceTypesRequest{
			ZoneId: candidate.GetZoneId(), Attributes: candidate.GetAttributes(),
		})
		if wrong := rpc.FieldViolations(err); len(wrong) > 0 {
			for _, violation := range wrong {
				violations.Pass(field+violation.GetField(), violation.GetDescription())
			}
			continue
		}
		if err != nil {
			return fmt.Errorf("match instance types: %w", err)
		}
		if len(answer.GetMatch().GetInstanceTypes()) == 0 {
			violations.Add(field+"attributes", rpc.Literal(outline(candidate.GetAttributes())),
				fmt.Sprintf("must be those of at least one instance type that zone %s sells%s", candidate.GetZoneId(), nearest(listing, candidate.GetAttributes(), answer.GetMatch().GetUnmatched())))
		}
	}
	return nil
}

// nearest tells of the type that comes nearest to attributes: it goes furthest
// through the rules by which types are chosen, and has least more or less than
// what the rule that it does not meet asks for; the first of several.
func nearest(listing *catalog.Listing, asked *allocatorv1.InstanceAttributes, unmatched []*allocatorv1.UnmatchedType) string {
	if len(unmatched) == 0 {
		return ""
	}
	best := slices.MinFunc(unmatched, func(a, b *allocatorv1.UnmatchedType) int {
		return cmp.Or(cmp.Compare(b.GetRule(), a.GetRule()), cmp.Compare(
			distance(asked, listing.Type(a.GetInstanceType()), a.GetRule()), distance(asked, listing.Type(b.GetInstanceType()), b.GetRule())))
	})
	return fmt.Sprintf("; nearest is %s: %s", best.GetInstanceType(), best.GetHas())
}

// distance is how much a type has more or less than what attributes ask for
// under a rule; 0 where that is no number.
func distance(asked *allocatorv1.InstanceAttributes, sold *fleetv1.InstanceType, rule allocatorv1.MatchRule) int64 {
	var has int64
	var wanted []int64
	switch rule {
	case allocatorv1.MatchRule_MATCH_RULE_VCPUS:
		has = int64(sold.GetVcpus())
		wanted = numbers(asked.GetVcpus(), asked.MinVcpus, asked.MaxVcpus)
	case allocatorv1.MatchRule_MATCH_RULE_MEMORY:
		has = sold.GetMemoryMib()
		wanted = numbers(asked.GetMemoryMib(), asked.MinMemoryMib, asked.MaxMemoryMib)
	default:
	}
	if len(wanted) == 0 {
		return 0
	}
	least := int64(math.MaxInt64)
	for _, number := range wanted {
		least = min(least, max(has-number, number-has))
	}
	return least
}

// numbers are those of a list and the bounds that are given.
func numbers[N int32 | int64](list []N, bounds ...*N) []int64 {
	var all []int64
	for _, number := range list {
		all = append(all, int64(number))
	}
	for _, bound := range bounds {
		if bound != nil {
			all = append(all, int64(*bound))
		}
	}
	return all
}
