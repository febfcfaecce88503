package api

import (
	"context"
	"strings"

	"google.golang.org/grpc/metadata"

	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// accountMetadata is the gRPC metadata that names the account of a call.
const accountMetadata = "muster-account"

// AccountOfMetadata tells the account that a call names in its metadata
// `muster-account`; without it, the default one. It proves nothing.
func AccountOfMetadata(ctx context.Context) string {
	if names := metadata.ValueFromIncomingContext(ctx, accountMetadata); len(names) > 0 {
		return strings.ToValidUTF8(names[0], "?")
	}
	return world.DefaultAccountID
}

type accountKey struct{}

func withAccount(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, accountKey{}, id)
}

// accountOf is the account that the gate has found a call to be for; none,
// which owns nothing, for a call that has not come through it.
func accountOf(ctx context.Context) string {
	id, _ := ctx.Value(accountKey{}).(string)
	return id
}
