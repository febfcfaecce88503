package api

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/seed-198b1370/muster/pkg/rpc"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/control"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
)

// tokenRetention is how long client tokens are remembered: no longer than a
// deleted group is shown, so that a token never names a forgotten group.
const tokenRetention = control.Retention

// Methods that client tokens come with.
const (
	methodCreate    = "CreateGroup"
	methodUpdate    = "UpdateGroup"
	methodDetach    = "DetachInstances"
	methodRebalance = "RebalanceGroup"
)

// A tokened request carries a client token.
type tokened interface {
	proto.Message
	GetRequestId() string
}

// tokenOf is what to remember of a request's token; nil when it has none.
func tokenOf(ctx context.Context, method string, request tokened, groupID string, now time.Time) (*store.Token, error) {
	if request.GetRequestId() == "" {
		return nil, nil
	}
	fingerprint, err := fingerprintOf(request)
	if err != nil {
		return nil, err
	}
	return &store.Token{
		Key: store.TokenKey{Account: rpc.AccountOf(ctx), Method: method, Token: request.GetRequestId()},
		Value: &storagev1.StoredToken{
			Fingerprint: fingerprint, GroupId: groupID, ExpireTime: timestamppb.New(now.Add(tokenRetention)),
		},
	}, nil
}

func fingerprintOf(request proto.Message) ([]byte, error) {
	raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(request)
	if err != nil {
		return nil, fmt.Errorf("hash a request: %w", err)
	}
	sum := sha256.Sum256(raw)
	return sum[:], nil
}

// seen tells the group of an earlier request with the same token: "" when there
// was none. It refuses a token that came with other parameters.
func (h *Handler) seen(ctx context.Context, method string, request tokened, now time.Time) (string, error) {
	token, err := h.recall(ctx, method, request, now)
	return token.GetGroupId(), err
}

// recall tells what is remembered of an earlier request with the same token: nil
// when there was none. It refuses a token that came with other parameters.
func (h *Handler) recall(ctx context.Context, method string, request tokened, now time.Time) (*storagev1.StoredToken, error) {
	if request.GetRequestId() == "" {
		return nil, nil //nolint:nilnil // without a token nothing is remembered
	}
	token, err := h.Store.Token(ctx, store.TokenKey{Account: rpc.AccountOf(ctx), Method: method, Token: request.GetRequestId()}, now)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil //nolint:nilnil // it is new
	}
	if err != nil {
		return nil, fmt.Errorf("read client token: %w", err)
	}
	fingerprint, err := fingerprintOf(request)
	if err != nil {
		return nil, err
	}
	if subtle.ConstantTimeCompare(fingerprint, token.GetFingerprint()) == 0 {
		return nil, mismatch(request.GetRequestId())
	}
	return token, nil
}

// mismatch refuses a client token that came with other parameters before.
func mismatch(requestID string) error {
	const rule = "use a new one for a new request"
	var violations rpc.Violations
	violations.Add("request_id", requestID, "was used before with other parameters: "+rule)
	return rpc.Error(codes.InvalidArgument, groupv1.ErrorReason_ERROR_REASON_IDEMPOTENT_PARAMETER_MISMATCH,
		map[string]string{"request_id": requestID},
		fmt.Sprintf("request_id %q was used before with other parameters: %s", requestID, rule), violations.Detail())
}
