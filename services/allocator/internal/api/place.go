package api

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"

	"google.golang.org/grpc/status"

	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	"github.com/seed-198b1370/muster/services/allocator/place"
)

// Place implements [allocatorv1.AllocatorServiceServer].
func (s *Server) Place(ctx context.Context, request *allocatorv1.PlaceRequest) (*allocatorv1.PlaceResponse, error) {
	if err := s.checked(ctx, request); err != nil {
		return nil, err
	}
	if request.GetPromiseKey() == "" || request.GetWhatIf() != nil {
		d, err := s.decide(request)
		return d.response, err
	}
	return s.promise(ctx, request)
}

// promise decides on a request and counts what is placed as promised. It is one
// step for all others that promise, so that no two are promised the same. But an
// exact search can take long: it is made before, and made again only when what
// others were promised of its pools has changed meanwhile.
func (s *Server) promise(ctx context.Context, request *allocatorv1.PlaceRequest) (*allocatorv1.PlaceResponse, error) {
	var decided *decision
	if searches(request.GetDemands()) {
		d, err := s.decide(request)
		if err != nil {
			return nil, err
		}
		decided = &d
	}
	s.promising.Lock()
	defer s.promising.Unlock()
	if err := ctx.Err(); err != nil { // nobody waits for it any more: promise nothing
		return nil, err
	}
	if decided == nil || !maps.Equal(decided.promised, s.promisedNow(request.GetPromiseKey(), decided)) {
		d, err := s.decide(request)
		if err != nil {
			return nil, err
		}
		decided = &d
	}
	placed := map[place.Key]int32{}
	addPlaced(placed, &decided.placement)
	s.book.Promise(request.GetPromiseKey(), decided.on.now, placed, decided.on.market)
	return decided.response, nil
}

// A decision is what came out for a request, and what it rests on.
type decision struct {
	placement  place.Placement
	response   *allocatorv1.PlaceResponse
	on         ground
	candidates []place.Candidate
	promised   map[place.Key]int32
}

// decide decides on one request as things are.
func (s *Server) decide(request *allocatorv1.PlaceRequest) (decision, error) {
	on, err := s.ground(request.GetWhatIf(), hasAttributes(request.GetCandidates()))
	if err != nil {
		return decision{}, err
	}
	return s.place(request, &on, nil, new(wholeAnswer))
}

// promisedNow tells what others are promised of the pools of a decision by now.
func (s *Server) promisedNow(key string, d *decision) map[place.Key]int32 {
	return s.book.Promised(key, s.clock.Now(), d.candidates, d.on.market)
}

// searches tells whether a demand is for the lowest cost.
func searches(demands []*allocatorv1.Demand) bool {
	return slices.ContainsFunc(demands, func(d *allocatorv1.Demand) bool {
		return d.GetSpotStrategy() == allocatorv1.SpotAllocationStrategy_SPOT_ALLOCATION_STRATEGY_LOWEST_COST ||
			d.GetPayAsYouGoStrategy() == allocatorv1.PayAsYouGoAllocationStrategy_PAY_AS_YOU_GO_ALLOCATION_STRATEGY_LOWEST_COST
	})
}

// place decides on one request. What was placed in this call so far is not to be
// had any more.
func (s *Server) place(request *allocatorv1.PlaceRequest, on *ground, soFar map[place.Key]int32, left *room) (decision, error) {
	if err := left.take(answerBytes); err != nil {
		return decision{}, err
	}
	wanted := fromProto(request, on.types)
	explain := request.GetExplanation() != allocatorv1.Explanation_EXPLANATION_TAKEN
	if explain {
		if err := left.takeAll(wanted.Candidates, len(wanted.Demands)); err != nil {
			return decision{}, err
		}
	}
	if !on.told {
		wanted.Promised = s.book.Promised(request.GetPromiseKey(), on.now, wanted.Candidates, on.market)
	}
	promised := wanted.Promised
	wanted.Promised = together(promised, soFar)
	placement, err := place.Place(wanted, on.market)
	if err != nil {
		return decision{}, refusal(err)
	}
	summary := ""
	if request.GetSummarize() {
		summary = place.Summary(wanted, placement)
		if err := left.take(len(summary)); err != nil {
			return decision{}, err
		}
	}
	if !explain {
		keepTaken(&placement)
		if err := left.takeDecisions(&placement); err != nil {
			return decision{}, err
		}
	}
	response := toProto(request, wanted.Candidates, &placement, on)
	response.Summary = summary
	if request.GetExplanation() == allocatorv1.Explanation_EXPLANATION_POOLS_AND_TYPES {
		response.Matches = matchesOf(request.GetCandidates(), on.types)
		if err := left.takeMatches(response.GetMatches()); err != nil {
			return decision{}, err
		}
	}
	return decision{placement: placement, response: response, on: *on, candidates: wanted.Candidates, promised: promised}, nil
}

