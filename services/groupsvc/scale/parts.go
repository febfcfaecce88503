package scale

import (
	"google.golang.org/protobuf/proto"

	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
)

// Retarget is a target with another total. Its parts go down as far as the total
// makes them, spot first, and what they were is remembered: they come back with
// the total, unless somebody has asked for other parts since.
func Retarget(target *groupv1.TargetCapacity, total int32, parts *storagev1.ScaledParts) (*groupv1.TargetCapacity, *storagev1.ScaledParts) {
	payAsYouGo, spot := target.GetPayAsYouGo(), target.GetSpot()
	if parts != nil && payAsYouGo == parts.GetSetPayAsYouGo() && spot == parts.GetSetSpot() {
		payAsYouGo, spot = parts.GetAskedPayAsYouGo(), parts.GetAskedSpot()
	}
	next := proto.CloneOf(target)
	next.Total = total
	next.PayAsYouGo = min(payAsYouGo, total)
	next.Spot = min(spot, total-next.GetPayAsYouGo())
	if next.GetPayAsYouGo() == payAsYouGo && next.GetSpot() == spot {
		return next, nil
	}
	return next, &storagev1.ScaledParts{
		AskedPayAsYouGo: payAsYouGo, AskedSpot: spot, SetPayAsYouGo: next.GetPayAsYouGo(), SetSpot: next.GetSpot(),
	}
}
