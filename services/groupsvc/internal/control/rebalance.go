package control

import (
	"context"
	"slices"

	"google.golang.org/protobuf/types/known/timestamppb"

	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/placement"
	"github.com/seed-198b1370/muster/services/groupsvc/plan"
)

// OriginRebalance is the origin of a rebalancing's activity.
const OriginRebalance = "rebalance"

// rebalance goes on with the rebalancing that is under way. What it is about to
// do is stored first, the slots of what it launches and the ids of what it gives
// up, so that after a crash it does the same. An error means that another wrote
// the group, or that the store failed.
func (l *look) rebalance(ctx context.Context) error {
	under := l.stored.GetRebalance()
	if under == nil || l.failing() {
		return nil
	}
	if under.GetGeneration() != l.stored.GetGroup().GetGeneration() {
		l.endRebalance(false) // its moves lead to what may not be wanted any more
		return nil
	}
	if err := l.launchMoves(ctx); err != nil {
		return err
	}
	if l.failing() {
		return nil // what came of the launches is not known yet
	}
	next := plan.Rebalancing(l.desired(), l.observed(), l.moves())
	var removals []plan.Removal
	for _, handover := range next.GiveUp {
		removals = append(removals, handover.Removals...)
		l.choose(handover)
	}
	if len(removals) > 0 {
		if err := l.save(ctx); err != nil { // as in deliver
			return err
		}
		l.under = under.GetActivity()
		l.remove(ctx, removals)
		l.under = nil
		next = plan.Rebalancing(l.desired(), l.observed(), l.moves())
	}
	l.dropMoves(next.Over)
	return nil
}

// launchMoves launches the moves that there is room for.
func (l *look) launchMoves(ctx context.Context) error {
	next := plan.Rebalancing(l.desired(), l.observed(), l.moves())
	if len(next.Launch) == 0 || l.isOver() {
		return nil
	}
	for _, move := range l.stored.GetRebalance().GetMoves() {
		if slices.Contains(next.Launch, move.GetNumber()) {
			move.Launched = true
			l.decideMove(move)
		}
	}
	if err := l.save(ctx); err != nil {
		return err
	}
	l.runOpen(ctx)
	return nil
}

// decideMove turns what a move launches into launches that bear its number.
func (l *look) decideMove(move *storagev1.Move) {
	spec, already := l.stored.GetGroup().GetSpec(), len(l.stored.GetLaunches())
	candidate := spec.GetCandidates()[move.GetCandidateIndex()]
	take := placement.Take{
		Pool:      placement.Pool{Zone: move.GetToZoneId(), Type: move.GetToInstanceType(), Method: move.GetBillingMethod()},
		Instances: int(move.GetLaunchInstances()), Weight: move.GetWeightMilliunits(),
		Price: move.GetPriceMicrosPerHour(), MaxPrice: move.GetMaxPriceMicrosPerHour(), Image: candidate.GetImageId(),
	}
	if candidate.GetAttributes() != nil {
		take.Expansion = &plan.Expansion{Zone: take.Pool.Zone, Type: take.Pool.Type, Candidate: move.GetCandidateIndex(), Weight: take.Weight}
	}
	l.decide(take)
	for _, launch := range l.stored.GetLaunches()[already:] {
		launch.Move = move.GetNumber()
	}
}

// noteMove records what a launch brought to the move that it was made for.
func (l *look) noteMove(launch *storagev1.Launch, ids []string) {
	for _, move := range l.stored.GetRebalance().GetMoves() {
		if launch.GetMove() == move.GetNumber() {
			move.LaunchedInstanceIds = append(move.LaunchedInstanceIds, ids...)
		}
	}
}

