package redisstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"
	"google.golang.org/protobuf/proto"

	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
)

// Template implements [store.Store].
func (r *Redisstore) Template(ctx context.Context, key store.TemplateKey) (*storagev1.StoredTemplate, error) {
	raw, err := r.field(ctx, templateHash(key), fieldRecord)
	if err != nil {
		return nil, err
	}
	return templateOf(raw)
}

func templateOf(raw string) (*storagev1.StoredTemplate, error) {
	template := &storagev1.StoredTemplate{}
	if err := proto.Unmarshal([]byte(raw), template); err != nil {
		return nil, fmt.Errorf("read launch template: %w", err)
	}
	return template, nil
}

// ListTemplates implements [store.Store].
func (r *Redisstore) ListTemplates(ctx context.Context, account, from string, limit int) ([]*storagev1.StoredTemplate, error) {
	ids, err := r.client.ZRangeByLex(ctx, templatesKey(account), &redis.ZRangeBy{Min: after(from), Max: "+", Count: int64(limit)}).Result()
	if err != nil {
		return nil, unreachable(err)
	}
	pipeline := r.client.Pipeline()
	reads := make([]*redis.StringCmd, len(ids))
	for i, id := range ids {
		reads[i] = pipeline.HGet(ctx, templateHash(store.TemplateKey{Account: account, TemplateID: id}), fieldRecord)
	}
	if _, err := pipeline.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return nil, unreachable(err)
	}
	var templates []*storagev1.StoredTemplate
	for _, read := range reads {
		if errors.Is(read.Err(), redis.Nil) {
			continue // removed meanwhile
		}
		if read.Err() != nil { // the pipeline tells of its first error only
			return nil, unreachable(read.Err())
		}
		template, err := templateOf(read.Val())
		if err != nil {
			return nil, err
		}
		templates = append(templates, template)
	}
	return templates, nil
}

// SaveTemplate implements [store.Store].
func (r *Redisstore) SaveTemplate(ctx context.Context, change store.TemplateChange) error {
	read := change.Template.GetVersion()
	written := proto.CloneOf(change.Template)
	written.Version = read + 1
	record, err := proto.Marshal(written)
	if err != nil {
		return fmt.Errorf("write launch template: %w", err)
	}
	var expired []string
	err = r.update(ctx, func() (*commit, error) {
		var c *commit
		var err error
		c, expired, err = r.prepareTemplate(ctx, change, record)
		return c, err
	})
	if err != nil {
		return err
	}
	change.Template.Version = read + 1
	r.forgetTokens(ctx, shardOf(change.Account), change.Now, expired)
	return nil
}

// prepareTemplate reads what a change rests on and says what it writes; besides,
// which client tokens have expired.
func (r *Redisstore) prepareTemplate(ctx context.Context, change store.TemplateChange, record []byte) (*commit, []string, error) {
	template := change.Template.GetTemplate()
	key := store.TemplateKey{Account: change.Account, TemplateID: template.GetLaunchTemplateId()}
	hash, names := templateHash(key), templateNames(change.Account)
	pipeline := r.client.Pipeline()
	fields := pipeline.HMGet(ctx, hash, fieldVersion, fieldRecord)
	named := pipeline.HGet(ctx, names, template.GetName())
	counted, members := pipeline.HGet(ctx, names, nameOfCount), pipeline.ZCard(ctx, templatesKey(change.Account))
	tokens := readTokens(ctx, pipeline, change.Account, change.Token, change.Now)
	if _, err := pipeline.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return nil, nil, unreachable(err)
	}
	c := &commit{}
	expired, err := tokens.add(c)
	if err != nil {
		return nil, nil, err
	}
	version := fieldOf(fields.Val(), 0)
	switch {
	case version != versionText(change.Template.GetVersion()):
		return nil, nil, store.ErrConflict
	case named.Val() != "" && named.Val() != key.TemplateID:
		return nil, nil, store.ErrNameTaken
	}
	former, err := templateOf(fieldOf(fields.Val(), 1))
	if err != nil {
		return nil, nil, err
	}
	if version == "" {
		count, err := recount(c, names, counted, members, 1)
		if err != nil {
			return nil, nil, err
		}
		if change.Limit > 0 && count > int64(change.Limit) {
			return nil, nil, store.ErrLimit
		}
	}
	c.expect(hash, fieldVersion, version)
	c.expect(names, template.GetName(), named.Val())
	if name := former.GetTemplate().GetName(); version != "" && name != template.GetName() {
		c.write("HDEL", names, name)
	}
	c.write("HSET", names, template.GetName(), key.TemplateID)
	c.write("HSET", hash, fieldVersion, versionText(change.Template.GetVersion()+1), fieldRecord, record)
	c.write("ZADD", templatesKey(change.Account), 0, key.TemplateID)
	if version == "" {
		c.write("ZADD", shardOf(change.Account).accounts(), 0, change.Account)
	}
	return c, expired, nil
}

// recount makes a commit change how many launch templates an account has, and
// tells how many it has then. Whoever else adds or removes one comes before or
// after it. A database of before they were counted has no count.
func recount(c *commit, names string, counted *redis.StringCmd, members *redis.IntCmd, by int64) (int64, error) {
	if err := members.Err(); err != nil { // the pipeline tells of its first error only
		return 0, unreachable(err)
	}
	count := members.Val()
	switch err := counted.Err(); {
	case err == nil:
		if count, err = counted.Int64(); err != nil {
			return 0, fmt.Errorf("read how many launch templates there are: %w", err)
		}
	case !errors.Is(err, redis.Nil):
		return 0, unreachable(err)
	}
	c.expect(names, nameOfCount, counted.Val())
	c.write("HSET", names, nameOfCount, max(0, count+by))
	return count + by, nil
}

// RemoveTemplate implements [store.Store].
func (r *Redisstore) RemoveTemplate(ctx context.Context, key store.TemplateKey, version int64) error {
	names := templateNames(key.Account)
	return r.update(ctx, func() (*commit, error) {
		pipeline := r.client.Pipeline()
		read := pipeline.HMGet(ctx, templateHash(key), fieldVersion, fieldRecord)
		counted, members := pipeline.HGet(ctx, names, nameOfCount), pipeline.ZCard(ctx, templatesKey(key.Account))
		if _, err := pipeline.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
			return nil, unreachable(err)
		}
		fields := read.Val()
		stored := fieldOf(fields, 0)
		if stored == "" {
			return nil, nil //nolint:nilnil // there is nothing to remove
		}
		if stored != versionText(version) {
			return nil, store.ErrConflict
		}
		former, err := templateOf(fieldOf(fields, 1))
		if err != nil {
			return nil, err
		}
		c := &commit{}
		c.expect(templateHash(key), fieldVersion, stored)
		c.write("DEL", templateHash(key))
		c.write("ZREM", templatesKey(key.Account), key.TemplateID)
		if _, err := recount(c, names, counted, members, -1); err != nil {
			return nil, err
		}
		c.write("HDEL", names, former.GetTemplate().GetName())
		return c, nil
	})
}
