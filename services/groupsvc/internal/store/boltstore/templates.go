package boltstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"go.etcd.io/bbolt"
	"google.golang.org/protobuf/proto"

	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
)

// Template implements [store.Store].
func (b *Boltstore) Template(_ context.Context, key store.TemplateKey) (stored *storagev1.StoredTemplate, err error) {
	err = b.db.View(func(tx *bbolt.Tx) error {
		stored, err = readTemplate(tx, templateKey(key))
		return err
	})
	if err == nil && stored == nil {
		err = store.ErrNotFound
	}
	return stored, err
}

// readTemplate reads a template; nil when there is none.
func readTemplate(tx *bbolt.Tx, key []byte) (*storagev1.StoredTemplate, error) {
	value := tx.Bucket(bucketTemplates).Get(key)
	if value == nil {
		return nil, nil
	}
	return parseTemplate(key, value)
}

func parseTemplate(key, value []byte) (*storagev1.StoredTemplate, error) {
	stored := &storagev1.StoredTemplate{}
	if err := proto.Unmarshal(value, stored); err != nil {
		return nil, fmt.Errorf("read launch template %q: %w", key, err)
	}
	return stored, nil
}

// ListTemplates implements [store.Store].
func (b *Boltstore) ListTemplates(_ context.Context, account, after string, limit int) (found []*storagev1.StoredTemplate, err error) {
	prefix := templateKey(store.TemplateKey{Account: account})
	start := templateKey(store.TemplateKey{Account: account, TemplateID: after})
	err = b.db.View(func(tx *bbolt.Tx) error {
		cursor := tx.Bucket(bucketTemplates).Cursor()
		for key, value := cursor.Seek(start); bytes.HasPrefix(key, prefix) && len(found) < limit; key, value = cursor.Next() {
			if bytes.Equal(key, start) {
				continue
			}
			stored, err := parseTemplate(key, value)
			if err != nil {
				return err
			}
			found = append(found, stored)
		}
		return nil
	})
	return found, err
}

// SaveTemplate implements [store.Store].
func (b *Boltstore) SaveTemplate(ctx context.Context, change store.TemplateChange) error {
	written := proto.CloneOf(change.Template)
	written.Version++
	value, err := proto.Marshal(written)
	if err != nil {
		return fmt.Errorf("write launch template: %w", err)
	}
	var refused error
	err = b.write(ctx, func(tx *bbolt.Tx) (err error) {
		refused, err = saveTemplate(tx, change, value)
		return err
	})
	if err == nil && refused == nil {
		change.Template.Version++
	}
	return errors.Join(err, refused)
}

// saveTemplate makes a change, or tells why it is refused.
func saveTemplate(tx *bbolt.Tx, change store.TemplateChange, value []byte) (refused, err error) {
	if refused, err := checkToken(tx, change.Token, change.Now); refused != nil || err != nil {
		return refused, err
	}
	template := change.Template.GetTemplate()
	key := templateKey(store.TemplateKey{Account: change.Account, TemplateID: template.GetLaunchTemplateId()})
	before, err := readTemplate(tx, key)
	if err != nil {
		return nil, err
	}
	if before.GetVersion() != change.Template.GetVersion() {
		return store.ErrConflict, nil
	}
	names := tx.Bucket(bucketNames)
	name, id := nameKey(change.Account, template.GetName()), []byte(template.GetLaunchTemplateId())
	if holder := names.Get(name); holder != nil && !bytes.Equal(holder, id) {
		return store.ErrNameTaken, nil
	}
	if before == nil && change.Limit > 0 && countTemplates(tx, change.Account, change.Limit) == change.Limit {
		return store.ErrLimit, nil
	}
	if before != nil {
		if err := names.Delete(nameKey(change.Account, before.GetTemplate().GetName())); err != nil {
			return nil, err
		}
	}
	return nil, errors.Join(names.Put(name, id), tx.Bucket(bucketTemplates).Put(key, value), keepToken(tx, change.Token))
}

// countTemplates counts those of an account, to a limit.
func countTemplates(tx *bbolt.Tx, account string, limit int) int {
	prefix := templateKey(store.TemplateKey{Account: account})
	cursor, count := tx.Bucket(bucketTemplates).Cursor(), 0
	for key, _ := cursor.Seek(prefix); bytes.HasPrefix(key, prefix) && count < limit; key, _ = cursor.Next() {
		count++
	}
	return count
}

// RemoveTemplate implements [store.Store].
func (b *Boltstore) RemoveTemplate(ctx context.Context, key store.TemplateKey, version int64) error {
	var refused error
	err := b.write(ctx, func(tx *bbolt.Tx) error {
		raw := templateKey(key)
		stored, err := readTemplate(tx, raw)
		if stored == nil || err != nil {
			return err
		}
		if refused = nil; stored.GetVersion() != version {
			refused = store.ErrConflict
			return nil
		}
		name := nameKey(key.Account, stored.GetTemplate().GetName())
		return errors.Join(tx.Bucket(bucketNames).Delete(name), tx.Bucket(bucketTemplates).Delete(raw))
	})
	return errors.Join(err, refused)
}
