package stack_test

import (
	"context"
	"encoding/hex"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/propagation"
	collectorv1 "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"

	"github.com/seed-198b1370/muster/cmd/muster/stack"
	"github.com/seed-198b1370/muster/pkg/tracing"
	"github.com/seed-198b1370/muster/pkg/tracing/otlp"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

// A collector takes spans, as a collector of OpenTelemetry does.
type collector struct {
	collectorv1.UnimplementedTraceServiceServer
	url string

	mu    sync.Mutex
	spans []*tracev1.Span
	more  chan struct{} // closed and replaced when there are more
}

func startCollector(t *testing.T) *collector {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &collector{url: "http://" + listener.Addr().String(), more: make(chan struct{})}
	server := grpc.NewServer()
	collectorv1.RegisterTraceServiceServer(server, c)
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(listener) })
	t.Cleanup(func() {
		server.Stop()
		serving.Wait()
	})
	return c
}

// Export implements [collectorv1.TraceServiceServer].
func (c *collector) Export(_ context.Context, r *collectorv1.ExportTraceServiceRequest) (*collectorv1.ExportTraceServiceResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, resource := range r.GetResourceSpans() {
		for _, scope := range resource.GetScopeSpans() {
			c.spans = append(c.spans, scope.GetSpans()...)
		}
	}
	close(c.more)
	c.more = make(chan struct{})
	return &collectorv1.ExportTraceServiceResponse{}, nil
}

// await waits until enough tells that all spans are there that are wanted, and
// tells otherwise which there are.
func (c *collector) await(t *testing.T, enough func([]*tracev1.Span) bool) {
	t.Helper()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	for {
		c.mu.Lock()
		spans, more := slices.Clone(c.spans), c.more
		c.mu.Unlock()
		if enough(spans) {
			return
		}
		select {
		case <-more:
		case <-deadline.C:
			var names []string
			for _, span := range spans {
				names = append(names, hex.EncodeToString(span.GetTraceId())[:6]+" "+span.GetKind().String()+" "+span.GetName())
			}
			t.Fatalf("the spans that came are\n%s", strings.Join(names, "\n"))
		}
	}
}

// lines is a log in memory.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write implements [io.Writer].
func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// One trace leads from the call that creates a group over the look that delivers
// it, the placement and the launch, to the event that woke the group; the look that
// follows names it. Log lines name it, too. It is the caller's, who decides whether
// it is recorded.
func TestTracing(t *testing.T) {
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "20")
	c, log := startCollector(t), &lines{}
	running, err := stack.Start(t.Context(), stack.Config{
		Listen: "127.0.0.1:0", Grace: 100 * time.Millisecond, Speed: 60, Traces: otlp.Config{Endpoint: c.url},
		Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := running.Stop(); err != nil {
			t.Error(err)
		}
	})
	create := func(ctx context.Context) {
		_, err := groupv1.NewGroupServiceClient(running.Conn()).CreateGroup(ctx, &groupv1.CreateGroupRequest{Spec: &groupv1.GroupSpec{
			TargetCapacity: &groupv1.TargetCapacity{Total: 3, PayAsYouGo: 1, Spot: 2},
			Candidates:     []*groupv1.Candidate{{ZoneId: "cn-shenzhen-e", InstanceType: "ecs.c6.large"}},
		}})
		if err != nil {
			t.Fatal(err)
		}
	}
	const recorded, unrecorded = "4bf92f3577b34da6a3ce929d0e0e4736", "5bf92f3577b34da6a3ce929d0e0e4736"
	create(tracing.WithParent(t.Context(), "00-"+unrecorded+"-00f067aa0ba902b7-00"))
	create(tracing.WithParent(t.Context(), "00-"+recorded+"-00f067aa0ba902b7-01"))

	c.await(t, func(spans []*tracev1.Span) bool {
		want := map[string]bool{
			"SPAN_KIND_SERVER muster.group.v1.GroupService/CreateGroup":   false,
			"SPAN_KIND_INTERNAL look at group":                            false,
			"SPAN_KIND_SERVER muster.allocator.v1.AllocatorService/Place": false,
			"SPAN_KIND_CLIENT muster.fleet.v1.FleetService/RunInstances":  false,
			"SPAN_KIND_SERVER muster.fleet.v1.FleetService/RunInstances":  false,
			"SPAN_KIND_CONSUMER wake group":                               false,
		}
		for _, span := range spans {
			switch hex.EncodeToString(span.GetTraceId()) {
			case recorded:
				want[span.GetKind().String()+" "+span.GetName()] = true
			case unrecorded:
				t.Fatalf("a span of a trace that is not to be recorded: %v", span)
			}
		}
		for _, found := range want {
			if !found {
				return false
			}
		}
		return true
	})
	if !strings.Contains(log.String(), "trace_id="+recorded) {
		t.Errorf("the log does not name the trace:\n%s", log)
	}
}

// Looks of a group's own begin traces, which name the trace of the event that woke
// it.
func TestTracing_laterLooksNameTheEvent(t *testing.T) {
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "20")
	c := startCollector(t)
	running, err := stack.Start(t.Context(), stack.Config{Grace: 100 * time.Millisecond, Speed: 60, Traces: otlp.Config{Endpoint: c.url, Ratio: 1}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := running.Stop(); err != nil {
			t.Error(err)
		}
	})
	carrier := propagation.MapCarrier{"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}
	_, err = groupv1.NewGroupServiceClient(running.Conn()).CreateGroup(propagation.TraceContext{}.Extract(t.Context(), carrier),
		&groupv1.CreateGroupRequest{Spec: &groupv1.GroupSpec{
			TargetCapacity: &groupv1.TargetCapacity{Total: 1, PayAsYouGo: 1},
			Candidates:     []*groupv1.Candidate{{ZoneId: "cn-shenzhen-e", InstanceType: "ecs.c6.large"}},
		}})
	if err != nil {
		t.Fatal(err)
	}
	c.await(t, func(spans []*tracev1.Span) bool {
		return slices.ContainsFunc(spans, func(span *tracev1.Span) bool {
			return span.GetName() == "look at group" && len(span.GetParentSpanId()) == 0 &&
				slices.ContainsFunc(span.GetLinks(), func(link *tracev1.Span_Link) bool {
					return hex.EncodeToString(link.GetTraceId()) == "4bf92f3577b34da6a3ce929d0e0e4736"
				})
		})
	})
}

// What can not work is refused before anything is started.
func TestTracing_refusesWhatCanNotWork(t *testing.T) {
	for endpoint, want := range map[string]string{"127.0.0.1:4317": "a URL like http://", "ftp://a": "a URL like http://", "": ""} {
		_, err := stack.Start(t.Context(), stack.Config{Speed: -1, Traces: otlp.Config{Endpoint: endpoint, Ratio: 1}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("endpoint %q: got %v", endpoint, err)
		}
	}
	_, err := stack.Start(t.Context(), stack.Config{Traces: otlp.Config{Endpoint: "http://127.0.0.1:1", Ratio: 2}})
	if err == nil || !strings.Contains(err.Error(), "must be 0 to 1, got 2") {
		t.Errorf("a ratio of 2: got %v", err)
	}
}
