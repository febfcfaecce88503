package bench_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	collectorv1 "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"

	"github.com/seed-198b1370/muster/cmd/muster/stack"
	"github.com/seed-198b1370/muster/pkg/access"
	"github.com/seed-198b1370/muster/pkg/secure"
	"github.com/seed-198b1370/muster/pkg/secure/devca"
	"github.com/seed-198b1370/muster/pkg/tracing/otlp"
	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
)

// guardSampling is the share of calls that are traced.
const guardSampling = 0.01

// A placement RPC under mTLS, with a token in each call and one in a hundred
// traced by client and server, takes at most 1.25 times as long as a plain one, by
// the calls a second that 64 callers get answered, and by processor time.
func BenchmarkBarGuardedPlacement(b *testing.B) {
	dir := b.TempDir()
	if _, err := devca.Init(dir, devca.Names{Service: "muster"}, time.Now(), time.Hour); err != nil {
		b.Fatal(err)
	}
	file := func(name string) string { return filepath.Join(dir, name) }
	tokens := writeToken(b, dir)
	collector := startCollector(b)
	plainAddr := startPlacer(b, stack.Config{})
	guardedAddr := startPlacer(b, stack.Config{
		TLS: secure.ServerFiles{
			Cert: file(devca.ServerFile), Key: file(devca.ServerKeyFile), ClientCA: file(devca.CAFile),
		},
		TokensFile: tokens, Traces: otlp.Config{Endpoint: collector, Ratio: guardSampling},
	})

	quiet := slog.New(slog.DiscardHandler)
	credentials, err := secure.NewClientCredentials(secure.ClientFiles{
		CA: file(devca.CAFile), Cert: file(devca.ClientFile), Key: file(devca.ClientKeyFile),
	}, quiet)
	if err != nil {
		b.Fatal(err)
	}
	bearer, err := access.Bearer(file("token"), true, quiet)
	if err != nil {
		b.Fatal(err)
	}
	traces, err := otlp.Start(b.Context(), otlp.Config{Endpoint: collector, Ratio: guardSampling, Service: "client"})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = traces.Close() })
	plain := dial(b, plainAddr)
	guarded := dial(b, guardedAddr, grpc.WithTransportCredentials(credentials), grpc.WithPerRPCCredentials(bearer),
		grpc.WithStatsHandler(traces.ClientHandler()))

	request := placeRequest()
	if _, err := dial(b, guardedAddr, grpc.WithTransportCredentials(credentials)).Place(b.Context(), request); err == nil {
		b.Fatal("a call without a token was answered")
	}
	throughput := compare(b,
		func() float64 { return measure(b, plain, request).callsPerSecond },
		func() float64 { return measure(b, guarded, request).callsPerSecond })
	bar("place_plain_vs_mtls_tokens_tracing_throughput", fmt.Sprintf("%.2f", throughput), "<=1.25", throughput <= 1.25)
	cpu := compare(b,
		func() float64 { return cpuOfCall(b, guarded, request) },
		func() float64 { return cpuOfCall(b, plain, request) })
	bar("place_mtls_tokens_tracing_vs_plain_processor_time", fmt.Sprintf("%.2f", cpu), "<=1.25", cpu <= 1.25)
}

// cpuOfCall is the processor time of a placement call, client and server: what the
// machine does besides disturbs it less than it disturbs throughput.
func cpuOfCall(b *testing.B, client allocatorv1.AllocatorServiceClient, request *allocatorv1.PlaceRequest) float64 {
	b.Helper()
	before, begin := processorTime(), time.Now()
	calls := measure(b, client, request).callsPerSecond * time.Since(begin).Seconds()
	return (processorTime() - before).Seconds() / calls
}

// startPlacer starts a cloud and an allocator, with what a configuration has
// besides, and tells where.
func startPlacer(b *testing.B, config stack.Config) string {
	b.Helper()
	config.Roles, config.Listen = []stack.Role{stack.Fleetsim, stack.Allocator}, "127.0.0.1:0"
	config.CalmMarket, config.Catalog, config.Grace = true, sixtyPools(b), time.Second
	running, err := stack.Start(b.Context(), config)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := running.Stop(); err != nil {
			b.Error(err)
		}
	})
	return running.Addr()
}

// writeToken makes a token of a service, which placements take, and tells the file that knows it.
func writeToken(b *testing.B, dir string) string {
	b.Helper()
	token, err := access.NewToken()
	if err != nil {
		b.Fatal(err)
	}
	tokens := filepath.Join(dir, "tokens.yaml")
	text := fmt.Sprintf("tokens:\n  - name: bench\n    hash: %s\n    role: service\n", access.HashOf(token))
	for name, content := range map[string]string{tokens: text, filepath.Join(dir, "token"): token + "\n"} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	return tokens
}

// drain takes spans and drops them.
type drain struct {
	collectorv1.UnimplementedTraceServiceServer
}

// Export implements [collectorv1.TraceServiceServer].
func (drain) Export(context.Context, *collectorv1.ExportTraceServiceRequest) (*collectorv1.ExportTraceServiceResponse, error) {
	return &collectorv1.ExportTraceServiceResponse{}, nil
}

func startCollector(b *testing.B) (url string) {
	b.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	server := grpc.NewServer()
	collectorv1.RegisterTraceServiceServer(server, drain{})
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	b.Cleanup(func() {
		server.Stop()
		if err := <-ended; err != nil {
			b.Error(err)
		}
	})
	return "http://" + listener.Addr().String()
}
