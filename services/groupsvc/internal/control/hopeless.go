package control

import (
	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/placement"
	"github.com/seed-198b1370/muster/services/groupsvc/plan"
)

// judgeHope notes whether what an answer leaves unmet could be launched at all.
func (l *look) judgeHope(answer *allocatorv1.PlaceResponse) {
	codes := map[placement.Pool]string{}
	for _, refused := range l.heeded() { // the latest last
		codes[poolOf(refused)] = refused.GetErrorCode()
	}
	reason, message, _ := placement.Hopeless(answer, codes)
	l.hopeless = plan.Shortfall{Reason: reason, Message: message}
}

// judgeAccount notes that the account may not launch, which is why there was no
// answer, unless that passes by itself.
func (l *look) judgeAccount() {
	if l.short.Reason == placement.CodeBalance || l.short.Reason == placement.CodeQuota {
		l.hopeless = l.short
	}
}

// recordHope tells whether the group could be launched for if there were stock.
// What made its only attempt says on what it found then.
func (l *look) recordHope(attempting bool) {
	const about = groupv1.ConditionType_CONDITION_TYPE_CAN_LAUNCH
	switch desired := l.desired(); {
	case !desired.Replace && !attempting:
	case l.missing && l.hopeless.Reason != "":
		l.condition(about, false, l.hopeless.Reason, l.hopeless.Message)
	case l.missing:
		l.condition(about, true, "CanLaunch", "some candidate can be launched when it has stock")
	default:
		l.condition(about, true, "NothingMissing", "nothing is missing")
	}
}
