package control

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/plan"
)

const (
	// listPage is how many instances are asked for at once.
	listPage = 250
	// callTimeout bounds one call of a neighbour, in real time.
	callTimeout = 30 * time.Second
)

// observe lists the group's instances, crosses them off the launches that wait to
// be shown, and asks meanwhile which of them are unhealthy.
func (l *look) observe(ctx context.Context) error {
	if l.first != nil {
		l.listed = true
		return nil // a group that is not stored yet has launched nothing
	}
	var asking sync.WaitGroup
	asking.Go(func() { l.health = l.askHealth(ctx) })
	if l.c.ParallelCalls == 1 {
		asking.Wait()
	}
	instances, err := l.list(ctx)
	asking.Wait()
	if err != nil {
		return err
	}
	l.instances, l.listed = instances, true
	l.countReplaced(0, l.now)
	l.dropLeft()
	l.rememberUnhealthy()
	shown := make(map[string]bool, len(instances))
	for _, instance := range instances {
		shown[instance.GetInstanceId()] = true
	}
	l.crossOff(shown)
	return l.confirm(ctx)
}

// crossOff takes instances off the launches that wait for them to be shown.
func (l *look) crossOff(shown map[string]bool) {
	l.stored.Launches = slices.DeleteFunc(l.stored.Launches, func(launch *storagev1.Launch) bool {
		launch.InstanceIds = slices.DeleteFunc(launch.InstanceIds, func(id string) bool { return shown[id] })
		return launch.AnswerTime != nil && len(launch.InstanceIds) == 0
	})
}

// confirm finds out about instances that lists by tag do not show: those that
// another group may have, and those that should have been shown long since. A
// list may be later than anybody thought, so that it is no proof that an instance
// is gone: to launch another one then would be to launch twice (S1). A change is
// made where instances really are, and so one that changes nothing, the tag that
// it has anyway, tells.
func (l *look) confirm(ctx context.Context) error {
	var doubtful []*storagev1.Launch
	var ids []string
	for _, launch := range l.stored.GetLaunches() {
		if launch.AnswerTime != nil && (isAttached(launch) || l.isLate(launch)) {
			doubtful, ids = append(doubtful, launch), append(ids, launch.GetInstanceIds()...)
		}
	}
	if len(doubtful) == 0 {
		return nil
	}
	shown, err := l.read(ctx, ids)
	if err != nil {
		return err
	}
	lost := map[string]bool{}
	for _, launch := range doubtful {
		if err := l.confirmLaunch(ctx, launch, shown, lost); err != nil {
			return err
		}
	}
	l.crossOff(lost)
	return nil
}

// confirmLaunch finds out which instances of a launch are lost, and tells of those
// that were attached.
func (l *look) confirmLaunch(ctx context.Context, launch *storagev1.Launch, shown map[string]*fleetv1.Instance, lost map[string]bool) error {
	var late []string
	for _, id := range launch.GetInstanceIds() {
		if lost[id] = l.ownedByOther(shown[id]); !lost[id] && l.isLate(launch) {
			late = append(late, id)
		}
	}
	if err := l.confirmLate(ctx, launch, late, lost); err != nil {
		return err
	}
	return l.tellLost(launch, shown, lost)
}

// confirmLate asks which of the instances of a launch there are, and gives those
// their time anew; the others are lost.
func (l *look) confirmLate(ctx context.Context, launch *storagev1.Launch, late []string, lost map[string]bool) error {
	if len(late) == 0 || isEnding(l.stored) { // what is given up is asked for by name anyway
		for _, id := range late {
			lost[id] = true
		}
		return nil
	}
	there, err := l.tag(ctx, late, tagOf(l.key.GroupID))
	if err != nil {
		return err
	}
	for _, id := range late {
		lost[id] = !slices.Contains(there, id)
	}
	launch.AnswerTime = timestamppb.New(l.now)
	return nil
}

// tellLost tells of attached instances that are no members after all.
func (l *look) tellLost(launch *storagev1.Launch, shown map[string]*fleetv1.Instance, lost map[string]bool) error {
	for _, id := range launch.GetInstanceIds() {
		if !isAttached(launch) || !lost[id] {
			continue
		}
		if err := l.openActivity(fmt.Sprintf("instance %s was attached and is no member", id)); err != nil {
			return err
		}
		l.reportAttachFailure(id, shown[id])
	}
	return nil
}

