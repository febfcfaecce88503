package groupsvc

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/seed-198b1370/muster/pkg/rpc"
	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
)

const (
	// eventRetry is how long the service waits when its event source fails.
	eventRetry = time.Second
	// calm is how long good news may wait, so that a thousand instances that
	// start make a few looks and not a thousand.
	calm = 2 * time.Second
)

// listen makes groups due as events come in, until the context ends. Without
// events groups are still looked at periodically, so a source that fails is
// only tried again.
func (s *Service) listen(ctx context.Context) {
	for ctx.Err() == nil {
		err := s.events.Consume(ctx, s.wake)
		if ctx.Err() != nil {
			return
		}
		s.log.WarnContext(ctx, "event source failed", "error", err)
		timer := s.clock.NewTimer(s.clock.Now().Add(eventRetry))
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// wake makes the group of an event due: at once if capacity may be lost.
func (s *Service) wake(ctx context.Context, event *healthv1.InstanceEvent) error {
	if event.GetGroupId() == "" {
		return nil
	}
	if trace.SpanContextFromContext(ctx).IsSampled() {
		var span trace.Span
		ctx, span = s.tracer.Start(ctx, "wake group", trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(
			attribute.String("muster.group_id", event.GetGroupId()), attribute.String("muster.event_id", event.GetEventId()),
			attribute.String("muster.event_kind", event.GetKind().String())))
		defer span.End()
	}
	at := s.clock.Now()
	switch event.GetKind() {
	case healthv1.InstanceEventKind_INSTANCE_EVENT_KIND_CREATED, healthv1.InstanceEventKind_INSTANCE_EVENT_KIND_RUNNING:
		at = at.Add(calm)
	default:
	}
	key := store.Key{Account: cmp.Or(event.GetAccountId(), rpc.DefaultAccount), GroupID: event.GetGroupId()}
	s.control.Woken(ctx, key)
	if err := s.store.Wake(ctx, key, at); err != nil {
		return fmt.Errorf("make group %s due: %w", event.GetGroupId(), err)
	}
	s.control.Nudge()
	return nil
}
