package webhook

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed-198b1370/muster/pkg/clock"
	"github.com/seed-198b1370/muster/pkg/events"
)

const (
	// bucket is the JetStream key-value bucket of webhooks.
	bucket         = "MUSTER_WEBHOOKS"
	maxBucketBytes = 16 << 20
	// callTimeout bounds one question to JetStream.
	callTimeout = 5 * time.Second
	// maxConflicts is how often a change is tried again that another was ahead
	// of.
	maxConflicts = 8
)

// Errors of the calls.
var (
	// ErrNotFound is returned for a webhook that is not there.
	ErrNotFound = errors.New("webhook is not there")
	// ErrTooMany is returned when an account has [MaxWebhooks].
	ErrTooMany = errors.New("too many webhooks")
	// ErrNoSecret is returned for a new webhook without a key to sign with.
	ErrNoSecret = errors.New("a new webhook needs a secret")
)

// Config tells how webhooks are kept.
type Config struct {
	// Stream is how the streams are kept that events come from.
	Stream events.StreamConfig
	// Private tells that webhooks may go to private addresses, those of the
	// machine included.
	Private bool
	// Key seals the secrets of webhooks, [KeyBytes] long; none leaves them in the
	// clear.
	Key []byte
	// Clock is the wall clock.
	Clock clock.Clock
	// Log takes what operators should know.
	Log *slog.Logger
}

// Webhooks are all webhooks. They are safe for use by several goroutines.
type Webhooks struct {
	config  Config
	js      jetstream.JetStream
	client  *http.Client
	sealer  *sealer
	changed chan struct{} // has a value after a change made here
}

// New makes the webhooks over a JetStream. It reaches for nothing yet.
func New(js jetstream.JetStream, config Config) (*Webhooks, error) {
	sealer, err := newSealer(config.Key)
	if err != nil {
		return nil, err
	}
	return &Webhooks{config: config, js: js, client: newClient(config.Private), sealer: sealer, changed: make(chan struct{}, 1)}, nil
}

// CheckURL refuses what nothing can be, or may be, sent to.
func (w *Webhooks) CheckURL(text string) error { return checkURL(text, w.config.Private) }

// State is a webhook and how it fares.
type State struct {
	Hook
	// Pending events wait to be taken.
	Pending int64
	// Dead letters are kept.
	Dead int64
}

// store opens the bucket, and makes it if it does not exist.
func (w *Webhooks) store(ctx context.Context) (jetstream.KeyValue, error) {
	store, err := w.js.KeyValue(ctx, bucket)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		config := jetstream.KeyValueConfig{
			Bucket: bucket, Description: "Where events are sent over HTTP.", History: 1, MaxBytes: maxBucketBytes,
			Replicas: w.config.Stream.Replicas, Storage: w.storage(),
		}
		return events.EnsureBucket(ctx, w.js, config)
	}
	if err != nil {
		return nil, fmt.Errorf("open bucket %s: %w", bucket, err)
	}
	return store, nil
}

func (w *Webhooks) storage() jetstream.StorageType {
	if w.config.Stream.MemoryStorage {
		return jetstream.MemoryStorage
	}
	return jetstream.FileStorage
}

// Set creates a webhook, or changes the one of its id; without a secret it keeps
// the one it has. It is sent what happens from now on.
func (w *Webhooks) Set(ctx context.Context, hook Hook) (State, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	store, err := w.store(ctx)
	if err != nil {
		return State{}, err
	}
	if len(hook.Types) == 0 {
		hook.Types = DefaultTypes()
	}
	if hook.Attempts == 0 {
		hook.Attempts = DefaultAttempts
	}
	for range maxConflicts {
		saved, err := w.save(ctx, store, hook)
		if errors.Is(err, jetstream.ErrKeyExists) || isConflict(err) {
			continue
		}
		if err != nil {
			return State{}, err
		}
		if err := w.subscribe(ctx, &saved); err != nil {
			return State{}, err
		}
		w.wake()
		return w.state(ctx, saved)
	}
	return State{}, errors.New("keep webhook: others changed it each time")
}

func isConflict(err error) bool {
	var refused *jetstream.APIError
	return errors.As(err, &refused) && refused.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence
}

