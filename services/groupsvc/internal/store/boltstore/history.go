package boltstore

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"go.etcd.io/bbolt"
	"google.golang.org/protobuf/proto"

	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
)

func keepActivities(tx *bbolt.Tx, group []byte, added []*groupv1.Activity) error {
	if len(added) == 0 {
		return nil
	}
	for _, activity := range added {
		value, err := proto.Marshal(activity)
		if err != nil {
			return fmt.Errorf("write activity: %w", err)
		}
		if err := tx.Bucket(bucketActivities).Put(activityKey(group, activity.GetActivityId()), value); err != nil {
			return err
		}
	}
	return dropActivities(tx, group, store.KeptActivities)
}

// dropActivities deletes all but the latest of a group's activities.
func dropActivities(tx *bbolt.Tx, group []byte, keep int) error {
	bucket := tx.Bucket(bucketActivities)
	var keys [][]byte
	prefix := activityKey(group, "")
	cursor := bucket.Cursor()
	for key, _ := cursor.Seek(prefix); bytes.HasPrefix(key, prefix); key, _ = cursor.Next() {
		keys = append(keys, append([]byte(nil), key...))
	}
	for i := 0; i < len(keys)-keep; i++ {
		if err := bucket.Delete(keys[i]); err != nil {
			return err
		}
	}
	return nil
}

// Activities implements [store.Store].
func (b *Boltstore) Activities(_ context.Context, key store.Key, before string, limit int) (found []*groupv1.Activity, err error) {
	prefix := activityKey(groupKey(key), "")
	end := append(append([]byte(nil), prefix...), 0xff) // ids are ASCII
	if before != "" {
		end = activityKey(groupKey(key), before)
	}
	err = b.db.View(func(tx *bbolt.Tx) error {
		cursor := tx.Bucket(bucketActivities).Cursor()
		back := cursor.Prev
		if after, _ := cursor.Seek(end); after == nil {
			back = cursor.Last // nothing follows
		}
		for raw, value := back(); bytes.HasPrefix(raw, prefix) && len(found) < limit; raw, value = cursor.Prev() {
			activity, err := readActivity(value)
			if err != nil {
				return err
			}
			found = append(found, activity)
		}
		return nil
	})
	return found, err
}

// Activity implements [store.Store].
func (b *Boltstore) Activity(_ context.Context, key store.Key, activityID string) (activity *groupv1.Activity, err error) {
	err = b.db.View(func(tx *bbolt.Tx) error {
		value := tx.Bucket(bucketActivities).Get(activityKey(groupKey(key), activityID))
		if value == nil {
			return store.ErrNotFound
		}
		activity, err = readActivity(value)
		return err
	})
	return activity, err
}

func readActivity(value []byte) (*groupv1.Activity, error) {
	activity := &groupv1.Activity{}
	if err := proto.Unmarshal(value, activity); err != nil {
		return nil, fmt.Errorf("read activity: %w", err)
	}
	return activity, nil
}

// Token implements [store.Store].
func (b *Boltstore) Token(_ context.Context, key store.TokenKey, now time.Time) (token *storagev1.StoredToken, err error) {
	token = &storagev1.StoredToken{}
	err = b.db.View(func(tx *bbolt.Tx) error {
		value := tx.Bucket(bucketTokens).Get(tokenKey(key))
		if value == nil {
			return store.ErrNotFound
		}
		if err := proto.Unmarshal(value, token); err != nil {
			return fmt.Errorf("read client token: %w", err)
		}
		if !token.GetExpireTime().AsTime().After(now) {
			return store.ErrNotFound
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return token, nil
}

// checkToken refuses a token that is remembered already. It forgets tokens on
// the way.
func checkToken(tx *bbolt.Tx, token *store.Token, now time.Time) (refused, err error) {
	if token == nil {
		return nil, nil
	}
	if err := forgetTokens(tx, now); err != nil {
		return nil, err
	}
	if tx.Bucket(bucketTokens).Get(tokenKey(token.Key)) != nil {
		return store.ErrTokenUsed, nil
	}
	return nil, nil
}

func keepToken(tx *bbolt.Tx, token *store.Token) error {
	if token == nil {
		return nil
	}
	value, err := proto.Marshal(token.Value)
	if err != nil {
		return fmt.Errorf("write client token: %w", err)
	}
	key := tokenKey(token.Key)
	if err := tx.Bucket(bucketTokens).Put(key, value); err != nil {
		return err
	}
	return tx.Bucket(bucketExpiries).Put(timedKey(token.Value.GetExpireTime().AsTime(), key), nil)
}

// forgetTokens deletes the tokens that have expired.
func forgetTokens(tx *bbolt.Tx, now time.Time) error {
	expiries := tx.Bucket(bucketExpiries)
	var expired [][]byte
	cursor := expiries.Cursor()
	for timed, _ := cursor.First(); timed != nil; timed, _ = cursor.Next() {
		if at, _ := parseTimedKey(timed); at.After(now) {
			break
		}
		expired = append(expired, append([]byte(nil), timed...))
	}
	for _, timed := range expired {
		if err := expiries.Delete(timed); err != nil {
			return err
		}
		if err := tx.Bucket(bucketTokens).Delete(timed[timeBytes:]); err != nil {
			return err
		}
	}
	return nil
}
