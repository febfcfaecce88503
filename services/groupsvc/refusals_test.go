package groupsvc

import (
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/cloudtest"
)

// A group whose account owes money says so, and not that there is no stock.
func TestRefusal_isToldForWhatItIs(t *testing.T) {
	for reason, want := range map[fleetv1.ErrorReason]string{
		fleetv1.ErrorReason_ERROR_REASON_INSUFFICIENT_BALANCE: "InvalidAccountStatus.NotEnoughBalance",
		fleetv1.ErrorReason_ERROR_REASON_QUOTA_EXCEEDED:       "QuotaExceed.ElasticQuota",
		fleetv1.ErrorReason_ERROR_REASON_ZONE_NOT_ON_SALE:     "Zone.NotOnSale",
	} {
		b := newBench(t, "")
		b.cloud.Fault = func(point string) error {
			if point != "before RunInstances" {
				return nil
			}
			return rpc.Error(codes.FailedPrecondition, reason, nil, "no")
		}
		id := b.create(spec(4, 0, 4)).GetGroup().GetGroupId()
		b.settled(5 * time.Minute)
		// A pool that is sold out besides is not what keeps the group short.
		sold := b.activities(id)[0].GetLaunchResults()[0]
		if reason != fleetv1.ErrorReason_ERROR_REASON_ZONE_NOT_ON_SALE {
			b.cloud.SetStock(cloudtest.Pool{Zone: sold.GetZoneId(), Type: sold.GetInstanceType(), Method: fleetv1.BillingMethod_BILLING_METHOD_SPOT}, 0)
			b.settled(2 * time.Hour)
		}
		if got := b.group(id).GetConditions()[0]; got.GetReason() != want || strings.Contains(got.GetMessage(), "out of usage") {
			t.Errorf("%v: got %v, want reason %s", reason, got, want)
		}
		for _, result := range b.activities(id)[0].GetLaunchResults() {
			if result.GetErrorCode() != want {
				t.Errorf("%v: got %v, want code %s", reason, result, want)
			}
		}
	}
}

// An activity that goes on in a later look keeps the ids of what it launched
// before.
func TestActivity_keepsItsIDs(t *testing.T) {
	b := newBench(t, "")
	failing := true
	b.cloud.Fault = func(point string) error {
		if failing && point == "after RunInstances" {
			failing = false
			return rpc.Error(codes.Unavailable, fleetv1.ErrorReason_ERROR_REASON_INJECTED, nil, "lost")
		}
		return nil
	}
	id := b.create(spec(10, 0, 10)).GetGroup().GetGroupId()
	b.settled(10 * time.Minute)
	for _, activity := range b.activities(id) {
		for _, result := range activity.GetLaunchResults() {
			if slices.Contains(result.GetInstanceIds(), "") {
				t.Errorf("ids are lost: %v", result)
			}
		}
	}
}
