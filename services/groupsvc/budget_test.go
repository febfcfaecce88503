package groupsvc

import (
	"testing"
	"time"

	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

const withinBudget = groupv1.ConditionType_CONDITION_TYPE_WITHIN_BUDGET

// Small spot instances cost 25,000 micro-units an hour each.
func budgetSpec(total int32, most int64) *groupv1.GroupSpec {
	wanted := spec(total, 0, 0)
	wanted.Budget = &groupv1.Budget{MaxMicrosPerHour: most}
	return wanted
}

func TestBudget_isNotPassedByLaunching(t *testing.T) {
	b := newBench(t, "")
	id := b.create(budgetSpec(10, 99_999)).GetGroup().GetGroupId()
	b.watch = func() {
		if cost := b.group(id).GetCost().GetMicrosPerHour(); cost > 99_999 {
			t.Errorf("costs %d", cost)
		}
	}
	b.settled(10 * time.Minute)
	condition, within := b.condition(id, fulfilledCondition), b.condition(id, withinBudget)
	if len(b.members(id)) != 3 || b.cloud.Created() != 3 || condition.GetReason() != "BudgetReached" || !within.GetHolds() || within.GetReason() != "BudgetReached" {
		t.Errorf("%d members; the group says %v and %v", len(b.members(id)), condition, within)
	}
}

func TestBudget_sheds(t *testing.T) {
	b := newBench(t, "")
	wanted := budgetSpec(4, 100_000)
	wanted.Budget.Shed = true
	id := b.create(wanted).GetGroup().GetGroupId()
	b.settled(time.Minute)
	if len(b.members(id)) != 4 {
		t.Fatalf("%d members, want 4", len(b.members(id)))
	}
	b.cloud.SetPrice("small", 160_000) // spot costs 40,000
	b.settled(10 * time.Minute)
	condition, within := b.condition(id, fulfilledCondition), b.condition(id, withinBudget)
	if len(b.members(id)) != 2 || b.cloud.Created() != 4 || len(b.cloud.Instances("", "")) != 2 || condition.GetReason() != "BudgetReached" || !within.GetHolds() {
		t.Errorf("%d members, %d ever launched; the group says %v and %v", len(b.members(id)), b.cloud.Created(), condition, within)
	}
	b.cloud.SetPrice("small", 100_000)
	b.settled(10 * time.Minute)
	if len(b.members(id)) != 4 {
		t.Errorf("%d members when prices are as before, want 4", len(b.members(id)))
	}
}

func TestBudget_withoutSheddingOnlyTells(t *testing.T) {
	b := newBench(t, "")
	id := b.create(budgetSpec(4, 100_000)).GetGroup().GetGroupId()
	b.settled(time.Minute)
	b.cloud.SetPrice("small", 160_000)
	b.settled(10 * time.Minute)
	if within := b.condition(id, withinBudget); len(b.members(id)) != 4 || within.GetHolds() || within.GetReason() != "AboveBudget" {
		t.Errorf("%d members; the group says %v", len(b.members(id)), within)
	}
}

// What would be started again counts too.
func TestBudget_boundsRestarts(t *testing.T) {
	b := newBench(t, "")
	wanted := stopSpec(4)
	wanted.Budget = &groupv1.Budget{MaxMicrosPerHour: 100_000}
	id := b.create(wanted).GetGroup().GetGroupId()
	b.settled(time.Minute)
	for _, instance := range b.members(id)[:2] {
		b.cloud.Reclaim(instance.GetInstanceId())
	}
	b.cloud.SetPrice("small", 130_000) // spot costs 32,500: one fits beside the two that run
	b.settled(10 * time.Minute)
	if b.cloud.Started() != 1 || b.cloud.Created() != 4 || b.condition(id, fulfilledCondition).GetReason() != "BudgetReached" {
		t.Errorf("%d started, %d launched; the group says %v", b.cloud.Started(), b.cloud.Created(), b.condition(id, fulfilledCondition))
	}
}
