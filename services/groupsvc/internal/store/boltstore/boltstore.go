// Package boltstore owns a store in one file, for one process: the embedded
// default. A write has reached the disk when its call returns; concurrent
// writers share one sync. It must not know anything that the store's contract
// does not say.
package boltstore

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"go.etcd.io/bbolt"
	"google.golang.org/protobuf/proto"

	"github.com/seed-198b1370/muster/pkg/layout"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
)

// Names of the buckets. Keys are built in keys.go.
var (
	bucketGroups     = []byte("groups")     // group key: StoredGroup
	bucketSchedule   = []byte("schedule")   // group key: StoredSchedule
	bucketDue        = []byte("due")        // time, group key: nothing
	bucketActivities = []byte("activities") // group key, activity id: Activity
	bucketTokens     = []byte("tokens")     // token key: StoredToken
	bucketExpiries   = []byte("expiries")   // time, token key: nothing
	bucketTemplates  = []byte("templates")  // template key: StoredTemplate
	bucketNames      = []byte("names")      // account, template name: template id
	bucketRefusals   = []byte("refusals")   // account: StoredRefusals
	bucketMeta       = []byte("meta")       // "format": number of the layout
)

// layouts are the steps from each layout to the next. Their number is that of the
// layout that this release writes. All of them, and the number, are one
// transaction.
func layouts(*bbolt.Tx) []func() error { return []func() error{layout.Same} }

// lockTimeout bounds how long opening waits for another process to let go of
// the file.
const lockTimeout = 2 * time.Second

// Boltstore is a [store.Store] in a file.
type Boltstore struct {
	db     *bbolt.DB
	woken  woken
	writes chan *write
	writer sync.WaitGroup
	closed chan struct{}
	once   sync.Once
	err    error
}

// Open opens the store in a folder, which it makes if there is none. Leases
// that a former process left behind are dropped: there is no other process.
func Open(folder string) (_ *Boltstore, err error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("make store folder: %w", err)
	}
	path := filepath.Join(folder, "groups.db")
	options := *bbolt.DefaultOptions
	options.Timeout, options.FreelistType = lockTimeout, bbolt.FreelistMapType
	db, err := bbolt.Open(path, 0o600, &options)
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", path, err)
	}
	b := &Boltstore{
		db: db, writes: make(chan *write, maxShared), closed: make(chan struct{}),
		woken: newWoken(),
	}
	if err := b.update(b.prepare); err != nil {
		return nil, errors.Join(fmt.Errorf("prepare store %s: %w", path, err), db.Close())
	}
	b.writer.Go(b.writeAll)
	return b, nil
}

// prepare makes what is missing, refuses the layout of a later release, brings that
// of an earlier one up to date, and drops leases.
func (b *Boltstore) prepare(tx *bbolt.Tx) error {
	for _, name := range [][]byte{
		bucketGroups, bucketSchedule, bucketDue, bucketActivities, bucketTokens, bucketExpiries, bucketTemplates, bucketNames,
		bucketRefusals, bucketMeta,
	} {
		if _, err := tx.CreateBucketIfNotExists(name); err != nil {
			return err
		}
	}
	meta := tx.Bucket(bucketMeta)
	stored, err := layoutOf(meta)
	if err != nil {
		return err
	}
	steps := layouts(tx)
	if err := layout.Upgrade(stored, steps...); err != nil {
		return err
	}
	if err := meta.Put([]byte("format"), binary.BigEndian.AppendUint64(nil, uint64(len(steps)))); err != nil {
		return err
	}
	var keys [][]byte
	err = tx.Bucket(bucketSchedule).ForEach(func(key, _ []byte) error {
		keys = append(keys, append([]byte(nil), key...))
		return nil
	})
	for _, key := range keys {
		if err == nil {
			err = b.reschedule(tx, key, (*store.Turn).Drop)
		}
	}
	return err
}

// layoutOf is the number of the layout that a store has; 0 without one.
func layoutOf(meta *bbolt.Bucket) (int, error) {
	stored := meta.Get([]byte("format"))
	if stored == nil {
		return 0, nil
	}
	if len(stored) != 8 {
		return 0, fmt.Errorf("its layout is noted in %d bytes, not 8: the file is damaged", len(stored))
	}
	return int(min(binary.BigEndian.Uint64(stored), math.MaxInt32)), nil
}

// Close implements [store.Store].
func (b *Boltstore) Close() error {
	b.once.Do(func() {
		close(b.closed)
		b.writer.Wait()
		b.err = b.db.Close()
	})
	return b.err
}

