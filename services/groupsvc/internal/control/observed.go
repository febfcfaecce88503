package control

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/seed-198b1370/muster/pkg/rpc"
	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/placement"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
	"github.com/seed-198b1370/muster/services/groupsvc/plan"
)

// Observe tells what is there of a group now, and changes nothing. An error means
// that the cloud can not be asked.
func (c *Controller) Observe(ctx context.Context, key store.Key, group *storagev1.StoredGroup) (plan.Observed, error) {
	look := c.newLook(key, proto.CloneOf(group))
	if err := look.observe(rpc.WithAccount(ctx, key.Account)); err != nil {
		return plan.Observed{}, err
	}
	return look.observed(), nil
}

// RebalanceRequest is how to ask which of a group's instances should change their
// pool now, at most so many; 0 means a tenth of them, one at least. It is nil when
// nothing could move. An error means that the cloud can not be asked.
func (c *Controller) RebalanceRequest(ctx context.Context, key store.Key, group *storagev1.StoredGroup, most int32) (*allocatorv1.RebalanceRequest, error) {
	look := c.newLook(key, proto.CloneOf(group))
	if err := look.observe(rpc.WithAccount(ctx, key.Account)); err != nil {
		return nil, err
	}
	observed := look.observed()
	if most == 0 {
		most = int32(max(1, observed.ExpectedInstances()/10))
	}
	return placement.RebalanceRequest(group.GetGroup().GetSpec(), look.desired(), observed, look.exclusions(), most), nil
}
