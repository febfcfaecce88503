package groupsvc

import (
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/cloudtest"
)

// A strategy that looks at interruptions asks the allocator who goes first; when
// that can not be asked, the dearest go.
func TestScaleIn_followsTheMarket(t *testing.T) {
	for name, want := range map[string]struct{ cheap, dear int }{"asked": {1, 3}, "away": {3, 1}} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, "")
			wanted := twoTypes(b, 6)
			wanted.Spot = &groupv1.SpotOptions{AllocationStrategy: allocatorv1.SpotAllocationStrategy_SPOT_ALLOCATION_STRATEGY_CAPACITY_OPTIMIZED}
			wanted.ExcessCapacityTerminationPolicy = groupv1.ExcessCapacityTerminationPolicy_EXCESS_CAPACITY_TERMINATION_POLICY_TERMINATION
			b.cloud.SetStock(cloudtest.Pool{Zone: "zone-a", Type: "first", Method: spot}, 3)
			id := b.create(wanted).GetGroup().GetGroupId()
			b.settled(time.Minute)
			b.cloud.Fault = func(point string) error {
				if name == "away" && point == "before ScaleIn" {
					return status.Error(codes.Unavailable, "away")
				}
				return nil
			}
			b.setTotal(id, 4)
			b.settled(5 * time.Minute)
			members := b.members(id)
			if countType(members, "first") != want.cheap || countType(members, "small") != want.dear {
				t.Errorf("%d cheap and %d dear are left, want %+v", countType(members, "first"), countType(members, "small"), want)
			}
			reason := b.activities(id)[0].GetRemovals()[0].GetReason()
			if expected := map[string]string{"asked": "excess: interrupted most often", "away": "excess: dearest unit price"}[name]; reason != expected {
				t.Errorf("the reason is %q, want %q", reason, expected)
			}
		})
	}
}
