package redisstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
	"google.golang.org/protobuf/proto"

	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
)

// addActivities makes a commit add activities to those that a group has, and
// drop those that are too many.
func addActivities(c *commit, key store.Key, added []*groupv1.Activity, kept []string) error {
	ids := slices.Clone(kept)
	for _, activity := range added {
		ids = append(ids, activity.GetActivityId())
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	for _, activity := range added {
		value, err := proto.Marshal(activity)
		if err != nil {
			return fmt.Errorf("write activity: %w", err)
		}
		c.write("HSET", activityHash(key), activity.GetActivityId(), value)
		c.write("ZADD", activitiesKey(key), 0, activity.GetActivityId())
	}
	for _, id := range ids[:max(0, len(ids)-store.KeptActivities)] {
		c.write("HDEL", activityHash(key), id)
		c.write("ZREM", activitiesKey(key), id)
	}
	return nil
}

// Activities implements [store.Store].
func (r *Redisstore) Activities(ctx context.Context, key store.Key, before string, limit int) ([]*groupv1.Activity, error) {
	latest := "+"
	if before != "" {
		latest = "(" + before
	}
	ids, err := r.client.ZRevRangeByLex(ctx, activitiesKey(key), &redis.ZRangeBy{Min: "-", Max: latest, Count: int64(limit)}).Result()
	if err != nil {
		return nil, unreachable(err)
	}
	if len(ids) == 0 {
		return nil, nil
	}
	values, err := r.client.HMGet(ctx, activityHash(key), ids...).Result()
	if err != nil {
		return nil, unreachable(err)
	}
	var found []*groupv1.Activity
	for i := range values {
		if fieldOf(values, i) == "" {
			continue // dropped meanwhile
		}
		activity, err := activityOf(fieldOf(values, i))
		if err != nil {
			return nil, err
		}
		found = append(found, activity)
	}
	return found, nil
}

// Activity implements [store.Store].
func (r *Redisstore) Activity(ctx context.Context, key store.Key, activityID string) (*groupv1.Activity, error) {
	raw, err := r.field(ctx, activityHash(key), activityID)
	if err != nil {
		return nil, err
	}
	return activityOf(raw)
}

// field reads what a hash holds under a name. Errors: ErrNotFound.
func (r *Redisstore) field(ctx context.Context, hash, name string) (string, error) {
	raw, err := r.client.HGet(ctx, hash, name).Result()
	switch {
	case errors.Is(err, redis.Nil):
		return "", store.ErrNotFound
	case err != nil:
		return "", unreachable(err)
	}
	return raw, nil
}

func activityOf(raw string) (*groupv1.Activity, error) {
	activity := &groupv1.Activity{}
	if err := proto.Unmarshal([]byte(raw), activity); err != nil {
		return nil, fmt.Errorf("read activity: %w", err)
	}
	return activity, nil
}

// Token implements [store.Store].
func (r *Redisstore) Token(ctx context.Context, key store.TokenKey, now time.Time) (*storagev1.StoredToken, error) {
	raw, err := r.field(ctx, shardOf(key.Account).tokens(), tokenName(key))
	if err != nil {
		return nil, err
	}
	token, err := tokenOf(raw)
	if err != nil {
		return nil, err
	}
	if !token.GetExpireTime().AsTime().After(now) {
		return nil, store.ErrNotFound
	}
	return token, nil
}

func tokenOf(raw string) (*storagev1.StoredToken, error) {
	token := &storagev1.StoredToken{}
	if err := proto.Unmarshal([]byte(raw), token); err != nil {
		return nil, fmt.Errorf("read client token: %w", err)
	}
	return token, nil
}