// PlaceMany implements [allocatorv1.AllocatorServiceServer].
func (s *Server) PlaceMany(ctx context.Context, request *allocatorv1.PlaceManyRequest) (*allocatorv1.PlaceManyResponse, error) {
	if err := s.checked(ctx, request); err != nil {
		return nil, err
	}
	attributes, promise := false, false
	for _, one := range request.GetRequests() {
		attributes = attributes || hasAttributes(one.GetCandidates())
		promise = promise || one.GetPromiseKey() != "" && request.GetWhatIf() == nil
	}
	if promise {
		s.promising.Lock()
		defer s.promising.Unlock()
	}
	on, err := s.ground(request.GetWhatIf(), attributes)
	if err != nil {
		return nil, err
	}
	var (
		left     = wholeAnswer
		response = &allocatorv1.PlaceManyResponse{Totals: &allocatorv1.PlacementTotals{}}
		placed   = map[place.Key]int32{}
		byKey    = map[string]map[place.Key]int32{}
	)
	for i, one := range request.GetRequests() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		d, err := s.place(one, &on, placed, &left)
		if err != nil {
			return nil, ofRequest(i, err)
		}
		addPlaced(placed, &d.placement)
		if key := one.GetPromiseKey(); key != "" {
			if byKey[key] == nil {
				byKey[key] = map[place.Key]int32{}
			}
			addPlaced(byKey[key], &d.placement)
		}
		response.Responses = append(response.Responses, d.response)
		addTotals(response.GetTotals(), d.response.GetTotals())
	}
	if promise { // now that none has failed
		for _, key := range slices.Sorted(maps.Keys(byKey)) {
			s.book.Promise(key, on.now, byKey[key], on.market)
		}
	}
	return response, nil
}

// ofRequest tells which of many requests a refusal is about.
func ofRequest(i int, err error) error {
	refused, ok := status.FromError(err)
	if !ok {
		return err
	}
	told := refused.Proto()
	told.Message = fmt.Sprintf("requests[%d]: %s", i, told.GetMessage())
	return status.FromProto(told).Err()
}

// addPlaced adds what a placement takes of stock that is known.
func addPlaced(placed map[place.Key]int32, placement *place.Placement) {
	for i := range placement.Demands {
		for j := range placement.Demands[i].Decisions {
			if d := &placement.Demands[i].Decisions[j]; d.Instances > 0 && d.Available != place.Unknown {
				placed[d.Key] += d.Instances
			}
		}
	}
}

// together adds up what others have been promised and what was placed before in
// the same call.
func together(promised, placed map[place.Key]int32) map[place.Key]int32 {
	if len(promised) == 0 {
		return placed
	}
	if len(placed) == 0 {
		return promised
	}
	sum := maps.Clone(placed)
	for key, instances := range promised {
		sum[key] = int32(min(int64(sum[key])+int64(instances), math.MaxInt32))
	}
	return sum
}

// keepTaken leaves out the decisions that take nothing, which come last.
func keepTaken(placement *place.Placement) {
	for i := range placement.Demands {
		demand := &placement.Demands[i]
		taken := 0
		for taken < len(demand.Decisions) && demand.Decisions[taken].Verdict == place.Taken {
			taken++
		}
		demand.Decisions = demand.Decisions[:taken]
	}
}
