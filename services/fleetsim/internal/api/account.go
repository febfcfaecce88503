package api

import "context"

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
