package plan_test

import (
	"testing"

	"pgregory.net/rapid"

	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/plan"
)

// A target that is lowered stays one that a group can have, goes down by what
// left and no further, and its parts only as far as they must.
func TestDecrement_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		payg, sp := rapid.Int32Range(0, 50).Draw(t, "pay-as-you-go"), rapid.Int32Range(0, 50).Draw(t, "spot")
		before := &groupv1.TargetCapacity{Total: payg + sp + rapid.Int32Range(0, 50).Draw(t, "rest"), PayAsYouGo: payg, Spot: sp}
		left := plan.Amounts{PayAsYouGo: rapid.Int64Range(0, 60_000).Draw(t, "left"), Spot: rapid.Int64Range(0, 60_000).Draw(t, "left spot")}
		after := plan.Decrement(before, left)
		if want := max(0, before.GetTotal()-int32(left.Total()/1000)); after.GetTotal() != want {
			t.Errorf("total %d less %d is %d, want %d", before.GetTotal(), left.Total(), after.GetTotal(), want)
		}
		parts := after.GetPayAsYouGo() + after.GetSpot()
		if parts != min(payg+sp, after.GetTotal()) || after.GetPayAsYouGo() < 0 || after.GetSpot() < 0 || after.GetPayAsYouGo() > payg || after.GetSpot() > sp {
			t.Errorf("%v becomes %v", before, after)
		}
	})
}
