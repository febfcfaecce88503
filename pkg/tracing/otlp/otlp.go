// Package otlp owns how traces leave the process: sampled, in batches, over OTLP.
// It must not know what is traced. It uses no globals: whoever traces is handed
// the [Tracing].
package otlp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc/filters"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/stats"
)

// closeTimeout bounds, in real time, how long the last spans may take to leave.
const closeTimeout = 2 * time.Second

// Config says where traces go.
type Config struct {
	// Endpoint is the URL of the collector, such as http://127.0.0.1:4317; with
	// https it is called over TLS. Beside it the variables OTEL_EXPORTER_OTLP_...,
	// OTEL_BSP_..., OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES count.
	Endpoint string
	// Ratio of traces that are recorded, 0 to 1, where the caller has not decided.
	Ratio float64
	// Service is the name of the process among others, unless OTEL_SERVICE_NAME
	// says otherwise.
	Service string
	// Log is told when traces can not be sent; nil for nobody.
	Log *slog.Logger
}

// Check tells what is wrong with a configuration.
func (c Config) Check() error {
	var wrong []error
	if at, err := url.Parse(c.Endpoint); err != nil || at.Host == "" || at.Scheme != "http" && at.Scheme != "https" {
		wrong = append(wrong, fmt.Errorf("the endpoint of traces must be a URL like http://127.0.0.1:4317, got %.200q", c.Endpoint))
	}
	if !(c.Ratio >= 0 && c.Ratio <= 1) { // NaN is neither
		wrong = append(wrong, fmt.Errorf("the ratio of traces must be 0 to 1, got %v", c.Ratio))
	}
	return errors.Join(wrong...)
}

// Tracing records spans and sends them.
type Tracing struct {
	provider *sdktrace.TracerProvider
	ratio    float64
}

// Start makes a tracing. It reaches for the collector when there is something to
// send; while that is away the latest spans wait, and others are dropped.
func Start(ctx context.Context, config Config) (*Tracing, error) {
	if err := config.Check(); err != nil {
		return nil, err
	}
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	exporter, err := otlptracegrpc.New(ctx, otlptracegrpc.WithEndpointURL(config.Endpoint))
	if err != nil {
		return nil, fmt.Errorf("export traces to %s: %w", config.Endpoint, err)
	}
	described, err := resource.New(ctx, resource.WithTelemetrySDK(),
		resource.WithAttributes(attribute.String("service.name", config.Service)), resource.WithFromEnv())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("describe the process to the collector: %w", err), exporter.Shutdown(ctx))
	}
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(&teller{SpanExporter: exporter, config: config}),
		sdktrace.WithSampler(sdktrace.ParentBased(sampler{sdktrace.TraceIDRatioBased(config.Ratio)})),
		sdktrace.WithResource(described),
	)
	return &Tracing{provider: provider, ratio: config.Ratio}, nil
}

// Tracer makes the spans of a part of the system.
func (t *Tracing) Tracer(part string) trace.Tracer { return t.provider.Tracer(part) }

// ServerHandler makes a span of each call that a gRPC server answers, but for those
// that ask how it is.
func (t *Tracing) ServerHandler() stats.Handler {
	return chooser{Handler: otelgrpc.NewServerHandler(t.options()...), ratio: t.ratio, server: true}
}

// ClientHandler makes a span of each call that a gRPC client makes, and carries the
// trace to the server.
func (t *Tracing) ClientHandler() stats.Handler {
	return chooser{Handler: otelgrpc.NewClientHandler(t.options()...), ratio: t.ratio}
}

func (t *Tracing) options() []otelgrpc.Option {
	return []otelgrpc.Option{
		otelgrpc.WithTracerProvider(t.provider), otelgrpc.WithMeterProvider(metricnoop.NewMeterProvider()),
		otelgrpc.WithPropagators(propagation.TraceContext{}),
		otelgrpc.WithFilter(filters.Not(filters.Any(filters.HealthCheck(), filters.ServicePrefix("grpc.reflection.")))),
	}
}

// Close sends what is recorded, for a short while at most, and ends.
func (t *Tracing) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("end traces: %w", err)
	}
	return nil
}

// A teller tells the log when spans can not be sent and when they can again, and
// drops the error, which would otherwise go to a handler of the whole process.
type teller struct {
	sdktrace.SpanExporter
	config Config
	failed atomic.Bool
}

// ExportSpans implements [sdktrace.SpanExporter].
func (t *teller) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	err := t.SpanExporter.ExportSpans(ctx, spans)
	switch {
	case err != nil && !t.failed.Swap(true):
		t.config.Log.WarnContext(ctx, "traces can not be sent and are dropped", "endpoint", t.config.Endpoint, "error", err)
	case err == nil && t.failed.Swap(false):
		t.config.Log.InfoContext(ctx, "traces are sent again", "endpoint", t.config.Endpoint)
	}
	return nil
}
