package control

import (
	"context"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/seed-198b1370/muster/pkg/tracing"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
)

// begin begins the span of a look. It belongs to the call that the look acts upon,
// if one is outstanding; else it begins a trace, which names that of the event that
// woke the group: a group lives for months, and a trace should not.
func (c *Controller) begin(ctx context.Context, key store.Key, group *storagev1.StoredGroup) (context.Context, trace.Span) {
	options := []trace.SpanStartOption{trace.WithLinks(c.wakes.take(key)...)}
	if !trace.SpanContextFromContext(ctx).IsValid() {
		ctx = tracing.WithParent(ctx, group.GetTraceParent())
	}
	ctx, span := c.Tracer.Start(ctx, "look at group", options...)
	if span.IsRecording() {
		span.SetAttributes(attribute.String("muster.account_id", key.Account), attribute.String("muster.group_id", key.GroupID),
			attribute.Int64("muster.generation", group.GetGroup().GetGeneration()))
	}
	return ctx, span
}

// Woken notes that the event of a context woke a group, for the look that follows.
func (c *Controller) Woken(ctx context.Context, key store.Key) {
	if span := trace.SpanContextFromContext(ctx); span.IsSampled() {
		c.wakes.add(key, span)
	}
}

// maxWakes bounds the groups of which it is known what woke them; another process
// may look at them, so that some are never asked for.
const maxWakes = 1024

// wakes knows the latest event that woke a group, where that is traced.
type wakes struct {
	mu sync.Mutex
	by map[store.Key]trace.SpanContext // guarded by mu
}

func (w *wakes) add(key store.Key, span trace.SpanContext) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.by == nil || len(w.by) >= maxWakes {
		w.by = map[store.Key]trace.SpanContext{}
	}
	w.by[key] = span
}

// take tells what woke a group, and forgets it.
func (w *wakes) take(key store.Key) []trace.Link {
	w.mu.Lock()
	defer w.mu.Unlock()
	span, known := w.by[key]
	if !known {
		return nil
	}
	delete(w.by, key)
	return []trace.Link{{SpanContext: span}}
}