// isAttached tells whether what waits to be shown was attached, not launched.
func isAttached(launch *storagev1.Launch) bool { return launch.GetRequestId() == "" }

// isLate tells whether the instances of a launch should have been shown by now.
func (l *look) isLate(launch *storagev1.Launch) bool {
	return !l.now.Before(launch.GetAnswerTime().AsTime().Add(l.c.LaunchGrace))
}

// list reads all instances that carry the group's tag.
func (l *look) list(ctx context.Context) ([]*fleetv1.Instance, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	request := &fleetv1.ListInstancesRequest{
		Tags: map[string]string{TagGroup: l.key.GroupID}, PageSize: listPage,
	}
	var instances []*fleetv1.Instance
	for {
		page, err := l.c.Fleet.ListInstances(ctx, request)
		if err != nil {
			return nil, fmt.Errorf("list instances: %w", err)
		}
		instances = append(instances, page.GetInstances()...)
		if page.GetNextPageToken() == "" {
			return instances, nil
		}
		request.PageToken = page.GetNextPageToken()
	}
}

// ClassesOf tells the classes of a group's instances, given what is remembered
// of the types that attributes brought into it.
func ClassesOf(group *storagev1.StoredGroup) plan.Classes {
	expansions := make([]plan.Expansion, len(group.GetExpansions()))
	for i, known := range group.GetExpansions() {
		expansions[i] = plan.Expansion{
			Zone: known.GetZoneId(), Type: known.GetInstanceType(), Candidate: known.GetCandidateIndex(), Weight: known.GetWeightMilliunits(),
		}
	}
	return plan.ClassesOf(group.GetGroup().GetSpec(), expansions)
}

// observed is what is there now, in the terms of the plan.
func (l *look) observed() plan.Observed {
	if l.stored.GetRebalance() == nil {
		return l.shown()
	}
	return plan.Moving(l.shown(), l.moves())
}

// shown is the same, whatever moves are under way.
func (l *look) shown() plan.Observed {
	classes := ClassesOf(l.stored)
	releases := l.stored.GetGroup().GetSpec().GetExcessCapacityTerminationPolicy() == groupv1.ExcessCapacityTerminationPolicy_EXCESS_CAPACITY_TERMINATION_POLICY_TERMINATION
	observed := plan.Observed{Instances: make([]plan.Instance, len(l.instances)), Stale: l.health.stale, Now: l.now}
	for i, instance := range l.instances {
		observed.Instances[i] = plan.Instance{
			ID: instance.GetInstanceId(), Zone: instance.GetZoneId(), Type: instance.GetInstanceType(), Method: instance.GetBillingMethod(),
			Status: instance.GetStatus(), Noticed: instance.GetInterruptionNoticeTime() != nil,
			Since: instance.GetStatusTime().AsTime(), Resting: l.isResting(instance.GetInstanceId()),
			Protected: l.isProtected(instance.GetInstanceId()) || releases && instance.GetDeletionProtection(), Reclaimed: isReclaimed(instance),
			Price: l.priceOf(instance), Created: instance.GetCreateTime().AsTime(),
			Class: classes.Of(instance.GetZoneId(), instance.GetInstanceType()), Unhealthy: l.health.verdicts[instance.GetInstanceId()],
		}
	}
	for _, launch := range l.stored.GetLaunches() {
		if l.isHeldBack(launch) {
			continue // nothing comes of it until it is resumed
		}
		pending := plan.Pending{
			Zone: launch.GetZoneId(), Method: launch.GetBillingMethod(), Weight: launch.GetWeightMilliunits(),
			Count: int(launch.GetAmount()), Answered: launch.AnswerTime != nil, Price: launch.GetPriceMicrosPerHour(),
		}
		if pending.Answered {
			pending.Count = len(launch.GetInstanceIds())
		}
		observed.Pending = append(observed.Pending, pending)
	}
	for _, joining := range l.stored.GetAttachments() {
		observed.Pending = append(observed.Pending, plan.Pending{
			Zone: joining.GetZoneId(), Method: joining.GetBillingMethod(), Count: 1, Answered: true, Price: joining.GetPriceMicrosPerHour(),
			Weight: classes.Of(joining.GetZoneId(), joining.GetInstanceType()).Weight,
		})
	}
	return observed
}
