package api

import (
	"context"

	"github.com/seed-198b1370/muster/pkg/events"
	"github.com/seed-198b1370/muster/pkg/rpc"
)

// accountOf tells the account that a call is for: its events and no others are
// shown (S8).
func accountOf(ctx context.Context) string { return rpc.AccountOf(ctx) }

// checkAccount refuses a name that no account can have: some would be a pattern
// among subjects.
func checkAccount(ctx context.Context, violations *rpc.Violations) {
	if account := accountOf(ctx); !events.IsAccount(account) {
		violations.Add("metadata "+rpc.AccountMetadata, account, "must be the id of an account")
	}
}

// asCaller makes a context for calls of the cloud in the name of the caller.
func asCaller(ctx context.Context) context.Context {
	return rpc.WithAccount(ctx, accountOf(ctx))
}
