package share

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed-198b1370/muster/pkg/clock"
	"github.com/seed-198b1370/muster/pkg/events"
)

const (
	// bucket is the JetStream key-value bucket of the service.
	bucket = "MUSTER_HEALTHCHECK"
	// tableKey holds the table.
	tableKey = "shares"
	// cursorKey held the one cursor of versions that knew no partitions.
	cursorKey = "fleet-cursor"
	// maxBucketBytes bounds the bucket, which holds one short value.
	maxBucketBytes = 1 << 20
)

const (
	// Lease is after how long, in real time, a replica that is not heard of has
	// lost its partitions.
	Lease = 5 * time.Second
	// margin is how much earlier a replica takes its own lease for ended than
	// others do.
	margin = time.Second
	// renewEvery is how often a replica renews its part.
	renewEvery = time.Second
	// keepEvery is how often, at most, a replica keeps its place, and how often
	// it looks while it is short of its share.
	keepEvery = 200 * time.Millisecond
	// callTimeout bounds one question to JetStream.
	callTimeout = 2 * time.Second
	// maxConflicts is how often a change that another replica was ahead of is
	// tried again before the next round.
	maxConflicts = 8
)

// Config tells how a replica takes part.
type Config struct {
	// Name of the replica, which no other running one has. One that is started
	// again under the same name need not wait for its own lease to end.
	Name string
	// Replicas is how many servers of a NATS cluster hold the table; 0 means 1.
	Replicas int
	// MemoryStorage keeps the table in memory.
	MemoryStorage bool
	// Clock is the wall clock.
	Clock clock.Clock
	// Log takes what operators should know.
	Log *slog.Logger
}

// A Shares is one replica's part of the whole. It is safe for use by several
// goroutines.
type Shares struct {
	config      Config
	js          jetstream.JetStream
	incarnation int64
	dirty       chan struct{} // has a value when a place waits to be kept

	// Used by Run, and before and after it by Open and Leave.
	store jetstream.KeyValue // nil until it was opened
	seen  map[string]sighting
	look  time.Time // when the table was last read

	mu sync.Mutex
	// All guarded by mu.
	owned   Set
	until   time.Time // the end of the lease, as far as this replica is concerned
	places  table     // of what is owned
	term    *Term     // nil while nothing is owned
	number  int64     // of the term
	changed chan struct{}
}

// sighting is what was last seen of another replica, and since when.
type sighting struct {
	incarnation, beat int64
	at                time.Time
}

// A Term is a time during which a replica gains no partitions. What it owns
// may become less.
type Term struct {
	// Number tells terms apart.
	Number int64
	// Place where to begin: the oldest of any partition owned.
	Place Place
	// Over is closed when the term is: there is another place to begin at.
	Over <-chan struct{}

	over chan struct{}
}

// New makes a replica's part. It reaches for nothing yet.
func New(js jetstream.JetStream, config Config) *Shares {
	return &Shares{
		config: config, js: js, incarnation: config.Clock.Now().UnixNano(), dirty: make(chan struct{}, 1),
		seen: map[string]sighting{}, changed: make(chan struct{}),
	}
}

// Open makes the bucket if it does not exist. It returns [events.ErrFixed] if it
// exists and can not be brought to the configuration.
func (s *Shares) Open(ctx context.Context) error {
	config := jetstream.KeyValueConfig{
		Bucket: bucket, Description: "Which replica of the health service publishes what, and how far it has come.",
		History: 1, MaxBytes: maxBucketBytes, Replicas: s.config.Replicas, Storage: jetstream.FileStorage,
	}
	if s.config.MemoryStorage {
		config.Storage = jetstream.MemoryStorage
	}
	store, err := events.EnsureBucket(ctx, s.js, config)
	if err != nil {
		return err
	}
	s.store = store
	return nil
}

// Run keeps the replica's part until the context ends, and then returns its
// error. Open must have been called.
func (s *Shares) Run(ctx context.Context) error {
	failing := false
	for {
		err := s.renew(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && !failing:
			s.config.Log.WarnContext(ctx, "share of the events can not be renewed now", "error", err)
		case err == nil && failing:
			s.config.Log.InfoContext(ctx, "share of the events is renewed again")
		}
		failing = err != nil
		if err := s.pause(ctx, err != nil); err != nil {
			return err
		}
	}
}

