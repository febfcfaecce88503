package events

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
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

// A Consumer gives every event of the stream to a handler at least once. What
// it has got to is kept by the server under its durable name: consumers of one
// name share the events, also one after the other.
type Consumer struct {
	js      jetstream.JetStream
	durable string
	log     *slog.Logger
}

// NewConsumer makes a consumer under a durable name: letters, digits, `_` and
// `-`. A nil log discards what it has to say.
func NewConsumer(js jetstream.JetStream, durable string, log *slog.Logger) *Consumer {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Consumer{js: js, durable: durable, log: log.With("consumer", durable)}
}

// Consume calls handle for each event, one after the other, until the context
// ends; then it returns nil. An event is done with when handle returns nil. On
// an error it is given again later, with growing delay, while those behind it
// go on; so events of one instance come in order until handle fails, and
// handlers must bear duplicates. A message that is no event is logged and
// dropped. While the stream can not be read, or does not exist yet, Consume
// tries again.
func (c *Consumer) Consume(ctx context.Context, handle func(context.Context, *healthv1.InstanceEvent) error) error {
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
func (c *Consumer) session(ctx context.Context, handle func(context.Context, *healthv1.InstanceEvent) error, retry *backoff) error {
	consumer, err := c.js.CreateOrUpdateConsumer(ctx, StreamName, jetstream.ConsumerConfig{
		Durable:       c.durable,
		FilterSubject: AllSubjects,
		DeliverPolicy: jetstream.DeliverAllPolicy,
		AckPolicy:     jetstream.AckExplicitPolicy,
		AckWait:       ackWait,
		MaxAckPending: maxUnacked,
	})
	if err != nil {
		return fmt.Errorf("make consumer: %w", err)
	}
	reader, err := newReader(c.js, consumer, maxUnacked)
	if err != nil {
		return err
	}
	defer reader.giveBack()
	if retry.waited() {
		c.log.InfoContext(ctx, "events can be read again")
	}
	retry.reset()
	for {
		msg, err := reader.next(ctx)
		if err != nil {
			return err
		}
		if err := c.deliver(ctx, msg, handle); err != nil {
			return err
		}
	}
}

// deliver calls the handler and tells the server what came of it.
func (c *Consumer) deliver(ctx context.Context, msg jetstream.Msg, handle func(context.Context, *healthv1.InstanceEvent) error) error {
	event, err := DecodeStored(msg)
	if err != nil {
		c.log.ErrorContext(ctx, "message is no event and is dropped", "subject", msg.Subject(), "error", err)
		return told(msg.TermWithReason("not an event"))
	}
	if err := handle(ctx, event); err != nil {
		if ctx.Err() != nil { // being stopped says nothing about the event
			return told(msg.Nak())
		}
		delay := redeliverDelay(msg)
		c.log.WarnContext(ctx, "event could not be handled", "event", event.GetEventId(), "again_in", delay, "error", err)
		return told(msg.NakWithDelay(delay))
	}
	return told(msg.Ack())
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
