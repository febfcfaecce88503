package rpc_test

import (
	"context"
	"slices"
	"testing"

	"google.golang.org/grpc/metadata"

	"github.com/seed-198b1370/muster/pkg/rpc"
)

func TestAccountOf(t *testing.T) {
	if got := rpc.AccountOf(t.Context()); got != rpc.DefaultAccount {
		t.Errorf("a call that names no account is for %q", got)
	}
	for sent, want := range map[string]string{"acme": "acme", "": "", "a\xff": "a?"} {
		ctx := metadata.NewIncomingContext(t.Context(), metadata.Pairs(rpc.AccountMetadata, sent))
		if got := rpc.AccountOf(ctx); got != want {
			t.Errorf("a call that names %q is for %q, want %q", sent, got, want)
		}
	}
}

func TestWithAccount_replaces(t *testing.T) {
	ctx := metadata.AppendToOutgoingContext(t.Context(), "other", "kept")
	first := rpc.WithAccount(ctx, "one")
	second := rpc.WithAccount(first, "two")
	for want, ctx := range map[string]context.Context{"one": first, "two": second} {
		sent, _ := metadata.FromOutgoingContext(ctx)
		if got := sent.Get(rpc.AccountMetadata); !slices.Equal(got, []string{want}) || len(sent.Get("other")) != 1 {
			t.Errorf("calls go out with %v, want the account %q", sent, want)
		}
	}
}
