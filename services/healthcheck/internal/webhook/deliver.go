package webhook

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"github.com/seed-198b1370/muster/pkg/clock"
	"github.com/seed-198b1370/muster/pkg/events"
)

const (
	// maxInFlight bounds what is being sent to one webhook by one replica, of
	// one stream.
	maxInFlight = 8
	// ackWait is after how long an event is sent again whose replica was killed:
	// longer than what was asked for ahead can take.
	ackWait = 4 * sendTimeout
	// maxWaiting bounds the events of a webhook that are sent or wait to be sent
	// again; those behind them wait.
	maxWaiting = 1000
	// lookEvery is how often webhooks are looked at that other replicas have
	// changed.
	lookEvery = time.Second
	// retryAfter is how long a webhook pauses whose events can not be read.
	retryAfter = time.Second
)

// subscribe makes the consumers of a webhook, or brings them to what it is now.
func (w *Webhooks) subscribe(ctx context.Context, hook *Hook) error {
	return errors.Join(subscribe(ctx, w, hook, events.Instances()), subscribe(ctx, w, hook, events.Groups()))
}

func subscribe[E events.Event](ctx context.Context, w *Webhooks, hook *Hook, schema events.Schema[E]) error {
	config := jetstream.ConsumerConfig{
		Durable: hook.durable(), Description: "Webhook " + hook.key(), FilterSubjects: subjects(hook, schema),
		DeliverPolicy: jetstream.DeliverNewPolicy, AckPolicy: jetstream.AckExplicitPolicy, AckWait: ackWait, MaxAckPending: maxWaiting,
	}
	if len(config.FilterSubjects) == 0 {
		return w.drop(ctx, schema.Stream(), hook)
	}
	_, err := w.js.CreateOrUpdateConsumer(ctx, schema.Stream(), config)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		// Whoever publishes brings it to its own configuration.
		if err = schema.EnsureStream(ctx, w.js, w.config.Stream); err == nil {
			_, err = w.js.CreateOrUpdateConsumer(ctx, schema.Stream(), config)
		}
	}
	if err != nil {
		return fmt.Errorf("make consumer of webhook: %w", err)
	}
	return nil
}

// unsubscribe deletes the consumers of a webhook.
func (w *Webhooks) unsubscribe(ctx context.Context, hook *Hook) error {
	return errors.Join(w.drop(ctx, events.StreamName, hook), w.drop(ctx, events.GroupStreamName, hook))
}

func (w *Webhooks) drop(ctx context.Context, stream string, hook *Hook) error {
	err := w.js.DeleteConsumer(ctx, stream, hook.durable())
	if err != nil && !errors.Is(err, jetstream.ErrConsumerNotFound) && !errors.Is(err, jetstream.ErrStreamNotFound) {
		return fmt.Errorf("delete consumer of webhook: %w", err)
	}
	return nil
}

// Run sends events until the context ends, and then returns its error. Every
// replica may run it.
func (w *Webhooks) Run(ctx context.Context) error {
	defer w.client.CloseIdleConnections()
	running := map[string]*running{}
	defer func() {
		for _, one := range running {
			one.stop()
		}
	}()
	failing, seen := false, uint64(0)
	for {
		hooks, revision, err := w.look(ctx, seen)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && !failing:
			w.config.Log.WarnContext(ctx, "webhooks can not be read now", "error", err)
		case err == nil && revision != seen:
			seen = revision
			w.follow(ctx, running, hooks)
		}
		failing = err != nil
		if err := w.pause(ctx); err != nil {
			return err
		}
	}
}

// look reads all webhooks if any has changed since a revision of the bucket.
func (w *Webhooks) look(ctx context.Context, seen uint64) (hooks []Hook, revision uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	store, err := w.store(ctx)
	if err != nil {
		return nil, 0, err
	}
	status, err := store.Status(ctx)
	if err != nil {
		return nil, 0, fmt.Errorf("look at bucket %s: %w", bucket, err)
	}
	if kept, ok := status.(*jetstream.KeyValueBucketStatus); ok {
		revision = kept.StreamInfo().State.LastSeq + 1 // 0 is never seen
	}
	if revision == seen {
		return nil, seen, nil
	}
	hooks, err = w.list(ctx, store, "")
	return hooks, revision, err
}

