package groupsvc

import (
	"slices"
	"testing"
	"time"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

// standing is all that is told of a group.
func (b *bench) standing(id string) *groupv1.GetGroupResponse {
	b.t.Helper()
	got, err := b.client.GetGroup(b.t.Context(), &groupv1.GetGroupRequest{GroupId: id})
	if err != nil {
		b.t.Fatal(err)
	}
	return got
}

// What refused is told with the moment at which the group tries it again, to
// every group that heeds it, and no longer than it does.
func TestGetGroup_tellsWhatRefused(t *testing.T) {
	b := blinded(t)
	b.cloud.SetStock(small("zone-a", spot), 0)
	first := b.create(in("zone-a", 2)).GetGroup().GetGroupId()
	b.settled(0)
	second := b.create(in("zone-a", 2)).GetGroup().GetGroupId()
	other := b.create(in("zone-b", 2)).GetGroup().GetGroupId()
	b.settled(time.Second)
	for _, id := range []string{first, second} {
		got := b.standing(id)
		if len(got.GetRefusedPools()) != 1 {
			t.Fatalf("%s is told %v", id, got.GetRefusedPools())
		}
		refused := got.GetRefusedPools()[0]
		if refused.GetZoneId() != "zone-a" || refused.GetInstanceType() != "small" || refused.GetBillingMethod() != spot ||
			refused.GetErrorCode() != "NoInstanceStock" || refused.GetErrorMessage() == "" {
			t.Errorf("%s is told %v", id, refused)
		}
		// Nothing else is waited for, so the next look is the next try.
		if look, retry := got.GetGroup().GetNextLookTime().AsTime(), refused.GetRetryTime().AsTime(); !look.Equal(retry) {
			t.Errorf("%s is looked at at %v and tries again at %v", id, look, retry)
		}
	}
	if got := b.standing(other).GetRefusedPools(); len(got) > 0 {
		t.Errorf("a group of another pool is told %v", got)
	}
	b.cloud.SetStock(small("zone-a", spot), 100)
	b.settled(time.Hour)
	if got := b.standing(first); len(got.GetRefusedPools()) > 0 || got.GetGroup().GetFulfillment() != groupv1.Fulfillment_FULFILLMENT_FULFILLED {
		t.Errorf("with stock again: %v", got)
	}
}

// Protected members and a rebalancing are told for as long as they are.
func TestGetGroup_tellsProtectionAndRebalancing(t *testing.T) {
	b := newBench(t, "")
	id := b.create(twoTypes(b, 20)).GetGroup().GetGroupId()
	b.settled(time.Minute)
	protected := []string{b.members(id)[0].GetInstanceId(), b.members(id)[1].GetInstanceId()}
	if _, err := b.client.SetInstanceProtection(t.Context(), &groupv1.SetInstanceProtectionRequest{GroupId: id, InstanceIds: protected, Protected: true}); err != nil {
		t.Fatal(err)
	}
	if got := b.standing(id); !slices.Equal(got.GetProtectedInstanceIds(), protected) || got.GetRebalancing() != nil {
		t.Errorf("told %v and %v", got.GetProtectedInstanceIds(), got.GetRebalancing())
	}
	b.cloud.SetPrice("first", 200_000)
	begun := b.rebalance(&groupv1.RebalanceGroupRequest{GroupId: id})
	under := b.standing(id).GetRebalancing()
	if under.GetActivityId() != begun.GetActivityId() || len(under.GetMoves()) != 1 || under.GetMoves()[0].GetRemoveInstances() != 2 ||
		under.GetMoves()[0].GetBillingMethod() != fleetv1.BillingMethod_BILLING_METHOD_SPOT || under.GetMoves()[0].GetToInstanceType() != "small" {
		t.Errorf("begun %v, told %v", begun, under)
	}
	b.settled(time.Hour)
	if got := b.standing(id).GetRebalancing(); got != nil {
		t.Errorf("when it is over: %v", got)
	}
}
