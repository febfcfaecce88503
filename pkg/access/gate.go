package access

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"golang.org/x/time/rate"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"github.com/seed-198b1370/muster/pkg/clock"
	"github.com/seed-198b1370/muster/pkg/rpc"
	"github.com/seed-198b1370/muster/pkg/secure"
)

// recheck is how often, in time of the gate's clock, a stream's token is looked at
// again: for so long one that is taken back goes on to be of use.
const recheck = 5 * time.Second

// refusalsTold bounds how many refused calls a second are logged: whoever can
// reach the port can cause them.
const refusalsTold = 20

// Config says how a gate works.
type Config struct {
	// Tokens are those that are of use. Nil: callers need none, and act as
	// administrators.
	Tokens *Tokens
	// CallsPerSecond is how many calls an account may make; 0 for no limit.
	CallsPerSecond float64
	// Clock tells when tokens expire: real time.
	Clock clock.Clock
	// Log takes the record, and refusals.
	Log *slog.Logger
}

// A Gate lets calls in or refuses them, before anything of them is looked at, and
// keeps the record. Calls from the process itself are not asked. It is safe for
// use by several goroutines.
type Gate struct {
	tokens *Tokens
	rules  map[string]Rule
	limits *limits
	clock  clock.Clock
	log    *slog.Logger
	told   *rate.Limiter
}

// NewGate makes a gate.
func NewGate(config Config) *Gate {
	return &Gate{
		tokens: config.Tokens, rules: Rules(), limits: newLimits(config.CallsPerSecond), clock: config.Clock, log: config.Log,
		told: rate.NewLimiter(refusalsTold, refusalsTold),
	}
}

// Option puts the gate in front of a server.
func (g *Gate) Option() rpc.ServerOption { return rpc.WithGate(g.unary, g.stream) }

func (g *Gate) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	rule := ruleFor(g.rules, info.FullMethod)
	if rule.Open || rpc.IsInProcess(ctx) {
		return handler(ctx, req)
	}
	caller, account, err := g.admit(ctx, rule, info.FullMethod)
	if err == nil {
		err = DecideAll(caller, req)
	}
	if err != nil {
		g.refused(ctx, caller, info.FullMethod, err)
		return nil, err
	}
	resp, err := handler(rpc.ForAccount(ctx, account), req)
	if rule.Changes {
		g.audit(ctx, caller, account, info.FullMethod, req, resp, err)
	}
	return resp, err
}

func (g *Gate) stream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	ctx := stream.Context()
	rule := ruleFor(g.rules, info.FullMethod)
	if rule.Open || rpc.IsInProcess(ctx) {
		return handler(srv, stream)
	}
	caller, account, err := g.admit(ctx, rule, info.FullMethod)
	if err != nil {
		g.refused(ctx, caller, info.FullMethod, err)
		return err
	}
	done, err := g.limits.stream(caller)
	if err != nil {
		g.refused(ctx, caller, info.FullMethod, err)
		return err
	}
	defer done()
	ctx, cancel := context.WithCancelCause(rpc.ForAccount(ctx, account))
	defer cancel(nil)
	watching := make(chan struct{})
	go func() {
		defer close(watching)
		g.watch(ctx, cancel, rule, info.FullMethod)
	}()
	err = handler(srv, &admitted{ServerStream: stream, ctx: ctx, caller: caller, gate: g, method: info.FullMethod})
	cancel(err)
	<-watching
	if refusal, ok := context.Cause(ctx).(*takenBackError); ok { //nolint:errorlint // it is the cause itself
		g.refused(ctx, caller, info.FullMethod, refusal.error)
		return refusal.error
	}
	return err
}

// A takenBackError is why a stream ends whose token is no longer of use.
type takenBackError struct{ error }

// watch ends a stream once its token is of no use.
func (g *Gate) watch(ctx context.Context, cancel context.CancelCauseFunc, rule Rule, method string) {
	for clock.SleepUntil(ctx, g.clock, g.clock.Now().Add(recheck)) == nil {
		caller, err := g.identify(ctx)
		if err == nil {
			_, err = Decide(caller, rule, method, namedAccount(ctx))
		}
		if err != nil {
			cancel(&takenBackError{err})
			return
		}
	}
}

// admit tells who makes a call and for which account, or refuses it.
func (g *Gate) admit(ctx context.Context, rule Rule, method string) (caller Caller, account string, err error) {
	if caller, err = g.identify(ctx); err != nil {
		return caller, "", err
	}
	if account, err = Decide(caller, rule, method, namedAccount(ctx)); err != nil {
		return caller, "", err
	}
	return caller, account, g.limits.call(caller, g.clock.Now())
}

// identify tells who makes a call, by its token, or else by its certificate.
func (g *Gate) identify(ctx context.Context) (Caller, error) {
	var shown credentials.AuthInfo
	if from, ok := peer.FromContext(ctx); ok {
		shown = from.AuthInfo
	}
	if g.tokens == nil {
		return Caller{Name: nameOf(shown), Role: Admin}, nil
	}
	token, given := bearer(ctx)
	switch {
	case given:
		return g.tokens.find(token, g.clock.Now())
	case secure.ServiceOf(shown) != "":
		return Caller{Name: "service " + secure.ServiceOf(shown), Role: Service}, nil
	default:
		return Caller{}, errMissing()
	}
}

// refused logs a refusal.
func (g *Gate) refused(ctx context.Context, caller Caller, method string, err error) {
	if !g.told.Allow() {
		return
	}
	from := "unknown"
	if at, ok := peer.FromContext(ctx); ok {
		from = at.Addr.String()
	}
	g.log.WarnContext(ctx, "call refused", "who", caller.Name, "account", caller.Account, "named_account", rpc.Cut(namedAccount(ctx)),
		"peer", from, "method", method, "outcome", outcome(err), "reason", rpc.ReasonOf(err))
}

// bearer is the token of a call; false when it has none.
func bearer(ctx context.Context) (token string, given bool) {
	values := metadata.ValueFromIncomingContext(ctx, "authorization")
	if len(values) == 0 {
		return "", false
	}
	scheme, token, found := strings.Cut(values[0], " ")
	if !found || !strings.EqualFold(scheme, "bearer") {
		return "", true
	}
	return strings.TrimSpace(token), true
}

// namedAccount is the account that a call names; empty for none.
func namedAccount(ctx context.Context) string {
	if names := metadata.ValueFromIncomingContext(ctx, rpc.AccountMetadata); len(names) > 0 {
		return strings.ToValidUTF8(names[0], "?")
	}
	return ""
}

// nameOf is what the record calls one who has no token.
func nameOf(shown credentials.AuthInfo) string {
	if tls, ok := shown.(credentials.TLSInfo); ok && len(tls.State.VerifiedChains) > 0 {
		return "certificate " + rpc.Cut(tls.State.PeerCertificates[0].Subject.CommonName)
	}
	return "anyone"
}

// admitted is a stream that was let in.
type admitted struct {
	grpc.ServerStream
	ctx    context.Context
	caller Caller
	gate   *Gate
	method string
}

// Context implements [grpc.ServerStream].
func (a *admitted) Context() context.Context { return a.ctx }

// RecvMsg implements [grpc.ServerStream]. What is asked for is looked at.
func (a *admitted) RecvMsg(message any) error {
	if err := a.ServerStream.RecvMsg(message); err != nil {
		return err
	}
	err := DecideAll(a.caller, message)
	if err != nil {
		a.gate.refused(a.ctx, a.caller, a.method, err)
	}
	return err
}
