package api

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/seed-198b1370/muster/pkg/rpc"
	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/catalog"
	"github.com/seed-198b1370/muster/services/groupsvc/plan"
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
		err = h.specViolations(ctx, req.GetSpec(), nil, violations)
	case *groupv1.PreviewGroupRequest:
		err = h.specViolations(ctx, req.GetSpec(), req.GetWhatIf(), violations)
	case *groupv1.CreateLaunchTemplateRequest:
		configurationViolations(violations, "configuration", req.GetConfiguration())
	case *groupv1.CreateLaunchTemplateVersionRequest:
		configurationViolations(violations, "configuration", req.GetConfiguration())
	case *groupv1.UpdateGroupRequest:
		checkMask(violations, req)
	}
	if err != nil { // the caller has enough to put right meanwhile
		h.Log.WarnContext(ctx, "request not checked against what the cloud sells", "error", err)
	}
}

// checkSpec refuses a spec that breaks the rules that span fields, or names what
// the cloud does not sell; nor does the market of a what-if, unless that is nil.
func (h *Handler) checkSpec(ctx context.Context, spec *groupv1.GroupSpec, whatIf *allocatorv1.Market) error {
	var violations rpc.Violations
	if err := h.specViolations(ctx, spec, whatIf, &violations); err != nil {
		return h.unavailable(ctx, "what the cloud sells can not be read now", err)
	}
	return violations.Err()
}

// specViolations holds a spec, whose fields may have any value, against the
// rules that span fields and against what is sold. An error means that this can
// not be read now; what breaks the other rules is told all the same.
func (h *Handler) specViolations(ctx context.Context, spec *groupv1.GroupSpec, whatIf *allocatorv1.Market, violations *rpc.Violations) error {
	spec, _, err := h.launching(ctx, spec, violations)
	if err != nil {
		return err
	}
	checkValidity(violations, spec, h.Clock.Now())
	checkMinimum(violations, spec)
	return h.choiceViolations(ctx, spec, whatIf, violations)
}

// choiceViolations holds what a spec says of where and how to launch, with zone
// and type filled in, against the rules that span fields and against what is
// sold.
func (h *Handler) choiceViolations(ctx context.Context, spec *groupv1.GroupSpec, whatIf *allocatorv1.Market, violations *rpc.Violations) error {
	checkPoolsToUse(violations, spec)
	checkPolicies(violations, spec)
	candidates := spec.GetCandidates()
	candidates = candidates[:min(maxCandidates, len(candidates))]
	if spec != nil && len(candidates) == 0 {
		violations.Add("spec.candidates", rpc.Literal("0 items"), "must have 1 to 20 candidates, unless the launch template or configuration has a zone and an instance type")
	}
	checkChoices(violations, candidates)
	checkPairs(violations, candidates)
	listing, err := h.Catalog.Get(ctx, func(known *catalog.Listing) bool {
		for _, candidate := range candidates {
			if candidate.GetAttributes() != nil && known.HasZone(candidate.GetZoneId()) {
				continue
			}
			if !known.Sells(candidate.GetZoneId(), candidate.GetInstanceType()) {
				return false
			}
		}
		return true
	})
	if err != nil {
		return err
	}
	if whatIf != nil {
		checkImagined(violations, listing, whatIf, candidates)
		return nil
	}
	checkSold(violations, listing, candidates)
	return h.checkMatches(ctx, violations, listing, candidates)
}

// checkPoolsToUse tells of a number of pools that can not be reached. How many
// pools candidates with attributes stand for may change.
func checkPoolsToUse(violations *rpc.Violations, spec *groupv1.GroupSpec) {
	pools, most := int(spec.GetSpot().GetPoolsToUse()), len(spec.GetCandidates())
	if pools <= most || most == 0 || slices.ContainsFunc(spec.GetCandidates(), hasAttributes) {
		return
	}
	violations.Add("spec.spot.pools_to_use", pools, fmt.Sprintf("must be at most the number of candidates, %d", most))
}

func hasAttributes(candidate *groupv1.Candidate) bool { return candidate.GetAttributes() != nil }

// checkPolicies tells of orders of zones and types that the strategy does not
// follow.
func checkPolicies(violations *rpc.Violations, spec *groupv1.GroupSpec) {
	check := func(options string, strategy, zones, types protoreflect.Enum) {
		rule := fmt.Sprintf("must be left out unless allocation_strategy is zone-and-type, and it is %s", enumWord(strategy))
		if zones.Number() != 0 {
			violations.Add("spec."+options+".zone_policy", rpc.Literal(enumWord(zones)), rule)
		}
		if types.Number() != 0 {
			violations.Add("spec."+options+".type_policy", rpc.Literal(enumWord(types)), rule)
		}
	}
	const payAsYouGo, spot = allocatorv1.PayAsYouGoAllocationStrategy_PAY_AS_YOU_GO_ALLOCATION_STRATEGY_ZONE_AND_TYPE,
		allocatorv1.SpotAllocationStrategy_SPOT_ALLOCATION_STRATEGY_ZONE_AND_TYPE
	if options := spec.GetPayAsYouGo(); options.GetAllocationStrategy() != payAsYouGo {
		check("pay_as_you_go", options.GetAllocationStrategy(), options.GetZonePolicy(), options.GetTypePolicy())
	}
	if options := spec.GetSpot(); options.GetAllocationStrategy() != spot {
		check("spot", options.GetAllocationStrategy(), options.GetZonePolicy(), options.GetTypePolicy())
	}
}