// pause waits for a change made here, or for a while in case of one made
// elsewhere.
func (w *Webhooks) pause(ctx context.Context) error {
	timer := w.config.Clock.NewTimer(w.config.Clock.Now().Add(lookEvery))
	defer timer.Stop()
	select {
	case <-w.changed:
	case <-timer.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// running is a webhook that events are sent to.
type running struct {
	hook Hook
	stop func()
}

// follow starts and stops senders so that they are those of the webhooks.
func (w *Webhooks) follow(ctx context.Context, now map[string]*running, hooks []Hook) {
	want := map[string]Hook{}
	for _, hook := range hooks {
		if len(hook.Secret) == 0 {
			w.config.Log.ErrorContext(ctx, "webhook is sent nothing: its secret was sealed with another key; set it again with a secret", "webhook", hook.key())
			continue
		}
		want[hook.key()] = hook
	}
	for key, one := range now {
		if hook, still := want[key]; still && same(one.hook, hook) {
			delete(want, key)
			continue
		}
		one.stop()
		delete(now, key)
	}
	for key, hook := range want {
		now[key] = w.start(ctx, hook)
	}
}

// same tells whether a webhook sends as before.
func same(a, b Hook) bool {
	return a.URL == b.URL && a.Attempts == b.Attempts && string(a.Secret) == string(b.Secret) && a.durable() == b.durable() &&
		fmt.Sprint(a.Types, a.Group) == fmt.Sprint(b.Types, b.Group)
}

func (w *Webhooks) start(ctx context.Context, hook Hook) *running {
	ctx, cancel := context.WithCancel(ctx)
	var both sync.WaitGroup
	both.Go(func() { serve(ctx, w, &hook, events.Instances()) })
	both.Go(func() { serve(ctx, w, &hook, events.Groups()) })
	return &running{hook: hook, stop: func() { cancel(); both.Wait() }}
}

// serve sends the events of a schema to a webhook until the context ends.
func serve[E events.Event](ctx context.Context, w *Webhooks, hook *Hook, schema events.Schema[E]) {
	if len(subjects(hook, schema)) == 0 {
		return
	}
	for warned := false; ; {
		err := session(ctx, w, hook, schema)
		if ctx.Err() != nil {
			return
		}
		if !warned {
			w.config.Log.WarnContext(ctx, "events of webhook can not be read now", "webhook", hook.key(), "error", err)
		}
		warned = true
		if clock.SleepUntil(ctx, w.config.Clock, w.config.Clock.Now().Add(retryAfter)) != nil {
			return
		}
	}
}

// session sends until the context ends or reading fails.
func session[E events.Event](ctx context.Context, w *Webhooks, hook *Hook, schema events.Schema[E]) error {
	if err := subscribe(ctx, w, hook, schema); err != nil { // the streams may have been made anew
		return err
	}
	consumer, err := w.js.Consumer(ctx, schema.Stream(), hook.durable())
	if err != nil {
		return fmt.Errorf("look at consumer: %w", err)
	}
	reader, err := events.NewReader(w.js, consumer, maxInFlight)
	if err != nil {
		return err
	}
	defer reader.GiveBack()
	var sending errgroup.Group
	defer func() { _ = sending.Wait() }() // nothing sent returns an error
	sending.SetLimit(maxInFlight)
	for {
		msg, err := reader.Next(ctx)
		if err != nil {
			return err
		}
		sending.Go(func() error {
			deliver(ctx, w, hook, schema, msg)
			return nil
		})
	}
}

// deliver makes one attempt at an event and tells the server what came of it. A
// reply that is lost means that the event comes again.
func deliver[E events.Event](ctx context.Context, w *Webhooks, hook *Hook, schema events.Schema[E], msg jetstream.Msg) {
	reply := func(err error) {
		if err != nil {
			w.config.Log.DebugContext(ctx, "event of webhook comes again", "webhook", hook.key(), "error", err)
		}
	}
	received, err := schema.DecodeStored(msg)
	if err != nil { // groupsvc's consumer sets it aside, or it is of a later version
		reply(msg.TermWithReason("not an event"))
		return
	}
	letter := Letter{EventID: received.Event.GetEventId(), Attempts: attemptsOf(msg)}
	if letter.Body, err = schema.CloudEvent(received.Event); err != nil {
		reply(msg.TermWithReason("not an event"))
		return
	}
	letter.Type = typeOf(letter.Body)
	err = send(ctx, w.client, hook, letter.EventID, letter.Body, w.config.Clock.Now())
	switch {
	case err == nil:
		reply(msg.Ack())
		return
	case ctx.Err() != nil: // being stopped says nothing about the endpoint
		reply(msg.Nak())
		return
	case letter.Attempts < hook.Attempts:
		reply(msg.NakWithDelay(delayAfter(letter.Attempts, letter.EventID)))
		return
	}
	letter.Error = err.Error()
	if err := w.bury(ctx, hook, letter); err != nil {
		w.config.Log.WarnContext(ctx, "dead letter can not be kept now", "webhook", hook.key(), "event", letter.EventID, "error", err)
		reply(msg.NakWithDelay(maxDelay / 15))
		return
	}
	w.config.Log.WarnContext(ctx, "event is given up and is a dead letter", "webhook", hook.key(), "event", letter.EventID,
		"attempts", letter.Attempts, "reason", letter.Error)
	reply(msg.Ack())
}

// attemptsOf tells which attempt this is, 1 and up.
func attemptsOf(msg jetstream.Msg) int {
	meta, err := msg.Metadata()
	if err != nil {
		return 1
	}
	return int(min(meta.NumDelivered, 1<<20))
}
