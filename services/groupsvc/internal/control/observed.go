package control

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/seed-198b1370/muster/pkg/rpc"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
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
