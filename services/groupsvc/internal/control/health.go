package control

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/plan"
)

const (
	// healthTimeout bounds, in real time, how long a look waits to be told who
	// is unhealthy. It is short, for a look can do without.
	healthTimeout = 500 * time.Millisecond
	// maxEvidence is how many characters are kept of what was seen of an
	// unhealthy instance.
	maxEvidence = 200
	// maxShown is how many unhealthy instances a group shows.
	maxShown = 20
)

// A health is what is known of who is unhealthy.
type health struct {
	verdicts map[string]*plan.Verdict // by instance
	stale    bool                     // they are those of an earlier look
}

// askHealth asks who is unhealthy. When that can not be told, those are who were
// when it was told last.
func (l *look) askHealth(ctx context.Context) health {
	if l.c.Health == nil || isEnding(l.stored) {
		return health{}
	}
	if !l.c.healthBreaker.mayAsk(l.c.Clock.Now()) {
		return l.healthAsStored()
	}
	bounded, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	answer, err := l.c.Health.ListVerdicts(bounded, &healthv1.ListVerdictsRequest{GroupId: l.key.GroupID})
	l.c.healthBreaker.asked(l.c.Clock.Now(), bounded.Err() == nil || ctx.Err() != nil)
	if err != nil {
		l.c.Log.WarnContext(ctx, "health not known", "group_id", l.key.GroupID, "error", err)
		return l.healthAsStored()
	}
	told := health{verdicts: map[string]*plan.Verdict{}}
	for _, verdict := range answer.GetVerdicts() {
		if verdict.GetStatus() == healthv1.HealthStatus_HEALTH_STATUS_UNHEALTHY {
			told.verdicts[verdict.GetInstanceId()] = &plan.Verdict{
				Reason: verdict.GetReason(), Message: shortened(verdict.GetMessage()), Since: verdict.GetSinceTime().AsTime(),
			}
		}
	}
	return told
}

func (l *look) healthAsStored() health {
	known := health{verdicts: map[string]*plan.Verdict{}, stale: true}
	for _, id := range l.stored.GetUnhealthyInstanceIds() {
		known.verdicts[id] = &plan.Verdict{}
	}
	return known
}

// shortened cuts a text that is too long for those who only want to know why.
func shortened(text string) string {
	if runes := []rune(text); len(runes) > maxEvidence {
		return string(runes[:maxEvidence-1]) + "…"
	}
	return text
}

// rememberUnhealthy has whatever is written next tell who is unhealthy. What is
// launched in their place is written then, too: a look that can not ask must not
// take them for well beside it, and others for excess (S4).
func (l *look) rememberUnhealthy() {
	if l.c.Health == nil || isEnding(l.stored) || l.health.stale {
		return
	}
	l.stored.UnhealthyInstanceIds = nil
	for _, instance := range l.instances {
		if id := instance.GetInstanceId(); l.health.verdicts[id] != nil {
			l.stored.UnhealthyInstanceIds = append(l.stored.UnhealthyInstanceIds, id)
		}
	}
}

// recordHealth notes who is unhealthy, for clients and for looks that can not
// ask. Those that are gone are forgotten either way.
func (l *look) recordHealth() {
	if l.c.Health == nil || isEnding(l.stored) || l.first != nil {
		return
	}
	group := l.stored.GetGroup()
	if l.health.stale {
		l.stored.UnhealthyInstanceIds = slices.DeleteFunc(l.stored.UnhealthyInstanceIds, func(id string) bool { return !l.shows(id) })
		group.UnhealthyInstances = slices.DeleteFunc(group.UnhealthyInstances, func(i *groupv1.UnhealthyInstance) bool { return !l.shows(i.GetInstanceId()) })
		for _, instance := range group.GetUnhealthyInstances() {
			instance.BeingReplaced = false
		}
		l.condition(groupv1.ConditionType_CONDITION_TYPE_HEALTH_KNOWN, false, "Unreachable",
			"the health service can not be reached; nothing is replaced for being unhealthy until it is")
		return
	}
	l.rememberUnhealthy()
	group.UnhealthyInstances = nil
	for _, instance := range l.instances {
		id := instance.GetInstanceId()
		verdict := l.health.verdicts[id]
		if verdict == nil {
			continue
		}
		group.UnhealthyInstances = append(group.UnhealthyInstances, &groupv1.UnhealthyInstance{
			InstanceId: id, Reason: verdict.Reason, Message: verdict.Message, SinceTime: timestamppb.New(verdict.Since),
			BeingReplaced: slices.Contains(l.replacing, id),
		})
	}
	slices.SortStableFunc(group.UnhealthyInstances, func(a, b *groupv1.UnhealthyInstance) int {
		return cmp.Or(a.GetSinceTime().AsTime().Compare(b.GetSinceTime().AsTime()), cmp.Compare(a.GetInstanceId(), b.GetInstanceId()))
	})
	told := "no instance is unhealthy"
	if count := len(group.UnhealthyInstances); count > 0 {
		told = fmt.Sprintf("%d instances are unhealthy", count)
	}
	group.UnhealthyInstances = group.UnhealthyInstances[:min(maxShown, len(group.UnhealthyInstances))]
	l.condition(groupv1.ConditionType_CONDITION_TYPE_HEALTH_KNOWN, true, "HealthKnown", told)
}
