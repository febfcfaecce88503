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

// accountKey is where [ForAccount] keeps the account.
type accountKey struct{}

// ForAccount makes a context of a call that came in for an account, whatever its
// metadata says. It is for those who have proof.
func ForAccount(ctx context.Context, account string) context.Context {
	return context.WithValue(ctx, accountKey{}, account)
}

// AccountOf tells for which account a call came in: the one that was proved, or
// else the one that is named, which nothing proves.
func AccountOf(ctx context.Context) string {
	if proved, ok := ctx.Value(accountKey{}).(string); ok {
		return proved
	}
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
