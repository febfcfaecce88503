package access_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/seed-198b1370/muster/pkg/access"
	"github.com/seed-198b1370/muster/pkg/clock"
	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

// A fleet tells which accounts its calls were for.
type fleet struct {
	fleetv1.UnimplementedFleetServiceServer
	watching chan string // the account of a stream that has begun
}

func (f *fleet) ListZones(ctx context.Context, _ *fleetv1.ListZonesRequest) (*fleetv1.ListZonesResponse, error) {
	return &fleetv1.ListZonesResponse{Zones: []*fleetv1.Zone{{ZoneId: rpc.AccountOf(ctx)}}}, nil
}

func (f *fleet) RunInstances(context.Context, *fleetv1.RunInstancesRequest) (*fleetv1.RunInstancesResponse, error) {
	return &fleetv1.RunInstancesResponse{InstanceIds: []string{"i-1", "i-2"}}, nil
}

func (f *fleet) WatchInstances(_ *fleetv1.WatchInstancesRequest, stream grpc.ServerStreamingServer[fleetv1.WatchInstancesResponse]) error {
	f.watching <- rpc.AccountOf(stream.Context())
	<-stream.Context().Done()
	return stream.Context().Err()
}

type lockedLog struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lockedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// A gated is a server behind a gate, over a socket and in process.
type gated struct {
	t      *testing.T
	file   string // of tokens
	fleet  *fleet
	log    *lockedLog
	clock  *clock.Virtual
	outer  fleetv1.FleetServiceClient
	inner  fleetv1.FleetServiceClient
	health healthpb.HealthClient
}

func start(t *testing.T, perSecond float64) *gated {
	t.Helper()
	g := &gated{
		t: t, file: filepath.Join(t.TempDir(), "tokens.yaml"), fleet: &fleet{watching: make(chan string, 1)}, log: &lockedLog{},
		clock: clock.NewVirtual(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)),
	}
	g.write("viewer:acme:viewer", "operator:acme:operator", "other:other:operator", "service::service", "admin::admin")
	log := slog.New(slog.NewTextHandler(g.log, nil))
	tokens, err := access.OpenTokens(g.file, log)
	if err != nil {
		t.Fatal(err)
	}
	validator, err := rpc.NewValidator()
	if err != nil {
		t.Fatal(err)
	}
	gate := access.NewGate(access.Config{Tokens: tokens, CallsPerSecond: perSecond, Clock: g.clock, Log: log})
	server := rpc.NewServer(validator, log, gate.Option())
	fleetv1.RegisterFleetServiceServer(server, g.fleet)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	local := rpc.NewLocal()
	outer, err := rpc.Dial(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	inner, err := local.Dial()
	if err != nil {
		t.Fatal(err)
	}
	g.outer, g.inner, g.health = fleetv1.NewFleetServiceClient(outer), fleetv1.NewFleetServiceClient(inner), healthpb.NewHealthClient(outer)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx, 0, listener, local) }()
	t.Cleanup(func() {
		_, _ = outer.Close(), inner.Close()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return g
}

// write writes the file of tokens: name:account:role, each token called as its
// name. They expire after an hour of the gate's clock.
func (g *gated) write(lines ...string) {
	g.t.Helper()
	text := "tokens:\n"
	for _, line := range lines {
		parts := strings.Split(line, ":")
		text += fmt.Sprintf("  - {name: %q, account: %q, role: %s, hash: %q, expires: 2026-01-01T01:00:00Z}\n",
			parts[0], parts[1], parts[2], access.HashOf(parts[0]))
	}
	if err := os.WriteFile(g.file+".new", []byte(text), 0o600); err != nil {
		g.t.Fatal(err)
	}
	if err := os.Rename(g.file+".new", g.file); err != nil {
		g.t.Fatal(err)
	}
}

// as makes calls with a token, for an account that is named unless it is empty.
func (g *gated) as(token, account string) context.Context {
	ctx := g.t.Context()
	if token != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
	}
	if account != "" {
		ctx = rpc.WithAccount(ctx, account)
	}
	return ctx
}

