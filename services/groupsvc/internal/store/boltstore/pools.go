package boltstore

import (
	"context"
	"fmt"

	"go.etcd.io/bbolt"
	"google.golang.org/protobuf/proto"

	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
)

// Refusals implements [store.Store].
func (b *Boltstore) Refusals(_ context.Context, account string) (kept []*storagev1.Refusal, err error) {
	err = b.db.View(func(tx *bbolt.Tx) error {
		kept, err = readRefusals(tx, account)
		return err
	})
	return kept, err
}

func readRefusals(tx *bbolt.Tx, account string) ([]*storagev1.Refusal, error) {
	stored := &storagev1.StoredRefusals{}
	if err := proto.Unmarshal(tx.Bucket(bucketRefusals).Get([]byte(account)), stored); err != nil {
		return nil, fmt.Errorf("read refusals: %w", err)
	}
	return stored.GetRefusals(), nil
}

// NoteRefusals implements [store.Store].
func (b *Boltstore) NoteRefusals(ctx context.Context, account string, notes store.RefusalNotes) error {
	return b.write(ctx, func(tx *bbolt.Tx) error {
		kept, err := readRefusals(tx, account)
		if err != nil {
			return err
		}
		value, err := proto.Marshal(&storagev1.StoredRefusals{Refusals: notes.Apply(kept)})
		if err != nil {
			return fmt.Errorf("write refusals: %w", err)
		}
		return tx.Bucket(bucketRefusals).Put([]byte(account), value)
	})
}
