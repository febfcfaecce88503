package place

import (
	"errors"
	"math"
)

// ErrSearchTooLarge means that LowestCost would have to look at more than it may
// to be sure of the cheapest launches.
var ErrSearchTooLarge = errors.New("the search for the lowest cost is too large")

// Place chooses pools and counts for each demand of a request, in order. A need
// that can not be met in full is met as far as pools and limits allow. The only
// error is [ErrSearchTooLarge].
func Place(request Request, market Market) (Placement, error) {
	candidates := lookUp(request.Candidates, market)
	room := roomOf(&request)
	placement := Placement{Demands: make([]DemandPlacement, len(request.Demands))}
	results := make([]Decision, len(candidates)*len(request.Demands))
	work := filling{
		decisions: make([]Decision, len(candidates)),
		order:     make([]int32, 0, len(candidates)),
		room:      room,
	}
	for i := range request.Demands {
		demand := &request.Demands[i]
		work.begin(demand)
		work.judge(&request, candidates)
		if err := work.fill(&request); err != nil {
			return Placement{}, err
		}
		work.settle(candidates, &placement)
		n := len(candidates)
		placement.Demands[i] = DemandPlacement{
			Placed:    demand.Wanted - work.need,
			Decisions: work.explain(results[i*n : i*n : (i+1)*n]),
		}
	}
	return placement, nil
}

// A candidatePool is a candidate with its offer, and what the demands so far
// take from it.
type candidatePool struct {
	index int32
	offer *Offer // nil when not on sale
	taken [2]int32
}

// lookUp finds the offer of each candidate. A candidate whose type and zone
// came before is left out: it names the same pool, and the same stock.
func lookUp(candidates []Candidate, market Market) []candidatePool {
	pools := make([]candidatePool, 0, len(candidates))
	for i := range candidates {
		if cameBefore(candidates, i) {
			continue
		}
		pools = append(pools, candidatePool{index: int32(i), offer: market.Offer(candidates[i].Key)})
	}
	return pools
}

func cameBefore(candidates []Candidate, i int) bool {
	key := &candidates[i].Key
	for j := range i {
		if candidates[j].Key.Type == key.Type && candidates[j].Key.Zone == key.Zone {
			return true
		}
	}
	return false
}

// A room is how much the limits of a request still allow.
type room struct {
	instances  int64
	milliunits int64
}

// roomOf tells the limits of a request. No limit is as good as the largest
// number of instances that an answer can name.
func roomOf(request *Request) room {
	r := room{instances: math.MaxInt32, milliunits: math.MaxInt64}
	if request.MaxInstances != nil {
		r.instances = int64(*request.MaxInstances)
	}
	if request.MaxMilliunits != nil {
		r.milliunits = *request.MaxMilliunits
	}
	return r
}

// fits tells whether there is room for one instance.
func (r room) fits(weight int64) bool { return r.instances >= 1 && r.milliunits >= weight }
