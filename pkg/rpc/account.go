package rpc

import (
	"context"
	"strings"

	"google.golang.org/grpc/metadata"
)

const (
	// AccountMetadata is the gRPC metadata that names the account of a call.
	AccountMetadata = "muster-account"
	// DefaultAccount is the account of a call that names none.
	DefaultAccount = "default"
)

// AccountOf tells for which account a call came in. Nothing proves the name.
func AccountOf(ctx context.Context) string {
	if names := metadata.ValueFromIncomingContext(ctx, AccountMetadata); len(names) > 0 {
		return strings.ToValidUTF8(names[0], "?")
	}
	return DefaultAccount
}

// WithAccount makes a context whose calls go out for an account, whichever they
// went out for before.
func WithAccount(ctx context.Context, account string) context.Context {
	named, _ := metadata.FromOutgoingContext(ctx) // a copy; nil when there is none
	named = metadata.Join(named)
	named.Set(AccountMetadata, account)
	return metadata.NewOutgoingContext(ctx, named)
}
