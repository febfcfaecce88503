package events

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"
)

// A burst publishes many events on one acknowledgement, by the fast batches of
// JetStream. The server stores them in their order and stops at the first that
// is missing or refused, so that no event is put before one that has to be
// tried again. Servers before 2.14 know none: then, and whenever something goes
// wrong, each event is published and acknowledged by itself.
type burst struct {
	conn    *nats.Conn
	prefix  string // of the subjects of replies
	sub     *nats.Subscription
	replies chan *nats.Msg
}

const (
	// minBurst is from how many events on a burst is worth it.
	minBurst = 16
	// burstReplies bounds the replies that wait to be read: a busy server may
	// answer each event of a burst before its end is published.
	burstReplies = maxBurst + 64
	// burstFlow is how many events the server may take before it tells how far
	// it is. It is told how many there are by the end of the burst.
	burstFlow = 500
	// maxBurst bounds the events of a burst.
	maxBurst = 4000
)

// Operations of a fast batch, as they stand in the subject of the reply.
const (
	opStart  = "0"
	opAppend = "1"
	opEnd    = "3" // not an event itself
)

func newBurst(conn *nats.Conn) *burst {
	return &burst{conn: conn, prefix: conn.NewInbox() + "."}
}

// open subscribes to replies.
func (b *burst) open() (err error) {
	if b.sub != nil && b.sub.IsValid() {
		return nil
	}
	b.replies = make(chan *nats.Msg, burstReplies)
	if b.sub, err = b.conn.ChanSubscribe(b.prefix+">", b.replies); err != nil {
		return fmt.Errorf("ask for acknowledgements: %w", err)
	}
	return nil
}

// close frees the subscription.
func (b *burst) close() {
	if b.sub != nil {
		_ = b.sub.Unsubscribe() // fails only when the connection is gone
	}
}

// publish returns nil once all items are in the stream. After an error any part
// of them, from the first on, may be.
func (b *burst) publish(ctx context.Context, items []item) error {
	if err := b.open(); err != nil {
		return err
	}
	id := rand.Text()
	reply := b.prefix + id + "." + strconv.Itoa(burstFlow) + ".fail."
	op := opStart
	for i, item := range items {
		msg := *item.msg // the item may be published again without a reply
		msg.Reply = reply + strconv.Itoa(i+1) + "." + op + ".$FI"
		if err := b.conn.PublishMsg(&msg); err != nil {
			return fmt.Errorf("publish burst: %w", err)
		}
		op = opAppend
	}
	end := &nats.Msg{Subject: items[len(items)-1].msg.Subject, Reply: reply + strconv.Itoa(len(items)+1) + "." + opEnd + ".$FI"}
	if err := b.conn.PublishMsg(end); err != nil {
		return fmt.Errorf("publish burst: %w", err)
	}
	return b.await(ctx, id, len(items))
}

// await waits for the acknowledgement of a burst.
func (b *burst) await(ctx context.Context, id string, count int) error {
	ctx, cancel := context.WithTimeout(ctx, ackTimeout)
	defer cancel()
	for {
		var msg *nats.Msg
		select {
		case msg = <-b.replies:
		case <-ctx.Done():
			return fmt.Errorf("publish burst: %w", ctx.Err())
		}
		if len(msg.Data) == 0 {
			return fmt.Errorf("publish burst: %w", nats.ErrNoResponders)
		}
		var answer struct {
			Type  string          `json:"type"` // "ack" on the way
			Batch string          `json:"batch"`
			Count int             `json:"count"`
			Error json.RawMessage `json:"error"`
		}
		if err := json.Unmarshal(msg.Data, &answer); err != nil {
			return fmt.Errorf("publish burst: %w", err)
		}
		switch {
		case answer.Type == "ack" || answer.Batch != "" && answer.Batch != id:
			continue // how far it is, or of a burst before
		case answer.Batch == id && answer.Count == count:
			return nil
		case answer.Error != nil:
			return fmt.Errorf("publish burst: %s", answer.Error)
		default:
			return errors.New("publish burst: it was not stored as a whole")
		}
	}
}
