// Package tracing owns how a trace is carried from one part of the system to the
// next: as the text of W3C Trace Context where there is no call to carry it, such
// as in a store, a tag or an event; and as an attribute of log lines. It must not
// know where traces are sent; package otlp does.
package tracing

import (
	"context"
	"log/slog"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// MaxBytes bounds a trace as text: version, trace, span and flags.
const MaxBytes = 55

// parentKey is the name of the header of W3C Trace Context.
const parentKey = "traceparent"

// ParentOf is the trace that a context belongs to, as text that [WithParent] reads;
// empty when there is none, or it is not recorded.
func ParentOf(ctx context.Context) string {
	if !trace.SpanContextFromContext(ctx).IsSampled() {
		return ""
	}
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier[parentKey]
}

// WithParent is a context that belongs to a trace. What is no trace changes
// nothing.
func WithParent(ctx context.Context, parent string) context.Context {
	if parent == "" || len(parent) > MaxBytes {
		return ctx
	}
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{parentKey: parent})
}

// NewLogHandler makes a handler of log lines that adds the ids of the trace and of
// the span that the context of a line belongs to.
func NewLogHandler(to slog.Handler) slog.Handler { return logHandler{to} }

type logHandler struct{ slog.Handler }

// Handle implements [slog.Handler].
func (h logHandler) Handle(ctx context.Context, record slog.Record) error {
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		record = record.Clone()
		record.AddAttrs(slog.String("trace_id", span.TraceID().String()), slog.String("span_id", span.SpanID().String()))
	}
	return h.Handler.Handle(ctx, record)
}

// WithAttrs implements [slog.Handler].
func (h logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return logHandler{h.Handler.WithAttrs(attrs)}
}

// WithGroup implements [slog.Handler].
func (h logHandler) WithGroup(name string) slog.Handler { return logHandler{h.Handler.WithGroup(name)} }
