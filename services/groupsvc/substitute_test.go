package groupsvc

import (
	"testing"
	"time"

	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/cloudtest"
)

// shortOf is a maintain group of two pay-as-you-go and eight spot units.
func shortOf(shortfall groupv1.SpotShortfall) *groupv1.GroupSpec {
	asked := spec(10, 2, 8)
	asked.Spot = &groupv1.SpotOptions{Shortfall: shortfall}
	return asked
}

// held tells how many members of each billing method a group has.
func (b *bench) held(id string) [2]int {
	return [2]int{countOf(b.members(id), payAsYouGo), countOf(b.members(id), spot)}
}

func TestShortfall_wait(t *testing.T) {
	b := newBench(t, "")
	b.stockOf(5, 0, 100)
	id := b.create(shortOf(groupv1.SpotShortfall_SPOT_SHORTFALL_UNSPECIFIED)).GetGroup().GetGroupId()
	b.settled(10 * time.Minute)
	got := b.group(id)
	if b.held(id) != [2]int{2, 5} || got.GetFulfillment() != groupv1.Fulfillment_FULFILLMENT_ERROR || got.GetCapacity().GetPayAsYouGoForSpot() != 0 ||
		got.GetSpec().GetSpot().GetShortfall() != groupv1.SpotShortfall_SPOT_SHORTFALL_WAIT {
		t.Errorf("holds %v, %v", b.held(id), got)
	}
}

func TestShortfall_payAsYouGoIsKept(t *testing.T) {
	for _, blind := range []bool{false, true} {
		b := newBench(t, "")
		b.end()
		b.blind = blind
		b.start()
		b.stockOf(5, 0, 100)
		id := b.create(shortOf(groupv1.SpotShortfall_SPOT_SHORTFALL_PAY_AS_YOU_GO)).GetGroup().GetGroupId()
		b.settled(time.Second)
		got := b.group(id)
		if b.held(id) != [2]int{5, 5} || got.GetFulfillment() != groupv1.Fulfillment_FULFILLMENT_FULFILLED || got.GetCapacity().GetPayAsYouGoForSpot() != 3 {
			t.Fatalf("blind %v: holds %v, %v", blind, b.held(id), got)
		}
		if c := got.GetConditions()[0]; c.GetMessage() != "10 of 10 units, 3 of them pay-as-you-go for want of spot" {
			t.Errorf("condition %v", c)
		}
		b.stockOf(100, 100, 100)
		b.restart()
		b.settled(time.Hour)
		if b.held(id) != [2]int{5, 5} || b.cloud.Created() != 10 {
			t.Errorf("blind %v: holds %v when spot is back, %d ever launched", blind, b.held(id), b.cloud.Created())
		}
		// What spot it loses is spot again, if it can be had.
		b.cloud.Change(b.members(id)[9].GetInstanceId(), nil)
		b.settled(2 * time.Minute)
		if got := b.held(id); got[0]+got[1] != 10 {
			t.Errorf("blind %v: holds %v after a loss", blind, got)
		}
	}
}

// Substitutes give way when spot is back: launched first, then released (S4),
// once each, and a crash or a restart forgets nothing.
func TestShortfall_payAsYouGoUntilSpotReturns(t *testing.T) {
	b := newBench(t, t.TempDir())
	b.stockOf(5, 0, 100)
	id := b.create(shortOf(groupv1.SpotShortfall_SPOT_SHORTFALL_PAY_AS_YOU_GO_UNTIL_SPOT_RETURNS)).GetGroup().GetGroupId()
	b.settled(time.Hour)
	if b.held(id) != [2]int{5, 5} || b.cloud.Created() != 10 || len(b.activities(id)) != 1 {
		t.Fatalf("holds %v, %d ever launched, activities %v", b.held(id), b.cloud.Created(), b.activities(id))
	}
	least := 10.0
	b.watch = func() { least = min(least, b.group(id).GetCapacity().GetRunning()) }
	b.restart()
	b.cloud.SetStock(cloudtest.Pool{Zone: "zone-b", Type: "small", Method: spot}, 2)
	b.settled(10 * time.Minute)
	if b.held(id) != [2]int{3, 7} || b.group(id).GetCapacity().GetPayAsYouGoForSpot() != 1 {
		t.Errorf("when two are back: holds %v, %v", b.held(id), b.group(id).GetCapacity())
	}
	b.cloud.SetStock(cloudtest.Pool{Zone: "zone-b", Type: "small", Method: spot}, 50)
	b.settled(10 * time.Minute)
	if b.held(id) != [2]int{2, 8} || b.cloud.Created() != 13 || len(b.cloud.Instances("", "")) != 10 {
		t.Errorf("when all are back: holds %v of %d, %d ever launched", b.held(id), len(b.cloud.Instances("", "")), b.cloud.Created())
	}
	if least < 10 {
		t.Errorf("only %v units ran on the way (S4)", least)
	}
	latest := b.activities(id)[0]
	if len(latest.GetRemovals()) != 1 || latest.GetRemovals()[0].GetReason() != "spot is back in its place" || !latest.GetRemovals()[0].GetReleased() {
		t.Errorf("activity %v", latest)
	}
	b.settled(time.Hour)
	if b.cloud.Created() != 13 {
		t.Errorf("%d ever launched after a quiet hour", b.cloud.Created())
	}
}

// Missing pay-as-you-go is never made up for by spot, and nothing is when
// rebalancing is suspended.
func TestShortfall_oneWayOnly(t *testing.T) {
	b := newBench(t, "")
	b.stockOf(100, 100, 1)
	id := b.create(shortOf(groupv1.SpotShortfall_SPOT_SHORTFALL_PAY_AS_YOU_GO_UNTIL_SPOT_RETURNS)).GetGroup().GetGroupId()
	b.settled(10 * time.Minute)
	if b.held(id) != [2]int{1, 8} || b.group(id).GetConditions()[0].GetReason() != "NoInstanceStock" {
		t.Errorf("holds %v, %v", b.held(id), b.group(id).GetConditions()[0])
	}
	b.stockOf(0, 0, 100)
	for _, instance := range b.members(id)[1:4] {
		b.cloud.Change(instance.GetInstanceId(), nil)
	}
	b.stockOf(0, 0, 100)
	b.settled(10 * time.Minute)
	if _, err := b.client.SuspendProcesses(t.Context(), &groupv1.SuspendProcessesRequest{GroupId: id, Processes: []groupv1.Process{groupv1.Process_PROCESS_REBALANCE}}); err != nil {
		t.Fatal(err)
	}
	b.stockOf(100, 100, 100)
	b.settled(10 * time.Minute)
	if b.held(id) != [2]int{5, 5} {
		t.Errorf("holds %v while rebalancing is suspended", b.held(id))
	}
}

// returningLife is a group whose spot goes and comes back.
func returningLife(b *bench) {
	l := &life{b: b}
	b.stockOf(5, 0, 100)
	l.create(&groupv1.CreateGroupRequest{RequestId: "create", Spec: shortOf(groupv1.SpotShortfall_SPOT_SHORTFALL_PAY_AS_YOU_GO_UNTIL_SPOT_RETURNS)})
	l.pass(3 * time.Minute)
	l.expect(10, 10)
	b.cloud.SetStock(cloudtest.Pool{Zone: "zone-b", Type: "small", Method: spot}, 50)
	l.pass(10 * time.Minute)
	l.expect(10, 13)
	b.told.check(l.id, b.activities(l.id))
}

// S1, S2: substitutes come and go once, whatever happens between any two steps.
func TestCrash_spotReturns(t *testing.T) { crashEverywhere(t, returningLife) }
