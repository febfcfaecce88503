package boltstore

import (
	"bytes"
	"context"

	"go.etcd.io/bbolt"
)

// Accounts implements [store.Store]. It jumps from one account to the next.
func (b *Boltstore) Accounts(context.Context) ([]string, error) {
	var owners []string
	err := b.db.View(func(tx *bbolt.Tx) error {
		seen := map[string]bool{}
		for _, bucket := range [][]byte{bucketGroups, bucketTemplates} {
			cursor := tx.Bucket(bucket).Cursor()
			for key, _ := cursor.First(); key != nil; {
				account, _, _ := bytes.Cut(key, []byte{0})
				if !seen[string(account)] {
					seen[string(account)] = true
					owners = append(owners, string(account))
				}
				key, _ = cursor.Seek(append(bytes.Clone(account), 1)) // behind all keys that begin with it
			}
		}
		return nil
	})
	return owners, err
}
