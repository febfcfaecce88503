package records

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/proto"

	"github.com/seed-198b1370/muster/pkg/clock"
	"github.com/seed-198b1370/muster/pkg/events"
	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/healthcheck/storage/v1"
)

const (
	// Bucket is the name of the bucket.
	Bucket = "MUSTER_HEALTH"

	kindVerdict = "verdict"
	kindUser    = "user"
	kindIllness = "illness"
	kindPolicy  = "policy"

	// Bounds of the bucket. A verdict takes some 300 bytes.
	maxFileBytes   = 1 << 30
	maxMemoryBytes = 64 << 20

	// markerAge is for how long the bucket knows that an entry is gone, so that
	// a replica that was away for less hears of it.
	markerAge = time.Hour
	// callTimeout bounds one call of JetStream.
	callTimeout = 5 * time.Second
	minDelay    = 50 * time.Millisecond
	maxDelay    = 5 * time.Second
)

// ErrConflict is a write over an entry that another replica has changed.
var ErrConflict = errors.New("another replica has changed the entry")

// Config tells how the bucket is kept.
type Config struct {
	// Replicas is how many servers of a NATS cluster hold it; 0 means 1.
	Replicas int
	// MemoryStorage keeps it in memory: it ends with the NATS server.
	MemoryStorage bool
	// Log takes what operators should know.
	Log *slog.Logger
}

// A Store is the bucket and its mirror. All methods are safe for use by several
// goroutines; Run is called once.
type Store struct {
	*mirror
	js     jetstream.JetStream
	config Config
	ready  chan struct{}

	mu sync.Mutex
	kv jetstream.KeyValue // nil until it was opened; guarded by mu

	// made is when the bucket was made that the mirror has shown, used by Run.
	made time.Time
}

// New makes a store. It does not reach for JetStream yet.
func New(js jetstream.JetStream, config Config) *Store {
	return &Store{mirror: newMirror(), js: js, config: config, ready: make(chan struct{})}
}

// Ready is closed once the mirror has shown the whole bucket.
func (s *Store) Ready() <-chan struct{} { return s.ready }

// open makes the bucket if it does not exist.
func (s *Store) open(ctx context.Context) (jetstream.KeyValue, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	config := jetstream.KeyValueConfig{
		Bucket: Bucket, Description: "Verdicts on instances, what users said of them, and the policies of groups.",
		History: 1, MaxBytes: maxFileBytes, Replicas: s.config.Replicas, Storage: jetstream.FileStorage, LimitMarkerTTL: markerAge,
	}
	if s.config.MemoryStorage {
		config.Storage, config.MaxBytes = jetstream.MemoryStorage, maxMemoryBytes
	}
	kv, err := events.EnsureBucket(ctx, s.js, config)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kv = kv
	return kv, nil
}

// Run keeps the mirror like the bucket until the context ends, and tells each
// change. A bucket that is gone is made again, and what users have set is put
// back as far as this replica knows it; what was judged is for those who judge.
func (s *Store) Run(ctx context.Context, tell func(Change)) error {
	wall, delay := clock.NewWall(), minDelay
	for {
		begun, err := s.follow(ctx, tell)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if begun {
			delay = minDelay
		}
		s.config.Log.WarnContext(ctx, "verdicts can not be read from JetStream now", "again_in", delay, "error", err)
		if err := clock.SleepUntil(ctx, wall, wall.Now().Add(delay)); err != nil {
			return err
		}
		delay = min(2*delay, maxDelay)
	}
}

// errEnded is a watch that has ended.
var errEnded = errors.New("the watch of the bucket has ended")

// A showing is one pass through the bucket from its beginning on.
type showing struct {
	kv    jetstream.KeyValue
	made  time.Time       // when the bucket was made
	stale map[string]bool // what the mirror holds and the bucket has not shown yet
	begun bool            // all that was there at first has been shown
}

// follow mirrors the bucket from its beginning on until that breaks.
func (s *Store) follow(ctx context.Context, tell func(Change)) (begun bool, err error) {
	kv, err := s.open(ctx)
	if err != nil {
		return false, err
	}
	made, err := s.madeAt(ctx)
	if err != nil {
		return false, err
	}
	watch, err := kv.WatchAll(ctx)
	if err != nil {
		return false, fmt.Errorf("watch bucket %s: %w", Bucket, err)
	}
	defer func() { _ = watch.Stop() }()
	now := &showing{kv: kv, made: made, stale: map[string]bool{}}
	for _, key := range s.keys() {
		now.stale[key] = true
	}
	for wall := clock.NewWall(); err == nil; {
		check := wall.NewTimer(wall.Now().Add(maxDelay))
		select {
		case entry, open := <-watch.Updates():
			err = errEnded
			if open {
				err = s.show(ctx, now, entry, tell)
			}
		case <-check.C: // quiet: is it still the same?
			err = s.isStill(ctx, made)
		case <-ctx.Done():
			err = ctx.Err()
		}
		check.Stop()
	}
	return now.begun, err
}

