package api

import (
	"fmt"

	"google.golang.org/grpc/codes"

	"github.com/seed-198b1370/muster/pkg/rpc"
	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	"github.com/seed-198b1370/muster/services/allocator/place"
)

// A room is how many bytes an answer may still grow by. It is reckoned before
// the answer is made, which would cost more than the decision.
type room int

// wholeAnswer is as much as a client accepts that has not been set up for more.
const wholeAnswer room = 4 << 20

// Upper bounds of what messages take beside their texts, all fields at their
// longest.
const (
	answerBytes   = 256 // a PlaceResponse without what is repeated
	decisionBytes = 96  // a PoolDecision
	moveBytes     = 88  // a Move
	typeBytes     = 16  // an UnmatchedType, or the name of a type
)

// take takes some bytes, or refuses the call when they are not left.
func (r *room) take(bytes int) error {
	*r -= room(bytes)
	if *r >= 0 {
		return nil
	}
	return rpc.Error(codes.ResourceExhausted, allocatorv1.ErrorReason_ERROR_REASON_ANSWER_TOO_LARGE, nil,
		fmt.Sprintf("the candidates stand for more pools than an answer of %d MiB can explain; "+
			"ask for EXPLANATION_TAKEN, or for less at a time", wholeAnswer>>20))
}

// takeAll takes what it takes to explain every pool of some candidates.
func (r *room) takeAll(candidates []place.Candidate, demands int) error {
	bytes := 0
	for i := range candidates {
		bytes += decisionBytes + len(candidates[i].Key.Zone) + len(candidates[i].Key.Type)
	}
	return r.take(bytes * demands)
}

// takeDecisions takes what it takes to explain the decisions of a placement.
func (r *room) takeDecisions(placement *place.Placement) error {
	bytes := 0
	for i := range placement.Demands {
		for j := range placement.Demands[i].Decisions {
			key := &placement.Demands[i].Decisions[j].Key
			bytes += decisionBytes + len(key.Zone) + len(key.Type)
		}
	}
	return r.take(bytes)
}

// takeMatches takes what it takes to tell matches.
func (r *room) takeMatches(matches []*allocatorv1.CandidateMatch) error {
	bytes := 0
	for _, match := range matches {
		for _, name := range match.GetInstanceTypes() {
			bytes += typeBytes + len(name)
		}
		for _, unmatched := range match.GetUnmatched() {
			bytes += typeBytes + len(unmatched.GetInstanceType()) + len(unmatched.GetHas())
		}
	}
	return r.take(bytes)
}

// takeMoves takes what it takes to tell moves.
func (r *room) takeMoves(moves []place.Move, request *place.Rebalancing) error {
	bytes := 0
	for i := range moves {
		from, to := &request.Held[moves[i].Held].Key, &request.Candidates[moves[i].Candidate].Key
		bytes += moveBytes + len(from.Zone) + len(from.Type) + len(to.Zone) + len(to.Type)
	}
	return r.take(bytes)
}
