package groupsvc

import (
	"testing"
	"time"

	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

// A group that can never be met says why, with figures, and rests: it launches
// nothing, tells of it once, and looks again at the usual pace.
func TestCanLaunch_aGroupThatCanNotBeMetSaysSo(t *testing.T) {
	const about = groupv1.ConditionType_CONDITION_TYPE_CAN_LAUNCH
	b := newBench(t, "")
	calls, looks := 0, 0
	b.cloud.Fault = func(point string) error {
		if point == "before RunInstances" {
			calls++
		}
		return nil
	}
	b.watch = func() { looks++ }
	asked := spec(10, 0, 10)
	asked.Spot = &groupv1.SpotOptions{MaxPriceMicrosPerHour: 20_000}
	id := b.create(asked).GetGroup().GetGroupId()
	b.settled(time.Hour)
	group := b.group(id)
	got := conditionOf(group, about)
	want := "no candidate pool can be launched from, whatever its stock: 2 cost more than their maximum price, least of all zone-a small: 0.025 against 0.02"
	if got.GetHolds() || got.GetReason() != "PriceTooHigh" || got.GetMessage() != want || group.GetFulfillment() != groupv1.Fulfillment_FULFILLMENT_ERROR {
		t.Errorf("condition %v, fulfillment %v", got, group.GetFulfillment())
	}
	if calls != 0 || looks > 62 || len(b.activities(id)) > 1 {
		t.Errorf("%d launches, %d looks in an hour, activities %v", calls, looks, b.activities(id))
	}
	if next := group.GetNextLookTime().AsTime().Sub(b.clock.Now()); next <= 0 || next > time.Minute {
		t.Errorf("looks again in %v", next)
	}
	// Short of stock is another matter.
	b.stockOf(0, 0, 0)
	other := b.create(spec(10, 0, 10)).GetGroup().GetGroupId()
	b.settled(10 * time.Minute)
	if got := conditionOf(b.group(other), about); !got.GetHolds() || got.GetReason() != "CanLaunch" {
		t.Errorf("a group without stock says %v", got)
	}
	// When it can be launched, it is, and says so.
	b.stockOf(100, 100, 0)
	b.cloud.Sell("zone-a", "small", 60_000, 1_000, 1_000)
	b.settled(2 * time.Minute)
	if got := conditionOf(b.group(id), about); !got.GetHolds() || got.GetReason() != "NothingMissing" || len(b.members(id)) != 10 {
		t.Errorf("when prices have fallen: %v, %d members", got, len(b.members(id)))
	}
}

// A group of one attempt keeps saying what it found.
func TestCanLaunch_ofOneAttempt(t *testing.T) {
	b := newBench(t, "")
	asked := spec(10, 0, 10)
	asked.Type, asked.Spot = groupv1.GroupType_GROUP_TYPE_INSTANT, &groupv1.SpotOptions{MaxPriceMicrosPerHour: 20_000}
	id := b.create(asked).GetGroup().GetGroupId()
	b.settled(10 * time.Minute)
	if got := conditionOf(b.group(id), groupv1.ConditionType_CONDITION_TYPE_CAN_LAUNCH); got.GetHolds() || got.GetReason() != "PriceTooHigh" {
		t.Errorf("condition %v", got)
	}
}