// show mirrors an entry; nil when all that was there at first has been shown.
func (s *Store) show(ctx context.Context, now *showing, entry jetstream.KeyValueEntry, tell func(Change)) error {
	if entry == nil {
		return s.shown(ctx, now, tell)
	}
	delete(now.stale, entry.Key())
	value := entry.Value()
	if entry.Operation() != jetstream.KeyValuePut {
		value = nil
	} else if value == nil {
		value = []byte{}
	}
	s.take(ctx, entry.Key(), value, entry.Revision(), tell)
	return nil
}

// shown drops from the mirror what the bucket has not shown, once it has been put
// back if the bucket was lost.
func (s *Store) shown(ctx context.Context, now *showing, tell func(Change)) error {
	if !s.made.IsZero() && !now.made.Equal(s.made) {
		if err := s.putBack(ctx, now.kv, now.stale); err != nil {
			return err
		}
	}
	s.made = now.made
	for key := range now.stale {
		s.take(ctx, key, nil, 0, tell)
	}
	if !now.begun {
		s.markReady()
	}
	now.begun, now.stale = true, nil
	return nil
}

// isStill fails when the bucket is gone or another one than it was.
func (s *Store) isStill(ctx context.Context, made time.Time) error {
	now, err := s.madeAt(ctx)
	switch {
	case errors.Is(err, jetstream.ErrBucketNotFound):
		return err
	case err == nil && !now.Equal(made):
		return errEnded
	default:
		return nil // it may only not be reachable now
	}
}

// madeAt is when the bucket was made: one that was lost and made again is
// another.
func (s *Store) madeAt(ctx context.Context) (time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	kv, err := s.js.KeyValue(ctx, Bucket)
	if err != nil {
		return time.Time{}, fmt.Errorf("look at bucket %s: %w", Bucket, err)
	}
	status, err := kv.Status(ctx)
	if err != nil {
		return time.Time{}, fmt.Errorf("look at bucket %s: %w", Bucket, err)
	}
	found, ok := status.(*jetstream.KeyValueBucketStatus)
	if !ok {
		return time.Time{}, fmt.Errorf("bucket %s does not tell when it was made", Bucket)
	}
	return found.StreamInfo().Created, nil
}

// putBack puts what users have set into a bucket that was lost and made again,
// unless it is there: another replica, or the user, was faster. It takes what it
// has put back from those keys.
func (s *Store) putBack(ctx context.Context, kv jetstream.KeyValue, keys map[string]bool) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	count := 0
	for key := range keys {
		message := s.setByUsers(key)
		if message == nil {
			continue
		}
		value, err := proto.Marshal(message)
		if err != nil {
			return fmt.Errorf("encode %s: %w", key, err)
		}
		if _, err := kv.Create(ctx, key, value); err != nil && !errors.Is(err, jetstream.ErrKeyExists) {
			return fmt.Errorf("put %s back: %w", key, err)
		}
		delete(keys, key) // the watch shows it
		count++
	}
	s.config.Log.WarnContext(ctx, "the bucket was lost; what users have set is put back", "bucket", Bucket, "entries", count)
	return nil
}

func (s *Store) markReady() {
	select {
	case <-s.ready:
	default:
		close(s.ready)
	}
}

// take mirrors an entry.
func (s *Store) take(ctx context.Context, key string, value []byte, revision uint64, tell func(Change)) {
	change, err := s.apply(key, value, revision)
	if err != nil {
		s.config.Log.ErrorContext(ctx, "an entry of the bucket can not be read and is passed over", "key", key, "error", err)
	}
	if change != (Change{}) {
		tell(change)
	}
}

// bucket is the bucket, opened if it is not.
func (s *Store) bucket(ctx context.Context) (jetstream.KeyValue, error) {
	s.mu.Lock()
	kv := s.kv
	s.mu.Unlock()
	if kv != nil {
		return kv, nil
	}
	return s.open(ctx)
}

