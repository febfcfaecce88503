package publish

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed-198b1370/muster/pkg/clock"
	"github.com/seed-198b1370/muster/pkg/events"
	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
	"github.com/seed-198b1370/muster/services/healthcheck/internal/follow"
	"github.com/seed-198b1370/muster/services/healthcheck/internal/share"
)

const (
	minDelay = 50 * time.Millisecond
	maxDelay = 5 * time.Second
	// callTimeout bounds one question to JetStream.
	callTimeout = 5 * time.Second
	// maxQueued bounds the batches, of at most 250 events, that are read from
	// the fleet and not published: beyond it the fleet is not read.
	maxQueued = 16
	// maxTogether bounds the events that are published before the place after
	// them counts as reached.
	maxTogether = 4000
)

// Config tells how events are kept.
type Config struct {
	// Stream is how the event stream is kept.
	Stream events.StreamConfig
	// Encoding is how events are written; empty means protobuf.
	Encoding events.Encoding
	// Log takes what operators should know.
	Log *slog.Logger
}

// A Publisher publishes events. All but Run may be called by several goroutines.
type Publisher struct {
	config Config
	js     jetstream.JetStream
	events *events.Publisher[*healthv1.InstanceEvent]
	shares *share.Shares
	queue  chan order
}

// An order is events to publish.
type order struct {
	follow.Batch
	// term in which a batch of the fleet's stream was read; 0 for events that
	// somebody waits for.
	term int64
	// done takes one value once the events are in the stream; nil when nobody
	// waits.
	done chan<- struct{}
}

// New makes a publisher of what shares tell is its own. It does not reach for
// JetStream yet.
func New(js jetstream.JetStream, shares *share.Shares, config Config) (*Publisher, error) {
	publisher, err := events.NewPublisher(js, events.Instances(), events.PublisherConfig{
		Stream: config.Stream, Encoding: config.Encoding, Log: config.Log,
	})
	if err != nil {
		return nil, fmt.Errorf("open publisher: %w", err)
	}
	return &Publisher{config: config, js: js, events: publisher, shares: shares, queue: make(chan order, maxQueued)}, nil
}

// Published tells how many events were published since the start.
func (p *Publisher) Published() int64 { return p.events.Published() }

// Close frees what the publisher holds.
func (p *Publisher) Close() { p.events.Close() }

// Open makes the stream and what shares need, if they do not exist. It tries
// again until that is done, the context ends, or what exists can not be brought
// to the configuration.
func (p *Publisher) Open(ctx context.Context) error {
	return p.untilDone(ctx, func(ctx context.Context) error {
		if err := events.Instances().EnsureStream(ctx, p.js, p.config.Stream); err != nil {
			return err
		}
		return p.shares.Open(ctx)
	})
}

// Deliver hands a batch over that was read in a term. It waits while too much is
// not published yet, so that whoever reads the fleet waits, too.
func (p *Publisher) Deliver(ctx context.Context, term int64, batch follow.Batch) error {
	return p.enqueue(ctx, order{Batch: batch, term: term})
}

// Publish returns nil once events are in the stream, in their order, whoever's
// share their instances are. While JetStream is away it waits. When the context
// ends first, the events may be published all the same.
func (p *Publisher) Publish(ctx context.Context, batch []*healthv1.InstanceEvent) error {
	done := make(chan struct{}, 1)
	if err := p.enqueue(ctx, order{Batch: follow.Batch{Events: batch, Parents: make([]string, len(batch))}, done: done}); err != nil {
		return err
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *Publisher) enqueue(ctx context.Context, next order) error {
	select {
	case p.queue <- next:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Run publishes what is handed over until the context ends, and then returns its
// error. Open must have been called.
func (p *Publisher) Run(ctx context.Context) error {
	for {
		var first order
		select {
		case first = <-p.queue:
		case <-ctx.Done():
			return ctx.Err()
		}
		owned, term, err := p.shares.Hold(ctx)
		if err != nil {
			return err
		}
		together := p.gather(first, owned, term)
		if err := p.events.PublishTraced(ctx, together.events, together.parents); err != nil {
			return fmt.Errorf("publish events: %w", err)
		}
		for _, done := range together.done {
			done <- struct{}{}
		}
		if together.moved {
			p.shares.Reached(term, owned, together.place)
		}
	}
}

// together is what is published at once.
type together struct {
	events  []*healthv1.InstanceEvent
	parents []string // their traces
	done    []chan<- struct{}
	// place that is reached by it, if moved.
	place share.Place
	moved bool
}

// gather adds to an order those that wait behind it, up to a bound, and leaves
// out what is not the replica's own or of a term that is over.
func (p *Publisher) gather(next order, owned share.Set, term int64) (all together) {
	for {
		switch next.term {
		case 0:
			all.events, all.parents = append(all.events, next.Events...), append(all.parents, next.Parents...)
			all.done = append(all.done, next.done)
		case term:
			for i, event := range next.Events {
				if owned.Has(event.GetInstanceId()) {
					all.events, all.parents = append(all.events, event), append(all.parents, next.Parents[i])
				}
			}
			// Without a cursor more belongs to the same place.
			if all.moved = next.Place.Cursor != ""; all.moved {
				all.place = share.Place(next.Place)
			}
		}
		if len(all.events) >= maxTogether {
			return all
		}
		select {
		case next = <-p.queue:
		default:
			return all
		}
	}
}

// untilDone tries until it works, can not work, or the context ends, with
// growing delay. The delay is on the wall clock, whatever the speed of the
// cloud's: what it waits for is a real server.
func (p *Publisher) untilDone(ctx context.Context, try func(context.Context) error) error {
	wall := clock.NewWall()
	for delay := minDelay; ; delay = min(2*delay, maxDelay) {
		err := bounded(ctx, try)
		switch {
		case err == nil || errors.Is(err, events.ErrFixed):
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case delay == minDelay:
			p.config.Log.WarnContext(ctx, "JetStream can not be used now", "error", err)
		}
		if err := clock.SleepUntil(ctx, wall, wall.Now().Add(delay)); err != nil {
			return err
		}
	}
}

func bounded(ctx context.Context, try func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return try(ctx)
}
