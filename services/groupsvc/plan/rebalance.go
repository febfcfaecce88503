package plan

import (
	"cmp"
	"fmt"
	"slices"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

// A Move is a number of instances that are to change their pool: launched first,
// then given up.
type Move struct {
	// Number names the move.
	Number int32
	// Method is the billing method, before and after.
	Method fleetv1.BillingMethod
	// FromZone and FromType name the pool where instances are given up.
	FromZone, FromType string
	// ToZone and ToType name the pool to launch in.
	ToZone, ToType string
	// Remove is how many are given up, Launch how many are launched.
	Remove, Launch int
	// Weight is what one launched instance contributes, in milliunits, and
	// FromWeight what one does that is given up.
	Weight, FromWeight int64
	// Price is what one launched instance is expected to cost, in micro-units of
	// the currency per hour.
	Price int64
	// Launched is whether its launches have been decided.
	Launched bool
	// Open is how many instances of its launches the fleet does not show: the
	// call's outcome is not known, or the fleet's list is late.
	Open int
	// IDs are the other instances that it launched: shown, or gone.
	IDs []string
	// Chosen are the instances that it gives up; empty until that is decided.
	Chosen []string
}

// A Rebalance is what is to be done next about moves.
type Rebalance struct {
	// Launch are the moves to launch now.
	Launch []int32
	// GiveUp are the instances that moves give up now.
	GiveUp []Handover
	// Over are moves that have nothing left to do.
	Over []MoveEnd
}

// A Handover is what a move gives up.
type Handover struct {
	// Number is that of the move.
	Number int32
	// Removals are the instances, in order.
	Removals []Removal
}

// A MoveEnd is how a move came to its end.
type MoveEnd struct {
	// Number is that of the move.
	Number int32
	// Complete is whether all was launched and given up.
	Complete bool
}

// Rebalancing plans moves that are under way. All that limits and budget leave
// room for are launched at once. A move gives up when all that it launched runs or
// is lost: of what was to go as large a share as of what was to come runs, and
// never so much that less than the target would run (S4). What is suspended waits.
func Rebalancing(desired Desired, observed Observed, moves []Move) Rebalance {
	desired = substituted(desired, observed)
	var next Rebalance
	next.launch(desired, observed, moves)
	if !desired.Suspended.Rebalance && !desired.Suspended.Terminate {
		next.handOver(desired, observed, moves)
	}
	return next
}

// launch chooses the moves to launch. One that finds no room waits for those that
// are under way, which make some; when none is, it is over.
func (r *Rebalance) launch(desired Desired, observed Observed, moves []Move) {
	if desired.Suspended.Rebalance || desired.Suspended.Launch {
		return
	}
	instances, milliunits := MaxInstances-observed.ExpectedInstances(), MaxMilliunits-observed.Expected().Total()
	money := desired.Budget.room(observed)
	underWay := slices.ContainsFunc(moves, func(m Move) bool { return m.Launched })
	for _, move := range moves {
		count := int64(move.Launch)
		switch {
		case move.Launched:
		case move.Launch <= instances && count*move.Weight <= milliunits && count*move.Price <= money:
			instances, milliunits, money = instances-move.Launch, milliunits-count*move.Weight, money-count*move.Price
			r.Launch = append(r.Launch, move.Number)
			underWay = true
		case !underWay:
			r.Over = append(r.Over, MoveEnd{Number: move.Number})
		}
	}
}

// handOver chooses what moves give up, and tells which are over.
func (r *Rebalance) handOver(desired Desired, observed Observed, moves []Move) {
	shown := map[string]Instance{}
	for _, instance := range observed.Instances {
		shown[instance.ID] = instance
	}
	taken := takenBy(moves)
	left := runningOf(observed)
	awaited := slices.ContainsFunc(moves, func(m Move) bool { return m.awaited(shown) })
	for _, move := range moves {
		if !move.Launched {
			continue
		}
		if len(move.Chosen) > 0 {
			r.finish(desired, move, shown, &left)
			continue
		}
		running, settled := move.running(shown)
		if !settled {
			continue
		}
		spare, most := left, move.Remove*running/move.Launch
		chosen := giveUpFor(desired, observed, move, most, taken, &spare)
		if len(chosen) < most && awaited {
			continue // it can give up more when what others launched runs, too
		}
		left = spare
		if len(chosen) == 0 {
			r.Over = append(r.Over, MoveEnd{Number: move.Number})
			continue
		}
		handover := Handover{Number: move.Number}
		for _, instance := range chosen {
			taken[instance.ID] = true
			handover.Removals = append(handover.Removals, move.removal(instance.ID))
		}
		r.GiveUp = append(r.GiveUp, handover)
	}
}

// finish goes on with a move whose instances to give up are chosen, as far as the
// target of now does without them: it is over when none of them is left to go.
func (r *Rebalance) finish(desired Desired, move Move, shown map[string]Instance, left *Amounts) {
	var removals []Removal
	gone := 0
	for _, id := range move.Chosen {
		switch instance, there := shown[id]; {
		case !there:
			gone++
		case !instance.Healthy() || left.spares(desired, instance):
			removals = append(removals, move.removal(id))
		}
	}
	if len(removals) > 0 {
		r.GiveUp = append(r.GiveUp, Handover{Number: move.Number, Removals: removals})
		return
	}
	complete := len(move.IDs) == move.Launch && gone == move.Remove
	r.Over = append(r.Over, MoveEnd{Number: move.Number, Complete: complete})
}

// spares takes an instance off what is there, unless that would leave less than
// the target, and tells whether it has.
func (a *Amounts) spares(desired Desired, instance Instance) bool {
	weight := instance.Class.Weight
	if a.Of(instance.Method)-weight < desired.Target.Of(instance.Method) || a.Total()-weight < desired.Target.Total() {
		return false
	}
	a.add(instance.Method, -weight)
	return true
}

// removal gives up an instance for good: were it left to run on, nothing would be
// saved.
func (m Move) removal(id string) Removal {
	return Removal{ID: id, Release: true, Reason: fmt.Sprintf("rebalancing: moved to %s in %s", m.ToType, m.ToZone)}
}

// takenBy are the instances that no other move may give up: what moves have
// launched, and what they have chosen.
func takenBy(moves []Move) map[string]bool {
	taken := map[string]bool{}
	for _, move := range moves {
		for _, id := range slices.Concat(move.IDs, move.Chosen) {
			taken[id] = true
		}
	}
	return taken
}

// running tells how many of what a move launched run, and whether all that it
// launched runs or is lost.
func (m Move) running(shown map[string]Instance) (running int, settled bool) {
	settled = m.Open == 0
	for _, id := range m.IDs {
		switch instance, there := shown[id]; {
		case !there || !instance.Healthy():
		case instance.Status == fleetv1.InstanceStatus_INSTANCE_STATUS_RUNNING:
			running++
		default:
			settled = false
		}
	}
	return running, settled
}

// awaited tells whether some of what a move launched does not run yet.
func (m Move) awaited(shown map[string]Instance) bool {
	_, settled := m.running(shown)
	return m.Launched && len(m.Chosen) == 0 && !settled
}

// giveUpFor chooses what a move gives up, that many at most, dearest first, then oldest, and takes it
// off what is left.
func giveUpFor(desired Desired, observed Observed, move Move, most int, taken map[string]bool, left *Amounts) []Instance {
	var members []Instance
	for _, instance := range observed.Instances {
		from := instance.Zone == move.FromZone && instance.Type == move.FromType && instance.Method == move.Method
		if from && instance.Healthy() && !instance.Protected && !taken[instance.ID] {
			members = append(members, instance)
		}
	}
	slices.SortFunc(members, func(a, b Instance) int {
		return cmp.Or(cmp.Compare(b.Price, a.Price), a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID))
	})
	var chosen []Instance
	for _, instance := range members {
		if len(chosen) < most && left.spares(desired, instance) {
			chosen = append(chosen, instance)
		}
	}
	return chosen
}

// Extra is the capacity that moves hold until they have given up as much: it is
// no excess.
func Extra(observed Observed, moves []Move) Amounts {
	weights, shown := map[string]int64{}, map[string]bool{}
	for _, instance := range observed.Instances {
		shown[instance.ID] = true
		if instance.Counts() {
			weights[instance.ID] = instance.Class.Weight
		}
	}
	var extra Amounts
	for _, move := range moves {
		held := int64(move.Open) * move.Weight
		for _, id := range move.IDs {
			held += weights[id]
		}
		for _, id := range move.Chosen {
			if !shown[id] {
				held -= move.FromWeight
			}
		}
		extra.add(move.Method, max(0, held))
	}
	return extra
}

// Moving is what is there when what moves have launched is not to be given up
// before they are over.
func Moving(observed Observed, moves []Move) Observed {
	launched := map[string]bool{}
	for _, move := range moves {
		for _, id := range move.IDs {
			launched[id] = true
		}
	}
	observed.Instances = slices.Clone(observed.Instances)
	for i := range observed.Instances {
		observed.Instances[i].Protected = observed.Instances[i].Protected || launched[observed.Instances[i].ID]
	}
	return observed
}
