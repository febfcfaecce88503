package events

import (
	"context"

	"go.opentelemetry.io/otel/propagation"
)

// traceParentOf is the trace that a context belongs to, as in the header
// `traceparent` of HTTP; empty for none.
func traceParentOf(ctx context.Context) string {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier[traceParentKey]
}

// withTrace is a context that belongs to a trace. What is no trace changes
// nothing.
func withTrace(ctx context.Context, traceParent string) context.Context {
	if traceParent == "" {
		return ctx
	}
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{traceParentKey: traceParent})
}

// traceParentKey is the name of the header of W3C Trace Context.
const traceParentKey = "traceparent"
