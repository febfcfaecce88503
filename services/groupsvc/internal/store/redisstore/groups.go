package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/redis/go-redis/v9"
	"google.golang.org/protobuf/proto"

	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
)

// A field is what a hash holds under a name; empty when there is nothing.
func fieldOf(values []any, index int) string {
	if index >= len(values) {
		return ""
	}
	text, _ := values[index].(string) // nil when it is not there
	return text
}

// Get implements [store.Store].
func (r *Redisstore) Get(ctx context.Context, key store.Key) (store.Record, error) {
	fields, err := r.client.HMGet(ctx, groupHash(key), fieldRecord, fieldTurn).Result()
	if err != nil {
		return store.Record{}, unreachable(err)
	}
	return recordOf(key, fields)
}

func recordOf(key store.Key, fields []any) (store.Record, error) {
	if fieldOf(fields, 0) == "" {
		return store.Record{}, store.ErrNotFound
	}
	stored := &storagev1.StoredGroup{}
	if err := proto.Unmarshal([]byte(fieldOf(fields, 0)), stored); err != nil {
		return store.Record{}, fmt.Errorf("read group %s: %w", key.GroupID, err)
	}
	turn, err := turnOf(key, fieldOf(fields, 1))
	return store.Record{Group: stored, Due: turn.DueTime()}, err
}

// List implements [store.Store].
func (r *Redisstore) List(ctx context.Context, account, from string, limit int, deleted bool) ([]store.Record, error) {
	var records []store.Record
	for len(records) < limit {
		ids, err := r.client.ZRangeByLex(ctx, groupsKey(account), &redis.ZRangeBy{Min: after(from), Max: "+", Count: int64(limit)}).Result()
		if err != nil {
			return nil, unreachable(err)
		}
		if len(ids) == 0 {
			return records, nil
		}
		page, err := r.readAll(ctx, account, ids)
		if err != nil {
			return nil, err
		}
		for _, record := range page {
			if len(records) < limit && (deleted || record.Group.GetGroup().GetLifecycle() != groupv1.Lifecycle_LIFECYCLE_DELETED) {
				records = append(records, record)
			}
		}
		from = ids[len(ids)-1]
	}
	return records, nil
}

// readAll reads groups, leaving out those that have been removed since.
func (r *Redisstore) readAll(ctx context.Context, account string, ids []string) ([]store.Record, error) {
	pipeline := r.client.Pipeline()
	reads := make([]*redis.SliceCmd, len(ids))
	for i, id := range ids {
		reads[i] = pipeline.HMGet(ctx, groupHash(store.Key{Account: account, GroupID: id}), fieldRecord, fieldTurn)
	}
	if _, err := pipeline.Exec(ctx); err != nil {
		return nil, unreachable(err)
	}
	records := make([]store.Record, 0, len(ids))
	for i, id := range ids {
		record, err := recordOf(store.Key{Account: account, GroupID: id}, reads[i].Val())
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		records = append(records, record)
	}
	return records, nil
}

// Save implements [store.Store].
func (r *Redisstore) Save(ctx context.Context, change store.Change) error {
	read := change.Group.GetVersion()
	written := proto.CloneOf(change.Group)
	written.Version = read + 1
	record, err := proto.Marshal(written)
	if err != nil {
		return fmt.Errorf("write group: %w", err)
	}
	var expired []string
	err = r.update(ctx, func() (*commit, error) {
		var c *commit
		var err error
		c, expired, err = r.prepareSave(ctx, change, record)
		return c, err
	})
	if err != nil {
		return err
	}
	change.Group.Version = read + 1
	r.forgetTokens(ctx, shardOf(change.Account), change.Now, expired)
	return nil
}

// prepareSave reads what a change rests on and says what it writes; besides, which
// client tokens have expired.
func (r *Redisstore) prepareSave(ctx context.Context, change store.Change, record []byte) (*commit, []string, error) {
	key := store.Key{Account: change.Account, GroupID: change.Group.GetGroup().GetGroupId()}
	pipeline := r.client.Pipeline()
	group := pipeline.HMGet(ctx, groupHash(key), fieldVersion, fieldTurn)
	tokens := readTokens(ctx, pipeline, change.Account, change.Token, change.Now)
	var activities *redis.StringSliceCmd
	if len(change.Activities) > 0 {
		activities = pipeline.ZRange(ctx, activitiesKey(key), 0, -1)
	}
	if _, err := pipeline.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return nil, nil, unreachable(err)
	}
	c := &commit{}
	expired, err := tokens.add(c)
	if err != nil {
		return nil, nil, err
	}
	version := fieldOf(group.Val(), 0)
	if version != versionText(change.Group.GetVersion()) {
		return nil, nil, store.ErrConflict
	}
	c.expect(groupHash(key), fieldVersion, version)
	c.write("HSET", groupHash(key), fieldVersion, versionText(change.Group.GetVersion()+1), fieldRecord, record)
	if version == "" {
		c.write("ZADD", groupsKey(key.Account), 0, key.GroupID)
		c.write("ZADD", shardOf(key.Account).accounts(), 0, key.Account)
	}
	if activities != nil {
		if err := addActivities(c, key, change.Activities, activities.Val()); err != nil {
			return nil, nil, err
		}
	}
	_, err = reschedule(c, key, fieldOf(group.Val(), 1), func(turn *store.Turn) bool { turn.Apply(change); return true })
	return c, expired, err
}

// versionText is a version as it is stored: nothing for 0, which is that of a
// record that is not there.
func versionText(version int64) string {
	if version == 0 {
		return ""
	}
	return strconv.FormatInt(version, 10)
}

// Remove implements [store.Store].
func (r *Redisstore) Remove(ctx context.Context, key store.Key, version int64) error {
	return r.update(ctx, func() (*commit, error) {
		fields, err := r.client.HMGet(ctx, groupHash(key), fieldVersion, fieldTurn).Result()
		if err != nil {
			return nil, unreachable(err)
		}
		stored := fieldOf(fields, 0)
		if stored == "" {
			return nil, nil //nolint:nilnil // there is nothing to remove
		}
		if stored != versionText(version) {
			return nil, store.ErrConflict
		}
		c := &commit{}
		c.expect(groupHash(key), fieldVersion, stored)
		if _, err := reschedule(c, key, fieldOf(fields, 1), func(turn *store.Turn) bool { *turn = store.Turn{}; return true }); err != nil {
			return nil, err
		}
		c.write("DEL", groupHash(key))
		c.write("DEL", activityHash(key))
		c.write("DEL", activitiesKey(key))
		c.write("ZREM", groupsKey(key.Account), key.GroupID)
		return c, nil
	})
}
