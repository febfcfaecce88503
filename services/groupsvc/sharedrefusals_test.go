package groupsvc

import (
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/cloudtest"
)

// small are the pools of the small type in a zone.
func small(zone string, method fleetv1.BillingMethod) cloudtest.Pool {
	return cloudtest.Pool{Zone: zone, Type: "small", Method: method}
}

// counting counts launches that are tried, and refuses them for as long as it is
// told to.
func (b *bench) counting(refuse func() error) *atomic.Int32 {
	tried := &atomic.Int32{}
	b.cloud.Fault = func(point string) error {
		if point != "before RunInstances" {
			return nil
		}
		tried.Add(1)
		return refuse()
	}
	return tried
}

func ok() error { return nil }

// in is a spec of spot instances in one zone.
func in(zone string, total int32) *groupv1.GroupSpec {
	return &groupv1.GroupSpec{
		TargetCapacity: &groupv1.TargetCapacity{Total: total, Spot: total},
		Candidates:     []*groupv1.Candidate{{ZoneId: zone, InstanceType: "small"}},
	}
}

// blinded is a bench whose allocator does not see stock, so that only refusals
// tell of it.
func blinded(t *testing.T) *bench {
	b := newBench(t, "")
	b.end()
	b.blind = true
	b.start()
	return b
}

// What a pool refused one group, no other tries, until its time has come or its
// stock is back. That of other pools it does not concern.
func TestRefusals_areShared(t *testing.T) {
	b := blinded(t)
	b.cloud.SetStock(small("zone-a", spot), 0)
	tried := b.counting(ok)
	first := b.create(in("zone-a", 2)).GetGroup().GetGroupId()
	b.settled(0)
	second := b.create(in("zone-a", 2)).GetGroup().GetGroupId()
	third := b.create(in("zone-b", 2)).GetGroup().GetGroupId()
	b.settled(29 * time.Second)
	if got := tried.Load(); got != 2 {
		t.Errorf("%d launches were tried, want that of the first and that of the third", got)
	}
	if got := len(b.members(third)); got != 2 {
		t.Errorf("a group of another pool has %d instances", got)
	}
	for _, id := range []string{first, second} {
		if got := b.group(id).GetConditions()[0]; got.GetReason() != "NoInstanceStock" {
			t.Errorf("condition %v", got)
		}
	}
	// The delay of all doubles by each try, not by each group.
	b.settled(time.Hour - 29*time.Second)
	if got := tried.Load(); got < 6 || got > 9 {
		t.Errorf("%d launches were tried in an hour", got)
	}
	// Stock is back long before the delay ends.
	b.clock.Advance(time.Second)
	b.cloud.SetStock(small("zone-a", spot), 100)
	b.settled(time.Minute)
	for _, id := range []string{first, second} {
		if got := len(b.members(id)); got != 2 {
			t.Errorf("%d instances a minute after stock is back", got)
		}
	}
}

// Replicas and processes that come later know of refusals, too.
func TestRefusals_areSharedByReplicas(t *testing.T) {
	b := blinded(t)
	b.cloud.SetStock(small("zone-a", spot), 0)
	tried := b.counting(ok)
	b.create(in("zone-a", 2))
	b.settled(0)
	b.create(in("zone-a", 2))
	if _, err := b.replica(nil).Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := tried.Load(); got != 1 {
		t.Errorf("%d launches were tried, want 1", got)
	}
}

// An instant group makes its one attempt in earnest.
func TestRefusals_instantGroupsTry(t *testing.T) {
	b := blinded(t)
	b.cloud.SetStock(small("zone-a", spot), 0)
	tried := b.counting(ok)
	b.create(in("zone-a", 2))
	b.settled(0)
	asked := in("zone-a", 2)
	asked.Type = groupv1.GroupType_GROUP_TYPE_INSTANT
	b.create(asked)
	if got := tried.Load(); got != 2 {
		t.Errorf("%d launches were tried, want 2", got)
	}
}

// A refusal is held against as much as it concerns, for as long as its reason
// says.
func TestRefusals_byReason(t *testing.T) {
	for _, c := range []struct {
		reason  fleetv1.ErrorReason
		asked   time.Duration // for how long the cloud asks to be left alone
		wait    time.Duration // until the first is tried again, at least
		others  int           // launches that are tried for a second group at once
		payable int           // instances of a pay-as-you-go group that come at once
	}{
		{fleetv1.ErrorReason_ERROR_REASON_PRICE_BELOW_MARKET, 0, 30 * time.Second, 2, 2},
		{fleetv1.ErrorReason_ERROR_REASON_DISK_CATEGORY_NOT_AVAILABLE, 0, 30 * time.Minute, 2, 2},
		{fleetv1.ErrorReason_ERROR_REASON_ZONE_NOT_ON_SALE, 0, 30 * time.Second, 0, 2},
		{fleetv1.ErrorReason_ERROR_REASON_QUOTA_EXCEEDED, 0, time.Minute, 0, 2},
		{fleetv1.ErrorReason_ERROR_REASON_INSUFFICIENT_BALANCE, 0, time.Minute, 0, 0},
		{fleetv1.ErrorReason_ERROR_REASON_THROTTLED, 7 * time.Second, 7 * time.Second, 0, 0},
	} {
		b := blinded(t)
		refusing := func() error {
			return rpc.Error(codes.ResourceExhausted, c.reason, nil, "no", rpc.RetryAfter(c.asked))
		}
		tried := b.counting(refusing)
		b.create(spec(2, 0, 2))
		b.settled(0)
		first := tried.Load()
		b.create(spec(2, 0, 2))
		b.settled(0)
		if got := int(tried.Load() - first); got != c.others {
			t.Errorf("%v: %d launches are tried for another group, want %d", c.reason, got, c.others)
		}
		tried = b.counting(ok)
		paid := b.create(spec(2, 2, 0)).GetGroup().GetGroupId()
		b.settled(0)
		if got := len(b.members(paid)); got != c.payable {
			t.Errorf("%v: %d pay-as-you-go instances come, want %d", c.reason, got, c.payable)
		}
		before := tried.Load()
		b.settled(c.wait - 1)
		if got := tried.Load() - before; got != 0 {
			t.Errorf("%v: %d launches are tried within %v", c.reason, got, c.wait)
		}
		b.settled(c.wait/8 + time.Second)
		if got := tried.Load() - before; got == 0 {
			t.Errorf("%v: nothing is tried after %v", c.reason, c.wait)
		}
	}
}