// enumWord is an enum value as its contract's comments write it: the part of its
// name that says something, or `unspecified`, or the number of one that has no
// name.
func enumWord(value protoreflect.Enum) string {
	values := value.Descriptor().Values()
	named := values.ByNumber(value.Number())
	if named == nil {
		return fmt.Sprint(value.Number())
	}
	prefix := strings.TrimSuffix(string(values.Get(0).Name()), "UNSPECIFIED")
	return strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(string(named.Name()), prefix)), "_", "-")
}

// checkChoices tells of candidates that do not say what they stand for in
// exactly one way.
func checkChoices(violations *rpc.Violations, candidates []*groupv1.Candidate) {
	for i, candidate := range candidates {
		field := fmt.Sprintf("spec.candidates[%d]", i)
		named := candidate.GetInstanceType() != ""
		switch {
		case !named && !hasAttributes(candidate):
			violations.Add(field+".instance_type", "", "must be given, or attributes instead of it")
		case named && hasAttributes(candidate):
			violations.Add(field+".attributes", rpc.Literal(outline(candidate.GetAttributes())),
				"must be left out when instance_type is given, which is "+rpc.Quote(candidate.GetInstanceType()))
		}
		if candidate.WeightedCapacity != nil && plan.WeighsByType(candidate) {
			violations.Add(field+".weighted_capacity", candidate.GetWeightedCapacity(),
				"must be left out when attributes.capacity_unit says what types weigh")
		}
	}
}

// outline writes attributes on one line.
func outline(attributes *allocatorv1.InstanceAttributes) string {
	// The encoder varies its spacing on purpose.
	text := strings.Join(strings.Fields(prototext.MarshalOptions{}.Format(attributes)), " ")
	return cmp.Or(text, "no attributes")
}

// checkPairs tells of candidates that name a pool that another names.
func checkPairs(violations *rpc.Violations, candidates []*groupv1.Candidate) {
	type pool struct{ zone, instanceType string }
	seen := map[pool]int{}
	for i, candidate := range candidates {
		pair := pool{candidate.GetZoneId(), candidate.GetInstanceType()}
		first, again := seen[pair]
		switch {
		case pair.zone == "" || pair.instanceType == "" || hasAttributes(candidate): // not a pair at all
		case again:
			violations.Add(fmt.Sprintf("spec.candidates[%d]", i), rpc.Literal(pair.zone+" "+pair.instanceType),
				fmt.Sprintf("must name each pair of zone and type once; candidates[%d] names it", first))
		default:
			seen[pair] = i
		}
	}
}

// checkSold tells of zones and types that the cloud does not sell.
func checkSold(violations *rpc.Violations, listing *catalog.Listing, candidates []*groupv1.Candidate) {
	for i, candidate := range candidates {
		field := fmt.Sprintf("spec.candidates[%d]", i)
		zone, instanceType := candidate.GetZoneId(), candidate.GetInstanceType()
		hasZone, hasType := listing.HasZone(zone), listing.HasType(instanceType)
		if !hasZone {
			violations.Add(field+".zone_id", zone, "must be a zone of the region, one of "+strings.Join(listing.Zones(), ", "))
		}
		if !hasType && instanceType != "" {
			violations.Add(field+".instance_type", instanceType, "must be an instance type that the region sells, as FleetService.ListInstanceTypes names them")
		}
		if hasZone && hasType && !listing.Sells(zone, instanceType) {
			violations.Add(field+".instance_type", instanceType, fmt.Sprintf("must be sold in zone %s; this one is sold in %s",
				zone, strings.Join(listing.ZonesOf(instanceType), ", ")))
		}
	}
}

// checkImagined tells of zones and types that neither the cloud nor a market
// that a caller made up knows: they are misspelt.
func checkImagined(violations *rpc.Violations, listing *catalog.Listing, market *allocatorv1.Market, candidates []*groupv1.Candidate) {
	zones, types := map[string]bool{}, map[string]bool{}
	for _, pool := range market.GetPools() {
		zones[pool.GetZoneId()], types[pool.GetInstanceType()] = true, true
	}
	for i, candidate := range candidates {
		field := fmt.Sprintf("spec.candidates[%d]", i)
		if zone := candidate.GetZoneId(); !listing.HasZone(zone) && !zones[zone] {
			violations.Add(field+".zone_id", zone, "must be a zone of the what-if market or of the region")
		}
		if name := candidate.GetInstanceType(); name != "" && !listing.HasType(name) && !types[name] {
			violations.Add(field+".instance_type", name, "must be an instance type of the what-if market or of the region")
		}
	}
}