// save writes a webhook beside or over what there is.
func (w *Webhooks) save(ctx context.Context, store jetstream.KeyValue, hook Hook) (Hook, error) {
	before, revision, err := w.load(ctx, store, hook.key())
	switch {
	case errors.Is(err, ErrNotFound):
		if len(hook.Secret) == 0 {
			return hook, ErrNoSecret
		}
		hook.Created = w.config.Clock.Now()
		all, err := w.list(ctx, store, hook.Account)
		if err != nil {
			return hook, err
		}
		if len(all) >= MaxWebhooks {
			return hook, ErrTooMany
		}
	case err != nil:
		return hook, err
	default:
		hook.Created = before.Created
		if len(hook.Secret) == 0 {
			hook.Secret = before.Secret
		}
		if len(hook.Secret) == 0 { // it can not be opened
			return hook, ErrNoSecret
		}
	}
	data, err := w.sealer.write(hook)
	if err != nil {
		return hook, fmt.Errorf("keep webhook: %w", err)
	}
	if revision == 0 {
		_, err = store.Create(ctx, hook.key(), data)
	} else {
		_, err = store.Update(ctx, hook.key(), data, revision)
	}
	return hook, err
}

// load reads a webhook and its revision.
func (w *Webhooks) load(ctx context.Context, store jetstream.KeyValue, key string) (Hook, uint64, error) {
	entry, err := store.Get(ctx, key)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return Hook{}, 0, ErrNotFound
	}
	if err != nil {
		return Hook{}, 0, fmt.Errorf("read webhook: %w", err)
	}
	hook, open, err := w.sealer.read(entry.Value())
	if err != nil {
		return Hook{}, 0, fmt.Errorf("read webhook %s: %w", key, err)
	}
	if open {
		w.seal(ctx, store, hook, entry.Revision())
	}
	return hook, entry.Revision(), nil
}

// seal seals the secret of a webhook that was stored before there was a key. If
// that fails the next who reads it tries again.
func (w *Webhooks) seal(ctx context.Context, store jetstream.KeyValue, hook Hook, revision uint64) {
	data, err := w.sealer.write(hook)
	if err == nil {
		_, err = store.Update(ctx, hook.key(), data, revision)
	}
	if err != nil && !isConflict(err) {
		w.config.Log.WarnContext(ctx, "secret of webhook can not be sealed now", "webhook", hook.key(), "error", err)
	}
}

// list reads all webhooks of an account, or of all for none, by key.
func (w *Webhooks) list(ctx context.Context, store jetstream.KeyValue, account string) ([]Hook, error) {
	keys, err := store.Keys(ctx)
	if errors.Is(err, jetstream.ErrNoKeysFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list webhooks: %w", err)
	}
	slices.Sort(keys)
	var all []Hook
	for _, key := range keys {
		if account != "" && !strings.HasPrefix(key, keyOf(account, "")) {
			continue
		}
		hook, _, err := w.load(ctx, store, key)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		all = append(all, hook)
	}
	return all, nil
}

// List tells the webhooks of an account, by id.
func (w *Webhooks) List(ctx context.Context, account string) ([]State, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	store, err := w.store(ctx)
	if err != nil {
		return nil, err
	}
	hooks, err := w.list(ctx, store, account)
	if err != nil {
		return nil, err
	}
	all := make([]State, len(hooks))
	for i, hook := range hooks {
		if all[i], err = w.state(ctx, hook); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// Delete deletes a webhook with its dead letters; one that is not there is no
// error.
func (w *Webhooks) Delete(ctx context.Context, account, id string) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	store, err := w.store(ctx)
	if err != nil {
		return err
	}
	hook, _, err := w.load(ctx, store, keyOf(account, id))
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	// The bucket last: a deletion that fails half way can be repeated.
	if err := w.unsubscribe(ctx, &hook); err != nil {
		return err
	}
	if err := w.forgetDead(ctx, &hook); err != nil {
		return err
	}
	if err := store.Purge(ctx, hook.key()); err != nil {
		return fmt.Errorf("delete webhook: %w", err)
	}
	w.wake()
	return nil
}

func (w *Webhooks) wake() {
	select {
	case w.changed <- struct{}{}:
	default: // it is known already
	}
}

// state adds to a webhook how it fares.
func (w *Webhooks) state(ctx context.Context, hook Hook) (State, error) {
	state := State{Hook: hook}
	for _, stream := range []string{events.StreamName, events.GroupStreamName} {
		consumer, err := w.js.Consumer(ctx, stream, hook.durable())
		if errors.Is(err, jetstream.ErrConsumerNotFound) || errors.Is(err, jetstream.ErrStreamNotFound) {
			continue
		}
		if err != nil {
			return state, fmt.Errorf("look at webhook: %w", err)
		}
		info := consumer.CachedInfo()
		state.Pending += int64(info.NumPending) + int64(info.NumAckPending)
	}
	var err error
	state.Dead, err = w.countDead(ctx, &hook)
	return state, err
}
