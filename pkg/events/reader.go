package events

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// heartbeat is how often the server tells that it is there while it has no
	// events; after two that are missing, reading fails.
	heartbeat = time.Second
	// lookInterval is how often a reader that gets nothing looks whether there
	// is a connection at all. Longer than two heartbeats, which it must not cut
	// short.
	lookInterval = 3 * time.Second
	// pullExpiry is for how long one request for events holds.
	pullExpiry = 30 * time.Second
	// drainWait bounds the wait for what is still on its way when a reader is
	// closed.
	drainWait = 100 * time.Millisecond
)

// A Reader reads messages one by one and notices when they can not come.
type Reader struct {
	conn     *nats.Conn
	messages jetstream.MessagesContext
}

// NewReader asks for the messages of a consumer, so many ahead. End it with
// [Reader.Close] or [Reader.GiveBack].
func NewReader(js jetstream.JetStream, consumer jetstream.Consumer, ahead int) (*Reader, error) {
	messages, err := consumer.Messages(
		jetstream.PullMaxMessages(ahead), jetstream.PullExpiry(pullExpiry),
		jetstream.PullHeartbeat(heartbeat), jetstream.WithMessagesErrOnMissingHeartbeat(true),
	)
	if err != nil {
		return nil, fmt.Errorf("ask for events: %w", err)
	}
	return &Reader{conn: js.Conn(), messages: messages}, nil
}

// Next waits for a message until the context ends or messages can not come.
func (r *Reader) Next(ctx context.Context) (jetstream.Msg, error) {
	for {
		msg, err := r.nextWithin(ctx, lookInterval)
		switch {
		case err == nil:
			return msg, nil
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case !errors.Is(err, context.DeadlineExceeded):
			return nil, fmt.Errorf("read event: %w", err)
		case !r.conn.IsConnected(): // the client library would wait for ever
			return nil, fmt.Errorf("read event: %w", nats.ErrDisconnected)
		}
	}
}

func (r *Reader) nextWithin(ctx context.Context, patience time.Duration) (jetstream.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return r.messages.Next(jetstream.NextContext(ctx))
}

// Close ends the request.
func (r *Reader) Close() { r.messages.Stop() }

// GiveBack is Close for a consumer that must acknowledge: messages that came
// and were not read are returned, so that the next consumer gets them at once.
func (r *Reader) GiveBack() {
	r.messages.Drain()
	for {
		msg, err := r.messages.Next(jetstream.NextMaxWait(drainWait))
		if err != nil || msg.Nak() != nil {
			return
		}
	}
}
