package api

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
)

// show is a group as clients see it.
func show(record store.Record) *groupv1.Group {
	group := record.Group.GetGroup()
	group.Etag = etagOf(record.Group)
	group.NextLookTime = nil
	if looked := group.GetLifecycle() != groupv1.Lifecycle_LIFECYCLE_DELETED; looked && !record.Due.Equal(time.Time{}) {
		group.NextLookTime = timestamppb.New(record.Due)
	}
	return group
}
