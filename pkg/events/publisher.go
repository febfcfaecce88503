package events

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed-198b1370/muster/pkg/tracing"
)

const (
	// defaultInFlight is how many events are on their way when a publisher is
	// told nothing else. More makes nothing faster on one connection.
	defaultInFlight = 512
	// ackTimeout is after how long an event without acknowledgement is
	// published again.
	ackTimeout = 10 * time.Second
)

// PublisherConfig tells how a publisher works.
type PublisherConfig struct {
	// Stream is how the stream is made again if it is gone.
	Stream StreamConfig
	// MaxInFlight bounds the events that are not acknowledged yet; 0 means 512.
	MaxInFlight int
	// Encoding is how events are written; empty means [Protobuf].
	Encoding Encoding
	// Log takes failures; nil discards them.
	Log *slog.Logger
}

// A Publisher puts events into the stream of their schema. It is used by one
// goroutine at a time.
type Publisher[E Event] struct {
	schema    Schema[E]
	config    PublisherConfig
	js        jetstream.JetStream // its own, for its own acknowledgements
	burst     *burst
	published atomic.Int64
	window    []flight
	busy      map[string]struct{} // instances or groups with an event in window
}

// A flight is an event on its way.
type flight struct {
	item int // its index
	ack  jetstream.PubAckFuture
}

// item is an event to publish.
type item struct {
	msg *nats.Msg
	of  string // the instance or group
}

// NewPublisher makes a publisher over the connection, domain and API prefix of
// js.
func NewPublisher[E Event](js jetstream.JetStream, schema Schema[E], config PublisherConfig) (*Publisher[E], error) {
	if err := config.Encoding.Check(); err != nil {
		return nil, fmt.Errorf("make publisher: %w", err)
	}
	if config.MaxInFlight == 0 {
		config.MaxInFlight = defaultInFlight
	}
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	own, err := sameAPI(js, jetstream.WithPublishAsyncMaxPending(2*config.MaxInFlight),
		jetstream.WithPublishAsyncTimeout(ackTimeout))
	if err != nil {
		return nil, fmt.Errorf("make publisher: %w", err)
	}
	return &Publisher[E]{schema: schema, config: config, js: own, burst: newBurst(own.Conn()), busy: make(map[string]struct{}, config.MaxInFlight)}, nil
}

// sameAPI makes a context that speaks to the same JetStream as js.
func sameAPI(js jetstream.JetStream, options ...jetstream.JetStreamOpt) (jetstream.JetStream, error) {
	switch has := js.Options(); {
	case has.Domain != "":
		return jetstream.NewWithDomain(js.Conn(), has.Domain, options...)
	case has.APIPrefix != "":
		return jetstream.NewWithAPIPrefix(js.Conn(), has.APIPrefix, options...)
	default:
		return jetstream.New(js.Conn(), options...)
	}
}

// Published tells how many events were published since the publisher was made. It
// may be called at any time.
func (p *Publisher[E]) Published() int64 { return p.published.Load() }

// Close frees what the publisher holds. The connection stays open.
func (p *Publisher[E]) Close() {
	p.burst.close()
	p.js.CleanupPublisher()
}

// Publish returns nil once every event is in the stream, those of one instance
// or group in the order given. What fails is tried again, with growing delay, until the
// context ends; then its error is returned and any part of the events may be in
// the stream. Events carry the trace that the context belongs to, if any. An event that can not be encoded is logged and left out: it would
// hold up those behind it for ever.
func (p *Publisher[E]) Publish(ctx context.Context, batch []E) error {
	parent := tracing.ParentOf(ctx)
	return p.publish(ctx, batch, func(int) string { return parent })
}

// PublishTraced is Publish for events of which each has a trace of its own, in the
// form of [tracing.ParentOf]; empty for none.
func (p *Publisher[E]) PublishTraced(ctx context.Context, batch []E, parents []string) error {
	return p.publish(ctx, batch, func(place int) string { return parents[place] })
}

