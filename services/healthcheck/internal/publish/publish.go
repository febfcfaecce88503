package publish

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed-198b1370/muster/pkg/clock"
	"github.com/seed-198b1370/muster/pkg/events"
	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
	"github.com/seed-198b1370/muster/services/healthcheck/internal/follow"
)

const (
	minDelay = 50 * time.Millisecond
	maxDelay = 5 * time.Second
	// callTimeout bounds one question to JetStream.
	callTimeout = 5 * time.Second
	// maxQueued bounds the batches, of at most 250 events, that are read from
	// the fleet and not published: beyond it the fleet is not read.
	maxQueued = 8
	// maxTogether bounds the events that are published before the place after
	// them is kept, and so what a crash repeats.
	maxTogether = 1000
)

// Config tells how events are kept.
type Config struct {
	// Stream is how the event stream is kept.
	Stream events.StreamConfig
	// Log takes what operators should know.
	Log *slog.Logger
}

// A Publisher publishes batches. Deliver may be called by one goroutine while
// another is in Run.
type Publisher struct {
	config    Config
	js        jetstream.JetStream
	events    *events.Publisher
	positions *positions
	queue     chan follow.Batch
}

// New makes a publisher. It does not reach for JetStream yet.
func New(js jetstream.JetStream, config Config) (*Publisher, error) {
	publisher, err := events.NewPublisher(js, events.PublisherConfig{Stream: config.Stream, Log: config.Log})
	if err != nil {
		return nil, fmt.Errorf("open publisher: %w", err)
	}
	return &Publisher{
		config: config, js: js, events: publisher,
		positions: newPositions(js, config.Stream.Replicas, config.Stream.MemoryStorage),
		queue:     make(chan follow.Batch, maxQueued),
	}, nil
}

// Close frees what the publisher holds.
func (p *Publisher) Close() { p.events.Close() }

// Open makes the stream and the bucket, if they do not exist, and tells where in
// the fleet's stream to go on. It tries again until that is done or the context
// ends.
func (p *Publisher) Open(ctx context.Context) (cursor string, err error) {
	err = p.untilDone(ctx, func(ctx context.Context) error {
		if err := events.EnsureStream(ctx, p.js, p.config.Stream); err != nil {
			return err
		}
		if err := p.positions.open(ctx); err != nil {
			return err
		}
		cursor, err = p.positions.load(ctx)
		return err
	})
	return cursor, err
}

// Deliver hands a batch over. It waits while too much is not published yet, so
// that whoever reads the fleet waits, too.
func (p *Publisher) Deliver(ctx context.Context, batch follow.Batch) error {
	select {
	case p.queue <- batch:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Run publishes what is delivered until the context ends, and then returns its
// error. Open must have been called.
func (p *Publisher) Run(ctx context.Context) error {
	for {
		var batch follow.Batch
		select {
		case batch = <-p.queue:
		case <-ctx.Done():
			return ctx.Err()
		}
		cursor, together := p.gather(batch)
		if err := p.events.Publish(ctx, together); err != nil {
			return fmt.Errorf("publish events: %w", err)
		}
		if cursor == "" {
			continue
		}
		if err := p.keep(ctx, cursor); err != nil {
			return err
		}
	}
}

// gather adds to a batch those that wait behind it, up to a bound. The cursor is
// the last that they name.
func (p *Publisher) gather(batch follow.Batch) (cursor string, together []*healthv1.InstanceEvent) {
	cursor, together = batch.Cursor, batch.Events
	for len(together) < maxTogether {
		select {
		case batch = <-p.queue:
		default:
			return cursor, together
		}
		together = append(together, batch.Events...)
		cursor = batch.Cursor // empty: what belongs to it is not complete yet
	}
	return cursor, together
}

// keep keeps a place, for sure: a bucket that is gone is made again.
func (p *Publisher) keep(ctx context.Context, cursor string) error {
	opened := true
	return p.untilDone(ctx, func(ctx context.Context) error {
		if !opened {
			if err := p.positions.open(ctx); err != nil {
				return err
			}
		}
		opened = false
		return p.positions.save(ctx, cursor)
	})
}

// untilDone tries until it works or the context ends, with growing delay. The
// delay is on the wall clock, whatever the speed of the cloud's: what it waits
// for is a real server.
func (p *Publisher) untilDone(ctx context.Context, try func(context.Context) error) error {
	wall := clock.NewWall()
	for delay := minDelay; ; delay = min(2*delay, maxDelay) {
		err := bounded(ctx, try)
		switch {
		case err == nil:
			return nil
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
