package api

import (
	"fmt"

	"google.golang.org/grpc/codes"

	"github.com/seed-198b1370/muster/pkg/money"
	"github.com/seed-198b1370/muster/pkg/rpc"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
)

// checkMinimum tells of a minimum that means nothing in a group of its type.
func checkMinimum(violations *rpc.Violations, spec *groupv1.GroupSpec) {
	if minimum := spec.GetTargetCapacity().GetMinimum(); minimum > 0 && spec.GetType() != groupv1.GroupType_GROUP_TYPE_INSTANT {
		violations.Add("spec.target_capacity.minimum", minimum,
			"must be left out unless type is instant, and it is "+enumWord(spec.GetType()))
	}
}

// missedMinimum tells whether a group is, or was, taken back because it did not
// reach its minimum.
func missedMinimum(group *storagev1.StoredGroup) bool {
	return group.GetEndCause() == storagev1.EndCause_END_CAUSE_MINIMUM_NOT_REACHED
}

// minimumNotReached refuses to create a group. A group id is that of the attempt
// that was taken back; empty when none was made.
func minimumNotReached(spec *groupv1.GroupSpec, available int64, groupID string) error {
	minimum := spec.GetTargetCapacity().GetMinimum()
	within := ""
	if spec.GetBudget().GetMaxMicrosPerHour() > 0 {
		within = " within the budget"
	}
	text := fmt.Sprintf("only %v of the minimum of %d units can be had%s, and nothing was created", money.UnitsOf(available), minimum, within)
	if groupID != "" {
		text = fmt.Sprintf("only %v of the minimum of %d units could be had%s, and they are released", money.UnitsOf(available), minimum, within)
	}
	return rpc.Error(codes.FailedPrecondition, groupv1.ErrorReason_ERROR_REASON_MINIMUM_NOT_REACHED,
		map[string]string{"minimum": fmt.Sprint(minimum), "available": fmt.Sprint(money.UnitsOf(available))}, text)
}
