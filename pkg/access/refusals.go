package access

import (
	"fmt"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"

	"github.com/seed-198b1370/muster/pkg/rpc"
	accessv1 "github.com/seed-198b1370/muster/proto/gen/muster/access/v1"
)

func errMissing() error {
	return rpc.Error(codes.Unauthenticated, accessv1.ErrorReason_ERROR_REASON_TOKEN_MISSING, nil,
		"the call needs a token, as metadata authorization: Bearer TOKEN")
}

func errUnknown() error {
	return rpc.Error(codes.Unauthenticated, accessv1.ErrorReason_ERROR_REASON_TOKEN_UNKNOWN, nil,
		"the token is not known here, or no longer")
}

func errExpired(token Token) error {
	return rpc.Error(codes.Unauthenticated, accessv1.ErrorReason_ERROR_REASON_TOKEN_EXPIRED,
		map[string]string{"expired": token.Expires.UTC().Format(time.RFC3339)},
		fmt.Sprintf("the token %s has expired at %s", token.Name, token.Expires.UTC().Format(time.RFC3339)))
}

// errTooMany refuses a call of an account that has made too many, or has too many
// streams open.
func errTooMany(of, what string, limit any, wait time.Duration) error {
	text := fmt.Sprintf("%s may have %v %s", of, limit, what)
	return rpc.Error(codes.ResourceExhausted, accessv1.ErrorReason_ERROR_REASON_TOO_MANY_CALLS,
		map[string]string{"limit": fmt.Sprint(limit), "of": of}, text+"; call again later, or less often",
		rpc.RetryAfter(wait),
		&errdetails.QuotaFailure{Violations: []*errdetails.QuotaFailure_Violation{{Subject: of, Description: text}}})
}
