// Package api owns how the group service answers calls: defaults, the rules
// that span fields, client tokens and pages. It must not know how groups are
// delivered, and it decides nothing about capacity.
package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/seed-198b1370/muster/pkg/clock"
	"github.com/seed-198b1370/muster/pkg/rpc"
	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/accounts"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/catalog"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/control"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/ids"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
)

// Deps are what the handlers work with.
type Deps struct {
	// Store remembers groups.
	Store store.Store
	// Control delivers them.
	Control *control.Controller
	// Accounts knows which accounts there are.
	Accounts *accounts.Accounts
	// Catalog knows zones and types.
	Catalog *catalog.Catalog
	// Fleet is the cloud.
	Fleet fleetv1.FleetServiceClient
	// Allocator chooses pools.
	Allocator allocatorv1.AllocatorServiceClient
	// IDs names groups.
	IDs *ids.Source
	// Clock tells the time.
	Clock clock.Clock
	// Wall tells real time, for what people wait for.
	Wall clock.Clock
	// Rules are those of the contract, for what a request makes of what is stored.
	Rules *rpc.Validator
	// Log takes what callers are not told.
	Log *slog.Logger
}

// Handler implements muster.group.v1.GroupService.
type Handler struct {
	groupv1.UnimplementedGroupServiceServer
	Deps
}

// New makes a handler.
func New(deps Deps) *Handler { return &Handler{Deps: deps} }

// retryDelay is how long callers are told to wait when a service behind this
// one can not be reached.
const retryDelay = time.Second

// unavailable is the answer when a service behind this one can not be reached.
// What that service said is for the log.
func (h *Handler) unavailable(ctx context.Context, what string, cause error) error {
	return h.unreachable(ctx, what+"; try again", nil, cause)
}

// storedOnly is the answer of CreateGroup when the group is stored and what
// became of its one attempt can not be told. Whoever only tries again without a
// request id has two groups, so it says what to do instead.
func (h *Handler) storedOnly(ctx context.Context, groupID, requestID string, cause error) error {
	remedy := "do not create it again; GetGroup tells how it stands"
	if requestID != "" {
		remedy = "repeat the call with the same request_id for its launch results"
	}
	return h.unreachable(ctx, fmt.Sprintf("the group is stored as %s and is delivered when the cloud can be reached: %s", groupID, remedy),
		map[string]string{"group_id": groupID}, cause)
}

func (h *Handler) unreachable(ctx context.Context, message string, metadata map[string]string, cause error) error {
	if ctx.Err() != nil {
		return ctx.Err() // the caller's own deadline
	}
	h.Log.WarnContext(ctx, "call refused", "what", message, "error", cause)
	return rpc.Error(codes.Unavailable, groupv1.ErrorReason_ERROR_REASON_CLOUD_UNREACHABLE, metadata, message, rpc.RetryAfter(retryDelay))
}

// read reads a group, or tells that there is none.
func (h *Handler) read(ctx context.Context, groupID string) (store.Record, error) {
	record, err := h.Store.Get(ctx, keyOf(ctx, groupID))
	if errors.Is(err, store.ErrNotFound) {
		return store.Record{}, h.orNoAccount(ctx, notFound(groupID))
	}
	if err != nil {
		return store.Record{}, fmt.Errorf("read group: %w", err)
	}
	return record, nil
}

func notFound(groupID string) error {
	return rpc.Error(codes.NotFound, groupv1.ErrorReason_ERROR_REASON_GROUP_NOT_FOUND,
		map[string]string{"group_id": groupID}, fmt.Sprintf("there is no group %q", groupID))
}

// etagOf is the etag of a group as it is stored.
func etagOf(group *storagev1.StoredGroup) string {
	return fmt.Sprintf("v%d", group.GetVersion()-group.GetReportWrites())
}

// checkEtag refuses a change to a group that has changed since it was read.
func checkEtag(group *storagev1.StoredGroup, etag string) error {
	if etag == "" || etag == etagOf(group) {
		return nil
	}
	return rpc.Error(codes.FailedPrecondition, groupv1.ErrorReason_ERROR_REASON_ETAG_MISMATCH,
		map[string]string{"etag": etagOf(group)}, fmt.Sprintf("etag %q is not the group's, which is %q now: read the group again", etag, etagOf(group)))
}
