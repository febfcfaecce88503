package otlp

import (
	"context"
	"math/rand/v2"

	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/stats"
)

// parentKey is the metadata of W3C Trace Context.
const parentKey = "traceparent"

// notRecorded is what the next server is told of a call that nothing records. Which
// trace it is nobody asks.
const notRecorded = "00-00000000000000000000000000000001-0000000000000001-00"

// A choice is what was decided of a call before anything of it was done.
type choice int

const (
	undecided choice = iota
	record
	leave
)

// choiceKey is where contexts have a choice.
type choiceKey struct{}

func choiceOf(ctx context.Context) choice {
	made, _ := ctx.Value(choiceKey{}).(choice)
	return made
}

// A chooser stands before a handler of OpenTelemetry, which does most of its work
// before it asks whether a call is recorded, and hands it those only that are.
type chooser struct {
	stats.Handler
	ratio  float64
	server bool
}

// TagRPC implements [stats.Handler].
func (c chooser) TagRPC(ctx context.Context, info *stats.RPCTagInfo) context.Context {
	made := c.choose(ctx)
	ctx = context.WithValue(ctx, choiceKey{}, made)
	switch {
	case made == record:
		return c.Handler.TagRPC(ctx, info)
	case c.server:
		return ctx
	default:
		return metadata.AppendToOutgoingContext(ctx, parentKey, notRecorded)
	}
}

// HandleRPC implements [stats.Handler].
func (c chooser) HandleRPC(ctx context.Context, about stats.RPCStats) {
	if choiceOf(ctx) == record {
		c.Handler.HandleRPC(ctx, about)
	}
}

// choose keeps to what the caller decided, and else draws.
func (c chooser) choose(ctx context.Context) choice {
	span := trace.SpanContextFromContext(ctx)
	if c.server {
		if given := metadata.ValueFromIncomingContext(ctx, parentKey); len(given) > 0 {
			span = trace.SpanContextFromContext(propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{parentKey: given[0]}))
		}
	}
	switch {
	case span.IsSampled():
		return record
	case span.IsValid():
		return leave
	case choiceOf(ctx) != undecided:
		return choiceOf(ctx)
	case rand.Float64() < c.ratio: //nolint:forbidigo // which calls are recorded changes nothing that they do
		return record
	default:
		return leave
	}
}

// A sampler records those roots that a chooser has chosen, none that it has not,
// and of others a share.
type sampler struct{ sdktrace.Sampler }

// ShouldSample implements [sdktrace.Sampler].
func (s sampler) ShouldSample(p sdktrace.SamplingParameters) sdktrace.SamplingResult {
	switch choiceOf(p.ParentContext) {
	case record:
		return sdktrace.AlwaysSample().ShouldSample(p)
	case leave:
		return sdktrace.NeverSample().ShouldSample(p)
	default:
		return s.Sampler.ShouldSample(p)
	}
}
