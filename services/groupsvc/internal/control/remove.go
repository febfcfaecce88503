package control

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc/status"

	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/plan"
)

// end removes all instances of a group that is being deleted, those that the
// fleet does not show yet too.
// An error means that another wrote the group, or that the store failed.
func (l *look) end(ctx context.Context) error {
	l.endRebalance(false)
	_, cause := whyItEnds(l.stored)
	removals := plan.End(l.observed(), l.stored.GetTerminateInstances(), cause).Removals
	for _, launch := range l.stored.GetLaunches() {
		for _, id := range launch.GetInstanceIds() {
			removals = append(removals, plan.Removal{ID: id, Release: l.stored.GetTerminateInstances(), Reason: cause})
		}
	}
	if len(removals) == 0 {
		return nil
	}
	if err := l.openActivity(cause); err != nil {
		return err
	}
	if err := l.save(ctx); err != nil { // as in deliver
		return err
	}
	l.remove(ctx, removals)
	if l.trouble == nil {
		// What was tagged while this went on must show before it ends.
		if err := l.observe(ctx); err != nil {
			l.fail(err)
		}
	}
	return nil
}

// remove releases or lets go of instances, in batches, in parallel, and notes
// which are gone.
func (l *look) remove(ctx context.Context, removals []plan.Removal) {
	var release, detach []string
	for i, removal := range removals {
		if !removal.Release && l.isFresh(removal.ID) {
			removal.Release, removals[i].Release = true, true
		}
		if removal.Release {
			release = append(release, removal.ID)
		} else {
			detach = append(detach, removal.ID)
		}
	}
	gone := make(map[string]bool, len(removals))
	for id := range l.inBatches(ctx, release, l.releaseBatch) {
		gone[id] = true
	}
	for id := range l.inBatches(ctx, detach, l.detachBatch) {
		gone[id] = true
	}
	l.instances = slices.DeleteFunc(l.instances, func(i *fleetv1.Instance) bool { return gone[i.GetInstanceId()] })
	l.stored.Launches = slices.DeleteFunc(l.stored.Launches, func(launch *storagev1.Launch) bool {
		launch.InstanceIds = slices.DeleteFunc(launch.InstanceIds, func(id string) bool { return gone[id] })
		return launch.AnswerTime != nil && len(launch.InstanceIds) == 0
	})
	for _, removal := range removals {
		switch {
		case gone[removal.ID]:
			l.reportRemoval(&groupv1.Removal{InstanceId: removal.ID, Released: removal.Release, Reason: removal.Reason})
		case !slices.Contains(l.kept, removal.ID): // to wait for that one there is nothing to hurry for
			l.removing = true
		}
	}
}

// isFresh tells whether an instance is of a launch that was settled in this very
// look. Nobody was ever told of it, and by now it is not wanted: to let it run
// on outside of the group would be to leave it to nobody.
func (l *look) isFresh(id string) bool {
	for _, instance := range l.instances {
		if instance.GetInstanceId() == id {
			return l.settled[instance.GetTags()[TagLaunch]]
		}
	}
	for _, launch := range l.stored.GetLaunches() {
		if slices.Contains(launch.GetInstanceIds(), id) {
			return l.settled[launch.GetRequestId()]
		}
	}
	return false
}

// inBatches calls a function with up to a hundred ids at a time and collects
// which it says are gone.
func (l *look) inBatches(ctx context.Context, ids []string, call func(context.Context, []string) ([]string, error)) map[string]bool {
	batches := slices.Collect(slices.Chunk(ids, maxBatch))
	gone, errs := make([][]string, len(batches)), make([]error, len(batches))
	var calls errgroup.Group
	calls.SetLimit(l.c.ParallelCalls)
	for i, batch := range batches {
		calls.Go(func() error {
			callCtx, cancel := context.WithTimeout(ctx, callTimeout)
			defer cancel()
			if errs[i] = l.mayAct(callCtx); errs[i] == nil {
				gone[i], errs[i] = call(callCtx, batch)
			}
			return nil
		})
	}
	_ = calls.Wait() // errs holds the errors
	all := map[string]bool{}
	for i := range batches {
		if errs[i] != nil {
			l.fail(errs[i])
		}
		for _, id := range gone[i] {
			all[id] = true
		}
	}
	return all
}

// releaseBatch releases instances. The cloud releases all of a call or none, so
// that one which it must not release is left out, and kept, for the sake of the
// others. Those that the fleet misses while it does not show them yet are not
// taken for gone.
func (l *look) releaseBatch(ctx context.Context, ids []string) ([]string, error) {
	left := slices.Clone(ids)
	for len(left) > 0 {
		answer, err := l.c.Fleet.DeleteInstances(ctx, &fleetv1.DeleteInstancesRequest{InstanceIds: left})
		if err == nil {
			return slices.DeleteFunc(left, func(id string) bool {
				return slices.Contains(answer.GetMissingInstanceIds(), id) && !l.shows(id)
			}), nil
		}
		refused := slices.Index(left, instanceOf(err, fleetv1.ErrorReason_ERROR_REASON_DELETION_PROTECTED))
		if refused < 0 {
			return nil, fmt.Errorf("release instances: %w", err)
		}
		l.keep(left[refused])
		left = slices.Delete(left, refused, refused+1)
	}
	return nil, nil
}

// keep notes an instance that the cloud must not release.
func (l *look) keep(id string) {
	l.keeping.Lock()
	defer l.keeping.Unlock()
	l.kept = append(l.kept, id)
}

// detachBatch takes the group's tags off instances, leaving out those that the
// fleet misses.
func (l *look) detachBatch(ctx context.Context, ids []string) ([]string, error) {
	left := slices.Clone(ids)
	var gone []string
	for len(left) > 0 {
		_, err := l.c.Fleet.UpdateInstanceTags(ctx, &fleetv1.UpdateInstanceTagsRequest{
			InstanceIds: left, RemoveTagKeys: []string{TagGroup, TagLaunch, TagTrace},
		})
		if err == nil {
			return append(gone, left...), nil
		}
		missing := slices.Index(left, instanceOf(err, fleetv1.ErrorReason_ERROR_REASON_INSTANCE_NOT_FOUND))
		if missing < 0 {
			return gone, fmt.Errorf("take instances out of the group: %w", err)
		}
		if l.shows(left[missing]) { // it has been released since
			gone = append(gone, left[missing])
		}
		left = slices.Delete(left, missing, missing+1)
	}
	return gone, nil
}

// shows tells whether the fleet's list has shown an instance.
func (l *look) shows(id string) bool {
	return slices.ContainsFunc(l.instances, func(i *fleetv1.Instance) bool { return i.GetInstanceId() == id })
}

// instanceOf is the instance that an error is about, if it says so for a reason;
// empty when it says something else.
func instanceOf(err error, reason fleetv1.ErrorReason) string {
	if !rpc.HasReason(err, reason) {
		return ""
	}
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(interface{ GetMetadata() map[string]string }); ok {
			return info.GetMetadata()["instance_id"]
		}
	}
	return ""
}