// Get implements [store.Store].
func (b *Boltstore) Get(_ context.Context, key store.Key) (record store.Record, err error) {
	err = b.db.View(func(tx *bbolt.Tx) error {
		raw := groupKey(key)
		value := tx.Bucket(bucketGroups).Get(raw)
		if value == nil {
			return store.ErrNotFound
		}
		record, err = b.readRecord(tx, raw, value)
		return err
	})
	return record, err
}

func (b *Boltstore) readRecord(tx *bbolt.Tx, key, value []byte) (store.Record, error) {
	stored := &storagev1.StoredGroup{}
	if err := proto.Unmarshal(value, stored); err != nil {
		return store.Record{}, fmt.Errorf("read group %q: %w", key, err)
	}
	turn, err := b.readTurn(tx, key)
	return store.Record{Group: stored, Due: turn.DueTime()}, err
}

// List implements [store.Store].
func (b *Boltstore) List(_ context.Context, account, after string, limit int, deleted bool) (records []store.Record, err error) {
	prefix := account + "\x00"
	err = b.db.View(func(tx *bbolt.Tx) error {
		cursor := tx.Bucket(bucketGroups).Cursor()
		start := []byte(prefix + after)
		for key, value := cursor.Seek(start); key != nil && len(records) < limit; key, value = cursor.Next() {
			if !strings.HasPrefix(string(key), prefix) {
				break
			}
			if string(key) == string(start) {
				continue
			}
			record, err := b.readRecord(tx, key, value)
			if err != nil {
				return err
			}
			if deleted || record.Group.GetGroup().GetLifecycle() != groupv1.Lifecycle_LIFECYCLE_DELETED {
				records = append(records, record)
			}
		}
		return nil
	})
	return records, err
}

// Save implements [store.Store].
func (b *Boltstore) Save(ctx context.Context, change store.Change) error {
	read := change.Group.GetVersion()
	change.Group.Version = read + 1
	value, err := proto.Marshal(change.Group)
	change.Group.Version = read
	if err != nil {
		return fmt.Errorf("write group: %w", err)
	}
	var refused error
	err = b.write(ctx, func(tx *bbolt.Tx) error {
		if refused, err = mayWrite(tx, change); refused != nil || err != nil {
			return err
		}
		key := groupKey(store.Key{Account: change.Account, GroupID: change.Group.GetGroup().GetGroupId()})
		if err := tx.Bucket(bucketGroups).Put(key, value); err != nil {
			return err
		}
		if err := b.reschedule(tx, key, func(turn *store.Turn) bool { turn.Apply(change); return true }); err != nil {
			return err
		}
		if err := keepActivities(tx, key, change.Activities); err != nil {
			return err
		}
		return keepToken(tx, change.Token)
	})
	if err == nil && refused == nil {
		change.Group.Version = read + 1
	}
	return errors.Join(err, refused)
}

// mayWrite tells why a change is refused. It forgets tokens on the way.
func mayWrite(tx *bbolt.Tx, change store.Change) (refused, err error) {
	if refused, err := checkToken(tx, change.Token, change.Now); refused != nil || err != nil {
		return refused, err
	}
	key := store.Key{Account: change.Account, GroupID: change.Group.GetGroup().GetGroupId()}
	return checkVersion(tx, groupKey(key), change.Group.GetVersion())
}

func checkVersion(tx *bbolt.Tx, key []byte, version int64) (refused, err error) {
	stored := &storagev1.StoredGroup{}
	if value := tx.Bucket(bucketGroups).Get(key); value != nil {
		if err := proto.Unmarshal(value, stored); err != nil {
			return nil, fmt.Errorf("read group %q: %w", key, err)
		}
	}
	if stored.GetVersion() != version {
		return store.ErrConflict, nil
	}
	return nil, nil
}

// Remove implements [store.Store].
func (b *Boltstore) Remove(ctx context.Context, key store.Key, version int64) error {
	var refused error
	err := b.write(ctx, func(tx *bbolt.Tx) (err error) {
		raw := groupKey(key)
		if tx.Bucket(bucketGroups).Get(raw) == nil {
			return nil
		}
		if refused, err = checkVersion(tx, raw, version); refused != nil || err != nil {
			return err
		}
		if err := b.reschedule(tx, raw, func(turn *store.Turn) bool { *turn = store.Turn{}; return true }); err != nil {
			return err
		}
		if err := tx.Bucket(bucketSchedule).Delete(raw); err != nil {
			return err
		}
		if err := dropActivities(tx, raw, 0); err != nil {
			return err
		}
		return tx.Bucket(bucketGroups).Delete(raw)
	})
	return errors.Join(err, refused)
}