// moves are those that are not over, in the terms of the plan.
func (l *look) moves() []plan.Move {
	classes := ClassesOf(l.stored)
	var moves []plan.Move
	for _, stored := range l.stored.GetRebalance().GetMoves() {
		move := plan.Move{
			Number: stored.GetNumber(), Method: stored.GetBillingMethod(),
			FromZone: stored.GetFromZoneId(), FromType: stored.GetFromInstanceType(), ToZone: stored.GetToZoneId(), ToType: stored.GetToInstanceType(),
			Remove: int(stored.GetRemoveInstances()), Launch: int(stored.GetLaunchInstances()),
			Weight: stored.GetWeightMilliunits(), FromWeight: classes.Of(stored.GetFromZoneId(), stored.GetFromInstanceType()).Weight, Price: stored.GetPriceMicrosPerHour(),
			Launched: stored.GetLaunched(), IDs: slices.Clone(stored.GetLaunchedInstanceIds()), Chosen: stored.GetRemovedInstanceIds(),
		}
		for _, launch := range l.stored.GetLaunches() {
			if launch.GetMove() != move.Number {
				continue
			}
			if launch.AnswerTime == nil {
				move.Open += int(launch.GetAmount())
			} else {
				move.Open += len(launch.GetInstanceIds())
			}
			move.IDs = slices.DeleteFunc(move.IDs, func(id string) bool { return slices.Contains(launch.GetInstanceIds(), id) })
		}
		moves = append(moves, move)
	}
	return moves
}

// choose notes what a move gives up.
func (l *look) choose(handover plan.Handover) {
	for _, move := range l.stored.GetRebalance().GetMoves() {
		if move.GetNumber() != handover.Number || len(move.GetRemovedInstanceIds()) > 0 {
			continue
		}
		for _, removal := range handover.Removals {
			move.RemovedInstanceIds = append(move.RemovedInstanceIds, removal.ID)
		}
	}
}

// dropMoves forgets moves that are over, and ends the rebalancing with the last.
func (l *look) dropMoves(over []plan.MoveEnd) {
	under := l.stored.GetRebalance()
	for _, end := range over {
		under.FellShort = under.GetFellShort() || !end.Complete
		under.Moves = slices.DeleteFunc(under.Moves, func(m *storagev1.Move) bool { return m.GetNumber() == end.Number })
	}
	if len(under.GetMoves()) == 0 {
		l.endRebalance(!under.GetFellShort())
	}
}

// endRebalance ends the rebalancing that is under way, if there is one. What it
// has launched and not given up for is excess from then on, or makes up for what
// is missing. Its launches are the group's.
func (l *look) endRebalance(complete bool) {
	under := l.stored.GetRebalance()
	if under == nil {
		return
	}
	activity := under.GetActivity()
	launched := slices.ContainsFunc(activity.GetLaunchResults(), func(r *groupv1.LaunchResult) bool { return r.GetAmount() > 0 })
	switch {
	case complete:
		activity.Status = groupv1.ActivityStatus_ACTIVITY_STATUS_SUCCESSFUL
	case launched || len(activity.GetRemovals()) > 0:
		activity.Status = groupv1.ActivityStatus_ACTIVITY_STATUS_WARNING
	default:
		activity.Status = groupv1.ActivityStatus_ACTIVITY_STATUS_FAILED
	}
	activity.EndTime = timestamppb.New(l.now)
	l.stored.Rebalance = nil
	for _, launch := range l.stored.GetLaunches() {
		launch.Move = 0
	}
	l.closed = append(l.closed, activity)
}

// KeepMoves lets a rebalancing go on over a change of the group that is about to
// become its next generation: what is to move where is as good as before. How much
// may go follows from the target and the budget of the moment.
func KeepMoves(stored *storagev1.StoredGroup) {
	if under := stored.GetRebalance(); under != nil && under.GetGeneration() == stored.GetGroup().GetGeneration() {
		under.Generation++
	}
}

// told is the activity to which what is done now belongs; nil for none.
func (l *look) told() *groupv1.Activity {
	if l.under != nil {
		return l.under
	}
	return l.stored.GetOpenActivity()
}
