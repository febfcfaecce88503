package api

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/grpc/codes"

	"github.com/seed-198b1370/muster/pkg/events"
	"github.com/seed-198b1370/muster/pkg/rpc"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/accounts"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
)

// keyOf names a group of the caller's account; there are no others to a caller
// (S8).
func keyOf(ctx context.Context, groupID string) store.Key {
	return store.Key{Account: rpc.AccountOf(ctx), GroupID: groupID}
}

// asCaller makes a context for calls of other services in the name of the caller.
func asCaller(ctx context.Context) context.Context { return rpc.WithAccount(ctx, rpc.AccountOf(ctx)) }

// orNoAccount is what a call answers that has found nothing: that, or that there
// is no such account, which is why. When accounts can not be asked for, it is that:
// what is stored must be told without the cloud.
func (h *Handler) orNoAccount(ctx context.Context, found error) error {
	id := rpc.AccountOf(ctx)
	if !events.IsAccount(id) || errors.Is(h.Accounts.Check(ctx, id), accounts.ErrNotFound) {
		return noAccount(id)
	}
	return found
}

// checkCaller refuses a call that makes something for an account that there is
// not, or for one that can not be asked for.
func (h *Handler) checkCaller(ctx context.Context) error {
	id := rpc.AccountOf(ctx)
	if !events.IsAccount(id) { // as no account is called, and as none could be told of
		return noAccount(id)
	}
	switch err := h.Accounts.Check(ctx, id); {
	case errors.Is(err, accounts.ErrNotFound):
		return noAccount(id)
	case err != nil:
		return h.unavailable(ctx, "accounts can not be read now", err)
	default:
		return nil
	}
}

func noAccount(id string) error {
	return rpc.Error(codes.Unauthenticated, groupv1.ErrorReason_ERROR_REASON_ACCOUNT_NOT_FOUND,
		map[string]string{"account_id": rpc.Cut(id)},
		fmt.Sprintf("there is no account %s: metadata %s must name one", rpc.Quote(id), rpc.AccountMetadata))
}
