package redisstore

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
)

// Refusals implements [store.Store].
func (r *Redisstore) Refusals(ctx context.Context, account string) ([]*storagev1.Refusal, error) {
	kept, _, err := r.refusals(ctx, account)
	return kept, err
}

// refusals reads the refusals of an account, and how they are stored.
func (r *Redisstore) refusals(ctx context.Context, account string) ([]*storagev1.Refusal, string, error) {
	raw, err := r.field(ctx, shardOf(account).refusals(), account)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, "", err
	}
	stored := &storagev1.StoredRefusals{}
	if err := proto.Unmarshal([]byte(raw), stored); err != nil {
		return nil, "", fmt.Errorf("read refusals: %w", err)
	}
	return stored.GetRefusals(), raw, nil
}

// NoteRefusals implements [store.Store].
func (r *Redisstore) NoteRefusals(ctx context.Context, account string, notes store.RefusalNotes) error {
	return r.update(ctx, func() (*commit, error) {
		kept, raw, err := r.refusals(ctx, account)
		if err != nil {
			return nil, err
		}
		value, err := proto.MarshalOptions{Deterministic: true}.Marshal(&storagev1.StoredRefusals{Refusals: notes.Apply(kept)})
		if err != nil {
			return nil, fmt.Errorf("write refusals: %w", err)
		}
		if string(value) == raw {
			return nil, nil //nolint:nilnil // nothing changes
		}
		c := &commit{}
		c.expect(shardOf(account).refusals(), account, raw)
		c.write("HSET", shardOf(account).refusals(), account, value)
		return c, nil
	})
}
