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
	pools, zones := lookUp(&request, market)
	n := len(pools)
	placement := Placement{Demands: make([]DemandPlacement, len(request.Demands))}
	decisions := make([]Decision, n*len(request.Demands))
	work := filling{
		pools: pools,
		zones: zones,
		order: make([]int32, 0, n),
		queue: make([]turn, 0, n),
		room:  roomOf(&request),
	}
	for i := range request.Demands {
		demand := &request.Demands[i]
		work.begin(demand, decisions[i*n:(i+1)*n:(i+1)*n])
		work.judge(&request)
		if err := work.fill(&request); err != nil {
			return Placement{}, err
		}
		placed := demand.Wanted - work.need
		work.settle(placed, &placement)
		work.explain()
		placement.Demands[i] = DemandPlacement{Placed: placed, Decisions: work.decisions}
	}
	return placement, nil
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