// pause waits until it is time to renew again: at once, but for a short while,
// when a place is to be kept, a failure to be mended or partitions to be had.
func (s *Shares) pause(ctx context.Context, failed bool) error {
	now := s.config.Clock.Now()
	if err := clock.SleepUntil(ctx, s.config.Clock, now.Add(keepEvery)); err != nil {
		return err
	}
	if failed || s.isShort() {
		return nil
	}
	timer := s.config.Clock.NewTimer(now.Add(renewEvery))
	defer timer.Stop()
	select {
	case <-s.dirty:
	case <-timer.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// isShort tells whether the replica waits for partitions that others give up.
func (s *Shares) isShort() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.owned.len() < Partitions/(len(s.seen)+1)
}

// renew renews the lease and keeps the places.
func (s *Shares) renew(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return s.change(ctx, func(at time.Time, now table) (table, bool) {
		mine, _ := now.find(s.config.Name)
		if mine.Incarnation > s.incarnation {
			s.config.Log.ErrorContext(ctx, "another replica was started under the same name; this one publishes nothing", "name", s.config.Name)
			return table{}, false
		}
		s.watch(at, now)
		return s.withPlaces(now, mine).renewed(s.config.Name, s.incarnation, func(other replica) bool {
			return at.Sub(s.seen[other.Name].at) >= Lease
		}), true
	})
}

// Leave gives everything up, so that others need not wait for the lease to end.
// It is called when Run has returned.
func (s *Shares) Leave(ctx context.Context) {
	if s.store == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	defer cancel()
	err := s.change(ctx, func(_ time.Time, now table) (table, bool) {
		mine, found := now.find(s.config.Name)
		if !found || mine.Incarnation != s.incarnation {
			return table{}, false
		}
		return s.withPlaces(now, mine).without(s.config.Name), true
	})
	if err != nil {
		s.config.Log.WarnContext(ctx, "share of the events could not be given up; others take it when its lease ends", "error", err)
	}
}

// change makes a change to the table, again when others were ahead of it, and
// takes over what it says. The edit is given the time before the table was
// read, and says false for none.
func (s *Shares) change(ctx context.Context, edit func(at time.Time, now table) (table, bool)) error {
	for range maxConflicts {
		at := s.config.Clock.Now()
		now, revision, err := s.load(ctx)
		if err != nil {
			return err
		}
		next, ok := edit(at, now)
		if !ok {
			s.adopt(at, table{})
			return nil
		}
		err = s.save(ctx, next, revision)
		if err == nil {
			s.adopt(at, next)
			return nil
		}
		if !isConflict(err) {
			return fmt.Errorf("keep shares: %w", err)
		}
	}
	return errors.New("keep shares: other replicas were ahead each time")
}

// isConflict tells whether somebody else has changed the table since it was
// read.
func isConflict(err error) bool {
	var refused *jetstream.APIError
	return errors.Is(err, jetstream.ErrKeyExists) ||
		errors.As(err, &refused) && refused.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence
}

// load reads the table and its revision, 0 when there is none yet. A bucket
// that is gone is made again.
func (s *Shares) load(ctx context.Context) (table, uint64, error) {
	entry, err := s.store.Get(ctx, tableKey)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		at, err := s.oldPlace(ctx)
		return newTable(at), 0, err
	}
	if err != nil {
		if openErr := s.Open(ctx); openErr != nil {
			err = errors.Join(err, openErr)
		}
		return table{}, 0, fmt.Errorf("read shares: %w", err)
	}
	var read table
	if err := json.Unmarshal(entry.Value(), &read); err != nil {
		s.config.Log.ErrorContext(ctx, "the table of shares can not be read and is made anew", "error", err)
		return newTable(Place{}), entry.Revision(), nil
	}
	return read, entry.Revision(), nil
}

// oldPlace is the place that versions without partitions have kept.
func (s *Shares) oldPlace(ctx context.Context) (Place, error) {
	entry, err := s.store.Get(ctx, cursorKey)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return s.ownPlace(), nil
	}
	if err != nil {
		return Place{}, fmt.Errorf("read place in the fleet's stream: %w", err)
	}
	return Place{Cursor: string(entry.Value())}, nil
}