// publish publishes events, each with the trace that belongs to its place.
func (p *Publisher[E]) publish(ctx context.Context, batch []E, parentOf func(place int) string) error {
	items := make([]item, 0, len(batch))
	for place, event := range batch {
		of, msg, err := p.schema.encode(event, p.config.Encoding, parentOf(place))
		if err != nil {
			p.config.Log.ErrorContext(ctx, "event can not be published", "event", event.GetEventId(), "error", err)
			continue
		}
		items = append(items, item{msg: msg, of: of})
	}
	total := int64(len(items))
	items = p.publishBursts(ctx, items)
	retry := newBackoff()
	for {
		left, err := p.attempt(ctx, items)
		if len(left) == 0 {
			if retry.waited() {
				p.config.Log.InfoContext(ctx, "events are published again")
			}
			p.published.Add(total)
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if len(left) < len(items) { // the stream is there; go on without much delay
			retry.reset()
		}
		if !retry.waited() {
			p.config.Log.WarnContext(ctx, "events can not be published now", "events", len(left), "error", err)
		}
		items = left
		if err := retry.wait(ctx); err != nil {
			return err
		}
		if errors.Is(err, jetstream.ErrNoStreamResponse) {
			if err := p.ensureStream(ctx); err != nil {
				p.config.Log.WarnContext(ctx, "event stream is gone and can not be made", "error", err)
			}
		}
	}
}

// publishBursts publishes as much as it can in bursts and returns the rest, in
// order.
func (p *Publisher[E]) publishBursts(ctx context.Context, items []item) []item {
	for len(items) >= minBurst {
		size := min(len(items), maxBurst)
		if err := p.burst.publish(ctx, items[:size]); err != nil {
			p.config.Log.DebugContext(ctx, "events are published one by one", "error", err)
			return items
		}
		items = items[size:]
	}
	return items
}

func (p *Publisher[E]) ensureStream(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, ackTimeout)
	defer cancel()
	return p.schema.EnsureStream(ctx, p.js, p.config.Stream)
}

// attempt publishes items in order, each instance's next only when the one
// before is acknowledged, so that a retry can not put it behind. It stops at
// the first failure and returns, in order, the items that are not acknowledged.
func (p *Publisher[E]) attempt(ctx context.Context, items []item) (left []item, err error) {
	acked := make([]bool, len(items))
	sent := 0
	for ; sent < len(items) && err == nil; sent++ {
		if err = p.makeRoom(ctx, items, acked, items[sent].of); err != nil {
			break
		}
		var ack jetstream.PubAckFuture
		ack, err = p.js.PublishMsgAsync(items[sent].msg, jetstream.WithStallWait(ackTimeout))
		if err != nil {
			break
		}
		p.window = append(p.window, flight{item: sent, ack: ack})
		p.busy[items[sent].of] = struct{}{}
	}
	for len(p.window) > 0 { // all of them, failed or not: none may arrive later
		if landErr := p.landOldest(ctx, items, acked); err == nil {
			err = landErr
		}
	}
	for i, done := range acked {
		if !done {
			left = append(left, items[i])
		}
	}
	return left, err
}

// makeRoom waits until there is room in flight for an event of an instance or group.
func (p *Publisher[E]) makeRoom(ctx context.Context, items []item, acked []bool, of string) error {
	for {
		if _, busy := p.busy[of]; !busy && len(p.window) < p.config.MaxInFlight {
			return nil
		}
		if err := p.landOldest(ctx, items, acked); err != nil {
			return err
		}
	}
}

// landOldest waits for the acknowledgement of the event that is longest in
// flight.
func (p *Publisher[E]) landOldest(ctx context.Context, items []item, acked []bool) error {
	oldest := p.window[0]
	p.window = p.window[1:]
	delete(p.busy, items[oldest.item].of)
	select {
	case <-oldest.ack.Ok():
		acked[oldest.item] = true
		return nil
	case err := <-oldest.ack.Err():
		return fmt.Errorf("publish event: %w", err)
	case <-ctx.Done():
		return ctx.Err()
	}
}
