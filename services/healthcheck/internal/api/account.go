package api

import (
	"context"

	"google.golang.org/grpc/metadata"

	"github.com/seed-198b1370/muster/pkg/events"
	"github.com/seed-198b1370/muster/pkg/rpc"
)

const (
	// accountMetadata is the gRPC metadata that names the account of a call.
	accountMetadata = "muster-account"
	// defaultAccount is that of a call that names none.
	defaultAccount = "default"
)

// accountOf tells the account that a call is for: its events and no others are
// shown (S8). It proves nothing.
func accountOf(ctx context.Context) string {
	if names := metadata.ValueFromIncomingContext(ctx, accountMetadata); len(names) > 0 {
		return names[0]
	}
	return defaultAccount
}

// checkAccount refuses a name that no account can have: some would be a pattern
// among subjects.
func checkAccount(ctx context.Context, violations *rpc.Violations) {
	if account := accountOf(ctx); !events.IsAccount(account) {
		violations.Add("metadata "+accountMetadata, account, "must be the id of an account")
	}
}

// asCaller makes a context for calls of the cloud in the name of the caller.
func asCaller(ctx context.Context) context.Context {
	return metadata.AppendToOutgoingContext(ctx, accountMetadata, accountOf(ctx))
}