// ownPlace is where this replica has come, if it knows: a table that is lost
// need not mean to begin from the beginning.
func (s *Shares) ownPlace() Place {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.places.oldest(s.owned)
}

func (s *Shares) save(ctx context.Context, next table, revision uint64) error {
	data, err := json.Marshal(next)
	if err != nil {
		return err
	}
	if revision == 0 {
		_, err = s.store.Create(ctx, tableKey, data)
	} else {
		_, err = s.store.Update(ctx, tableKey, data, revision)
	}
	return err
}

// watch notes what is new of the others. Whoever was not looking itself, because
// it was paused or JetStream was away, can not blame others for being silent.
func (s *Shares) watch(at time.Time, now table) {
	blind := at.Sub(s.look) > Lease-margin
	s.look = at
	heard := map[string]sighting{}
	for _, one := range now.Replicas {
		if one.Name == s.config.Name {
			continue
		}
		last := s.seen[one.Name]
		if blind || last.incarnation != one.Incarnation || last.beat != one.Beat {
			last = sighting{one.Incarnation, one.Beat, at}
		}
		heard[one.Name] = last
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = heard
}

// withPlaces is a table with the places that this replica has come to, as far
// as it is still the owner.
func (s *Shares) withPlaces(now table, mine replica) table {
	s.mu.Lock()
	defer s.mu.Unlock()
	if mine.Incarnation != s.incarnation {
		return now
	}
	for _, one := range s.places.Places {
		now = now.reached(one.Place, one.Of&s.owned&mine.Owns)
	}
	return now
}

// adopt takes over what a table that was kept, or is that of another, says.
func (s *Shares) adopt(at time.Time, now table) {
	s.mu.Lock()
	defer s.mu.Unlock()
	mine, _ := now.find(s.config.Name)
	gained := mine.Owns &^ s.owned
	changed := mine.Owns != s.owned || s.until.Before(at)
	s.owned, s.until = mine.Owns, at.Add(Lease-margin)
	if gained != 0 {
		// Where those stand that were owned before is known better here.
		mineBefore := s.places
		s.places = table{Places: now.Places}
		for _, one := range mineBefore.Places {
			s.places = s.places.reached(one.Place, one.Of&s.owned&^gained)
		}
		if s.term != nil {
			close(s.term.over)
		}
		s.number++
		over := make(chan struct{})
		s.term = &Term{Number: s.number, Place: s.places.oldest(s.owned), Over: over, over: over}
		s.config.Log.Info("share of the events", "partitions", s.owned.len(), "of", Partitions, "replicas", len(now.Replicas))
	}
	if changed {
		close(s.changed)
		s.changed = make(chan struct{})
	}
}

// Begin waits for a term other than the last.
func (s *Shares) Begin(ctx context.Context, last int64) (*Term, error) {
	for {
		s.mu.Lock()
		term, changed := s.term, s.changed
		s.mu.Unlock()
		if term != nil && term.Number != last {
			return term, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Hold waits until the replica has a lease and tells what it owns and the number
// of the term. It is asked before each publish: a process that was paused learns
// here that its lease has ended.
func (s *Shares) Hold(ctx context.Context) (owned Set, term int64, err error) {
	for {
		now := s.config.Clock.Now()
		s.mu.Lock()
		owned, until, number, changed := s.owned, s.until, s.number, s.changed
		s.mu.Unlock()
		if now.Before(until) {
			return owned, number, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return 0, 0, ctx.Err()
		}
	}
}

// Reached notes that the events of partitions up to a place are published. It is
// kept soon.
func (s *Shares) Reached(term int64, of Set, at Place) {
	s.mu.Lock()
	if term == s.number {
		s.places = s.places.reached(at, of&s.owned)
	}
	s.mu.Unlock()
	select {
	case s.dirty <- struct{}{}:
	default: // it is known already
	}
}

// Owns tells whether this replica answers for an instance now.
func (s *Shares) Owns(instanceID string) bool {
	now := s.config.Clock.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.owned.Has(instanceID) && now.Before(s.until)
}

// Owned tells how many partitions this replica answers for now.
func (s *Shares) Owned() int {
	now := s.config.Clock.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !now.Before(s.until) {
		return 0
	}
	return s.owned.len()
}

// Changed is closed when what this replica owns changes, or a lease that had
// ended is renewed.
func (s *Shares) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}
