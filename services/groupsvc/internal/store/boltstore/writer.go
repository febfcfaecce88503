package boltstore

import (
	"context"
	"errors"

	"go.etcd.io/bbolt"
)

// maxShared bounds how many writes share one commit.
const maxShared = 128

// errClosed means that the store was closed before the write was made.
var errClosed = errors.New("the store is closed")

// A write is a function to run in a transaction.
type write struct {
	apply func(*bbolt.Tx) error
	done  chan error
}

// write runs a function in a transaction, together with those of other callers,
// and returns when it is on disk. The function may run more than once; only its
// last run counts. It is not cut short by the context once it has begun, so
// that callers need not guess.
func (b *Boltstore) write(ctx context.Context, apply func(*bbolt.Tx) error) error {
	w := &write{apply: apply, done: make(chan error, 1)}
	select {
	case b.writes <- w:
	case <-b.closed:
		return errClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-w.done:
		return err
	case <-b.closed:
	}
	// The writer has ended or is about to; it may have made the write.
	b.writer.Wait()
	select {
	case err := <-w.done:
		return err
	default:
		return errClosed
	}
}

// writeAll makes writes until the store is closed: whatever waits, at once. One
// caller alone never waits for company.
func (b *Boltstore) writeAll() {
	for {
		select {
		case first := <-b.writes:
			b.commit(b.drain(first))
		case <-b.closed:
			return
		}
	}
}

func (b *Boltstore) drain(first *write) []*write {
	shared := []*write{first}
	for len(shared) < maxShared {
		select {
		case next := <-b.writes:
			shared = append(shared, next)
		default:
			return shared
		}
	}
	return shared
}

// commit makes writes in one transaction. If one fails, each is made alone, so
// that it fails nobody else.
func (b *Boltstore) commit(shared []*write) {
	err := b.update(func(tx *bbolt.Tx) error {
		for _, w := range shared {
			if err := w.apply(tx); err != nil {
				return err
			}
		}
		return nil
	})
	for _, w := range shared {
		if err != nil && len(shared) > 1 {
			w.done <- b.update(w.apply)
		} else {
			w.done <- err
		}
	}
}

// update makes a transaction.
func (b *Boltstore) update(apply func(*bbolt.Tx) error) error {
	err := b.db.Update(apply)
	b.woken.end(err != nil)
	return err
}
