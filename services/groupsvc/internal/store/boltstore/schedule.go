package boltstore

import (
	"context"
	"fmt"
	"time"

	"go.etcd.io/bbolt"
	"google.golang.org/protobuf/proto"

	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
)

// readTurn reads the turn of a group, with what it was woken for while it is held.
func (b *Boltstore) readTurn(tx *bbolt.Tx, key []byte) (store.Turn, error) {
	turn, err := storedTurn(tx, key)
	b.woken.fill(key, &turn)
	return turn, err
}

func storedTurn(tx *bbolt.Tx, key []byte) (store.Turn, error) {
	stored := &storagev1.StoredSchedule{}
	if value := tx.Bucket(bucketSchedule).Get(key); value != nil {
		if err := proto.Unmarshal(value, stored); err != nil {
			return store.Turn{}, fmt.Errorf("read schedule of %q: %w", key, err)
		}
	}
	return store.TurnOf(stored), nil
}

// reschedule changes a group's turn and moves it in the index by time. The
// change tells whether there was one.
func (b *Boltstore) reschedule(tx *bbolt.Tx, key []byte, change func(*store.Turn) bool) error {
	turn, err := storedTurn(tx, key)
	if err != nil {
		return err
	}
	before := turn.Claimable()
	if !b.woken.take(key, &turn, change) {
		return nil
	}
	due := tx.Bucket(bucketDue)
	if !before.IsZero() {
		if err := due.Delete(timedKey(before, key)); err != nil {
			return err
		}
	}
	if after := turn.Claimable(); !after.IsZero() {
		if err := due.Put(timedKey(after, key), nil); err != nil {
			return err
		}
	}
	value, err := proto.Marshal(turn.ToProto())
	if err != nil {
		return fmt.Errorf("write schedule of %q: %w", key, err)
	}
	return tx.Bucket(bucketSchedule).Put(key, value)
}

// Claim implements [store.Store].
func (b *Boltstore) Claim(ctx context.Context, now time.Time, lease store.Lease, limit int) ([]store.Key, error) {
	// A look first: a write would cost a sync even if nothing is due.
	if next, err := b.NextDue(ctx); err != nil || next.IsZero() || next.After(now) {
		return nil, err
	}
	var keys []store.Key
	err := b.write(ctx, func(tx *bbolt.Tx) error {
		var raw [][]byte
		keys = nil
		cursor := tx.Bucket(bucketDue).Cursor()
		for timed, _ := cursor.First(); timed != nil && len(raw) < limit; timed, _ = cursor.Next() {
			at, key := parseTimedKey(timed)
			if at.After(now) {
				break
			}
			raw = append(raw, append([]byte(nil), key...))
		}
		for _, key := range raw {
			if err := b.reschedule(tx, key, func(turn *store.Turn) bool { turn.Claim(lease); return true }); err != nil {
				return err
			}
			keys = append(keys, parseGroupKey(key))
		}
		return nil
	})
	return keys, err
}

// Release implements [store.Store].
func (b *Boltstore) Release(ctx context.Context, key store.Key, done store.Done) error {
	return b.change(ctx, key, func(turn *store.Turn) bool { return turn.Finish(done) })
}

// Wake implements [store.Store].
func (b *Boltstore) Wake(ctx context.Context, key store.Key, at time.Time) error {
	raw := groupKey(key)
	for {
		// A look first: of a thousand events of one group, one is a write at most.
		turn, err := b.viewTurn(raw)
		if err != nil || !turn.Wake(at) {
			return err
		}
		if turn.Holder == "" {
			return b.change(ctx, key, func(turn *store.Turn) bool { return turn.Wake(at) })
		}
		if ended := b.woken.note(raw, at); ended != nil {
			select {
			case <-ended:
				continue
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		// If it is held now, whoever gives it back finds the note.
		if turn, err = b.viewTurn(raw); err != nil || turn.Holder != "" {
			return err
		}
	}
}

// viewTurn reads the turn of a group.
func (b *Boltstore) viewTurn(key []byte) (turn store.Turn, err error) {
	err = b.db.View(func(tx *bbolt.Tx) error {
		turn, err = b.readTurn(tx, key)
		return err
	})
	return turn, err
}

// change changes the turn of a group if it is there.
func (b *Boltstore) change(ctx context.Context, key store.Key, change func(*store.Turn) bool) error {
	return b.write(ctx, func(tx *bbolt.Tx) error {
		raw := groupKey(key)
		if tx.Bucket(bucketGroups).Get(raw) == nil {
			return nil
		}
		return b.reschedule(tx, raw, change)
	})
}

// NextDue implements [store.Store].
func (b *Boltstore) NextDue(context.Context) (next time.Time, err error) {
	err = b.db.View(func(tx *bbolt.Tx) error {
		if timed, _ := tx.Bucket(bucketDue).Cursor().First(); timed != nil {
			next, _ = parseTimedKey(timed)
		}
		return nil
	})
	return next, err
}
