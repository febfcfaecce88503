package events

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed-198b1370/muster/pkg/clock"
	"github.com/seed-198b1370/muster/pkg/tracing"
)

const (
	// ackWait is after how long an event that a consumer was given and has not
	// acknowledged, for example because its process was killed, is given again.
	ackWait = 10 * time.Second
	// maxUnacked bounds the events that a consumer holds: few enough that a
	// handler has gone through them within ackWait.
	maxUnacked        = 256
	minRedeliverDelay = 100 * time.Millisecond
	maxRedeliverDelay = 30 * time.Second
)

// A Consumer gives every event of a stream to a handler at least once. What it
// has got to is kept by the server under its durable name: consumers of one
// name share the events, also one after the other.
type Consumer[E Event] struct {
	js      jetstream.JetStream
	schema  Schema[E]
	durable string
	log     *slog.Logger

	handled, failed, skipped, setAside atomic.Int64
	age                                atomic.Int64 // of the latest event when it came, in nanoseconds
}

// ConsumerCounts tell what a consumer has done since it was made.
type ConsumerCounts struct {
	// Handled events: the handler took them.
	Handled int64
	// Failed calls of the handler; their events come again.
	Failed int64
	// Skipped events of kinds that only a later version knows.
	Skipped int64
	// SetAside messages that are no events; [ListDead] tells of them.
	SetAside int64
}

// NewConsumer makes a consumer under a durable name: letters, digits, `_` and
// `-`. A nil log discards what it has to say.
func NewConsumer[E Event](js jetstream.JetStream, schema Schema[E], durable string, log *slog.Logger) *Consumer[E] {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Consumer[E]{js: js, schema: schema, durable: durable, log: log.With("consumer", durable)}
}

// Counts tells what was done so far.
func (c *Consumer[E]) Counts() ConsumerCounts {
	return ConsumerCounts{
		Handled: c.handled.Load(), Failed: c.failed.Load(), Skipped: c.skipped.Load(), SetAside: c.setAside.Load(),
	}
}

// Age is for how long the latest message had been in the stream when it came, in
// real time; 0 before the first.
func (c *Consumer[E]) Age() time.Duration { return time.Duration(c.age.Load()) }

// Pending tells how many events of the stream are not handled yet, whoever of
// this name would handle them.
func (c *Consumer[E]) Pending(ctx context.Context) (int64, error) {
	consumer, err := c.js.Consumer(ctx, c.schema.stream, c.durable)
	if err != nil {
		return 0, fmt.Errorf("look at consumer %s: %w", c.durable, err)
	}
	info := consumer.CachedInfo()
	return int64(info.NumPending) + int64(info.NumAckPending), nil
}

// Consume calls handle for each event, one after the other, until the context
// ends; then it returns nil. The context that handle is given carries the trace
// of the event, if it has one. An event is done with when handle returns nil. On
// an error it is given again later, with growing delay, while those behind it
// go on; so events of one instance come in order until handle fails, and
// handlers must bear duplicates. A message that is no event is set aside (see
// [ListDead]), and an event of a kind that only a later version knows is
// skipped. While the stream can not be read, or does not exist yet, Consume
// tries again.
func (c *Consumer[E]) Consume(ctx context.Context, handle func(context.Context, E) error) error {
	retry := newBackoff()
	for {
		err := c.session(ctx, handle, retry)
		if ctx.Err() == nil && !retry.waited() {
			c.log.WarnContext(ctx, "events can not be read now", "error", err)
		}
		if retry.wait(ctx) != nil {
			return nil //nolint:nilerr // the context has ended, as it was meant to
		}
	}
}

// session consumes until the context ends or reading fails.
func (c *Consumer[E]) session(ctx context.Context, handle func(context.Context, E) error, retry *backoff) error {
	consumer, err := c.js.CreateOrUpdateConsumer(ctx, c.schema.stream, jetstream.ConsumerConfig{
		Durable:       c.durable,
		FilterSubject: c.schema.Subjects(),
		DeliverPolicy: jetstream.DeliverAllPolicy,
		AckPolicy:     jetstream.AckExplicitPolicy,
		AckWait:       ackWait,
		MaxAckPending: maxUnacked,
	})
	if err != nil {
		return fmt.Errorf("make consumer: %w", err)
	}
	reader, err := NewReader(c.js, consumer, maxUnacked)
	if err != nil {
		return err
	}
	defer reader.GiveBack()
	if retry.waited() {
		c.log.InfoContext(ctx, "events can be read again")
	}
	retry.reset()
	for {
		msg, err := reader.Next(ctx)
		if err != nil {
			return err
		}
		if err := c.deliver(ctx, msg, handle); err != nil {
			return err
		}
	}
}

// deliver calls the handler and tells the server what came of it.
func (c *Consumer[E]) deliver(ctx context.Context, msg jetstream.Msg, handle func(context.Context, E) error) error {
	if meta, err := msg.Metadata(); err == nil {
		c.age.Store(max(0, int64(clock.NewWall().Now().Sub(meta.Timestamp))))
	}
	received, err := c.schema.DecodeStored(msg)
	switch {
	case errors.Is(err, ErrUnknownKind):
		c.skipped.Add(1)
		c.log.DebugContext(ctx, "event of a later version is skipped", "subject", msg.Subject(), "error", err)
		return told(msg.Ack())
	case err != nil:
		return c.bury(ctx, msg, err)
	}
	event := received.Event
	if err := handle(tracing.WithParent(ctx, received.TraceParent), event); err != nil {
		if ctx.Err() != nil { // being stopped says nothing about the event
			return told(msg.Nak())
		}
		c.failed.Add(1)
		delay := redeliverDelay(msg)
		c.log.WarnContext(ctx, "event could not be handled", "event", event.GetEventId(), "again_in", delay, "error", err)
		return told(msg.NakWithDelay(delay))
	}
	c.handled.Add(1)
	return told(msg.Ack())
}

// bury sets a message aside that is no event. If that can not be done now, the
// message comes again.
func (c *Consumer[E]) bury(ctx context.Context, msg jetstream.Msg, reason error) error {
	if err := setAside(ctx, c.js, c.durable, msg, reason); err != nil {
		c.log.WarnContext(ctx, "message is no event and can not be set aside now", "subject", msg.Subject(), "reason", reason, "error", err)
		return told(msg.NakWithDelay(redeliverDelay(msg)))
	}
	c.setAside.Add(1)
	c.log.ErrorContext(ctx, "message is no event and is set aside", "subject", msg.Subject(), "reason", reason)
	return told(msg.TermWithReason("not an event"))
}

// told makes the error of a reply to the server.
func told(err error) error {
	if err != nil {
		return fmt.Errorf("acknowledge event: %w", err)
	}
	return nil
}

func redeliverDelay(msg jetstream.Msg) time.Duration {
	delay := minRedeliverDelay
	meta, err := msg.Metadata()
	if err != nil {
		return delay
	}
	for range min(meta.NumDelivered, 16) - 1 {
		delay = min(2*delay, maxRedeliverDelay)
	}
	return delay
}