// call calls the bucket, for a bounded time. A bucket that is gone is made again
// for the next call.
func (s *Store) call(ctx context.Context, what string, do func(context.Context, jetstream.KeyValue) error) error {
	kv, err := s.bucket(ctx)
	if err != nil {
		return err
	}
	bounded, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	err = do(bounded, kv)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, jetstream.ErrKeyExists), isWrongRevision(err):
		return ErrConflict
	case errors.Is(err, jetstream.ErrNoStreamResponse):
		s.mu.Lock()
		s.kv = nil
		s.mu.Unlock()
	}
	return fmt.Errorf("%s: %w", what, err)
}

func isWrongRevision(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence
}

// PutVerdict stores a verdict over the entry of a revision, 0 for none, and
// tells the new revision. It fails with [ErrConflict] when the entry is another.
func (s *Store) PutVerdict(ctx context.Context, stored *storagev1.StoredVerdict, over uint64) (revision uint64, err error) {
	key := kindVerdict + "." + stored.GetVerdict().GetInstanceId()
	value, err := proto.Marshal(stored)
	if err != nil {
		return 0, fmt.Errorf("encode verdict: %w", err)
	}
	err = s.call(ctx, "store verdict", func(ctx context.Context, kv jetstream.KeyValue) error {
		if over == 0 {
			revision, err = kv.Create(ctx, key, value)
		} else {
			revision, err = kv.Update(ctx, key, value, over)
		}
		return err
	})
	return revision, err
}

// AwaitShown waits until the mirror shows an instance's verdict of a revision, or
// a later one, or the context ends.
func (s *Store) AwaitShown(ctx context.Context, instanceID string, revision uint64) {
	for {
		changed := s.Changed()
		if s.Verdict(instanceID).Revision >= revision {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// Latest reads the verdict on an instance from the bucket itself; its message is
// nil for none.
func (s *Store) Latest(ctx context.Context, instanceID string) (found Verdict, err error) {
	err = s.call(ctx, "read verdict", func(ctx context.Context, kv jetstream.KeyValue) error {
		entry, err := kv.Get(ctx, kindVerdict+"."+instanceID)
		if errors.Is(err, jetstream.ErrKeyNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		found = Verdict{&storagev1.StoredVerdict{}, entry.Revision()}
		return proto.Unmarshal(entry.Value(), found.StoredVerdict)
	})
	return found, err
}

// Forget removes all that is stored of an instance.
func (s *Store) Forget(ctx context.Context, instanceID string) error {
	for _, kind := range []string{kindVerdict, kindUser, kindIllness} {
		if err := s.remove(ctx, kind+"."+instanceID); err != nil {
			return err
		}
	}
	return nil
}

// PutIllness stores since when an instance is ill.
func (s *Store) PutIllness(ctx context.Context, instanceID string, illness *storagev1.StoredIllness) error {
	_, err := s.put(ctx, kindIllness+"."+instanceID, illness)
	return err
}

// PutUser stores what a user says of an instance, and tells its revision.
func (s *Store) PutUser(ctx context.Context, instanceID string, user *storagev1.StoredUserHealth) (uint64, error) {
	return s.put(ctx, kindUser+"."+instanceID, user)
}

// PutPolicy stores the policy of a group.
func (s *Store) PutPolicy(ctx context.Context, group Group, policy *healthv1.HealthPolicy) error {
	_, err := s.put(ctx, policyKey(group), policy)
	return err
}

// RemovePolicy makes the default the policy of a group.
func (s *Store) RemovePolicy(ctx context.Context, group Group) error {
	return s.remove(ctx, policyKey(group))
}

func policyKey(group Group) string {
	return kindPolicy + "." + events.AccountToken(group.AccountID) + "." + group.GroupID
}

// groupOfKey is the group in the rest of a policy's key.
func groupOfKey(rest string) Group {
	account, group, _ := strings.Cut(rest, ".")
	return Group{events.AccountOfToken(account), group}
}

func (s *Store) put(ctx context.Context, key string, message proto.Message) (revision uint64, err error) {
	value, err := proto.Marshal(message)
	if err != nil {
		return 0, fmt.Errorf("encode %s: %w", key, err)
	}
	err = s.call(ctx, "store "+key, func(ctx context.Context, kv jetstream.KeyValue) error {
		revision, err = kv.Put(ctx, key, value)
		return err
	})
	return revision, err
}

func (s *Store) remove(ctx context.Context, key string) error {
	return s.call(ctx, "remove "+key, func(ctx context.Context, kv jetstream.KeyValue) error {
		err := kv.Purge(ctx, key, jetstream.PurgeTTL(markerAge))
		if errors.Is(err, jetstream.ErrKeyNotFound) {
			return nil
		}
		return err
	})
}