// TestGate_admits tells for whom a call is made, by token and named account.
func TestGate_admits(t *testing.T) {
	g := start(t, 0)
	for _, test := range []struct {
		token, named, account, reason string
		code                          codes.Code
	}{
		{"viewer", "", "acme", "", codes.OK},
		{"viewer", "acme", "acme", "", codes.OK},
		{"viewer", "other", "", "ACCOUNT_NOT_YOURS", codes.PermissionDenied},
		{"admin", "", "default", "", codes.OK},
		{"admin", "other", "other", "", codes.OK},
		{"service", "other", "other", "", codes.OK},
		{"", "acme", "", "TOKEN_MISSING", codes.Unauthenticated},
		{"stolen", "acme", "", "TOKEN_UNKNOWN", codes.Unauthenticated},
		{strings.Repeat("x", 5000), "", "", "TOKEN_UNKNOWN", codes.Unauthenticated},
	} {
		answer, err := g.outer.ListZones(g.as(test.token, test.named), &fleetv1.ListZonesRequest{})
		if status.Code(err) != test.code || rpc.ReasonOf(err) != test.reason {
			t.Errorf("%.10q for %q: %v, want %v %s", test.token, test.named, err, test.code, test.reason)
		}
		if test.account != "" && (len(answer.GetZones()) != 1 || answer.GetZones()[0].GetZoneId() != test.account) {
			t.Errorf("%.10q for %q is served for %v", test.token, test.named, answer)
		}
		if test.reason != "" && !strings.Contains(g.log.String(), "reason="+test.reason) {
			t.Errorf("the log does not tell of %s", test.reason)
		}
	}
	if _, err := g.inner.ListZones(t.Context(), &fleetv1.ListZonesRequest{}); err != nil {
		t.Errorf("the process itself is refused: %v", err)
	}
	if _, err := g.health.Check(t.Context(), &healthpb.HealthCheckRequest{}); err != nil {
		t.Errorf("health is not told: %v", err)
	}
	_, err := g.outer.ListInstances(g.as("operator", ""), &fleetv1.ListInstancesRequest{AllAccounts: true})
	if rpc.ReasonOf(err) != "ACCOUNT_NOT_YOURS" {
		t.Errorf("all accounts' instances are shown to one of them: %v", err)
	}
	stream, err := g.outer.WatchInstances(g.as("operator", ""), &fleetv1.WatchInstancesRequest{AllAccounts: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = stream.Recv(); rpc.ReasonOf(err) != "ACCOUNT_NOT_YOURS" {
		t.Errorf("all accounts' instances are told to one of them: %v", err)
	}
	g.clock.Advance(time.Hour)
	if _, err := g.outer.ListZones(g.as("viewer", ""), &fleetv1.ListZonesRequest{}); rpc.ReasonOf(err) != "TOKEN_EXPIRED" {
		t.Errorf("an expired token gives %v", err)
	}
}

// TestGate_records who changes what, and nothing that is secret.
func TestGate_records(t *testing.T) {
	g := start(t, 0)
	launch := &fleetv1.RunInstancesRequest{
		RequestId: "once", ZoneId: "cn-shenzhen-d", InstanceType: "ecs.c6.large", Amount: 2,
		BillingMethod: fleetv1.BillingMethod_BILLING_METHOD_PAY_AS_YOU_GO,
	}
	if _, err := g.outer.RunInstances(g.as("viewer", ""), launch); rpc.ReasonOf(err) != "ROLE_TOO_LOW" {
		t.Errorf("a viewer launches: %v", err)
	}
	if _, err := g.outer.RunInstances(g.as("operator", ""), launch); err != nil {
		t.Fatal(err)
	}
	launch.Amount = 0
	if _, err := g.outer.RunInstances(g.as("operator", ""), launch); status.Code(err) != codes.InvalidArgument {
		t.Fatal(err)
	}
	log := g.log.String()
	for _, want := range []string{
		"msg=audit who=operator role=operator account=acme method=/muster.fleet.v1.FleetService/RunInstances request_id=once resource=\"zone_id=cn-shenzhen-d instance_ids=2\" outcome=OK",
		"request_id=once resource=\"zone_id=cn-shenzhen-d\" outcome=InvalidArgument",
		"msg=\"call refused\" who=viewer account=acme",
	} {
		if !strings.Contains(log, want) {
			t.Errorf("%s is missing in:\n%s", want, log)
		}
	}
	if strings.Contains(log, "Bearer") || strings.Contains(log, access.HashOf("operator")) {
		t.Errorf("a secret is in:\n%s", log)
	}
}

// TestGate_limits an account as a whole, and no other with it.
func TestGate_limits(t *testing.T) {
	g := start(t, 2)
	list := func(token string) error {
		_, err := g.outer.ListZones(g.as(token, ""), &fleetv1.ListZonesRequest{})
		return err
	}
	for _, token := range []string{"viewer", "operator"} {
		if err := list(token); err != nil {
			t.Fatal(err)
		}
	}
	err := list("viewer")
	if status.Code(err) != codes.ResourceExhausted || rpc.ReasonOf(err) != "TOO_MANY_CALLS" || rpc.RetryDelay(err) != 500*time.Millisecond {
		t.Errorf("a third call of the account gives %v, retry in %v", err, rpc.RetryDelay(err))
	}
	quota := false
	for _, detail := range status.Convert(err).Details() {
		_, is := detail.(*errdetails.QuotaFailure)
		quota = quota || is
	}
	if !quota {
		t.Errorf("no quota is told: %v", err)
	}
	for range 5 {
		if err := list("service"); err != nil {
			t.Errorf("a service is limited: %v", err)
		}
	}
	if err := list("other"); err != nil {
		t.Errorf("another account is limited: %v", err)
	}
	g.clock.Advance(500 * time.Millisecond)
	if err := list("viewer"); err != nil {
		t.Errorf("after the wait that was told: %v", err)
	}
}

// TestGate_streamsEnd when their token is taken back or expires.
func TestGate_streamsEnd(t *testing.T) {
	for name, test := range map[string]struct {
		change func(g *gated)
		reason string
	}{
		"taken back": {func(g *gated) { g.write("admin::admin") }, "TOKEN_UNKNOWN"},
		"moved":      {func(g *gated) { g.write("viewer:other:none") }, ""}, // a broken file changes nothing
		"expired":    {func(g *gated) { g.clock.Advance(time.Hour) }, "TOKEN_EXPIRED"},
	} {
		t.Run(name, func(t *testing.T) {
			g := start(t, 0)
			ctx, cancel := context.WithCancel(g.as("viewer", ""))
			defer cancel()
			stream, err := g.outer.WatchInstances(ctx, &fleetv1.WatchInstancesRequest{})
			if err != nil {
				t.Fatal(err)
			}
			if account := <-g.fleet.watching; account != "acme" {
				t.Errorf("the stream is for %q", account)
			}
			test.change(g)
			ended := make(chan error, 1)
			go func() {
				_, err := stream.Recv()
				ended <- err
			}()
			if test.reason == "" {
				if _, err := g.outer.ListZones(g.as("viewer", ""), &fleetv1.ListZonesRequest{}); err != nil {
					t.Errorf("a broken file takes tokens back: %v", err)
				}
				cancel()
				<-ended
				return
			}
			for { // the gate may be about to wait when the clock is moved
				select {
				case err := <-ended:
					if status.Code(err) != codes.Unauthenticated || rpc.ReasonOf(err) != test.reason {
						t.Errorf("the stream ends with %v", err)
					}
					return
				case <-time.After(5 * time.Millisecond):
					g.clock.Advance(5 * time.Second)
				}
			}
		})
	}
}
