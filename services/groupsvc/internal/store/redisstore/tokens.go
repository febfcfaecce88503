package redisstore

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
	"google.golang.org/protobuf/proto"

	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
)

// forgottenAtOnce bounds how many client tokens one call forgets.
const forgottenAtOnce = 100

// Client tokens expire by the clock that callers name, which may be a simulated
// one; so Redis's own expiry is of no use to them.

// tokenRead is what a write with a client token rests on. The zero value is that
// of a write without one.
type tokenRead struct {
	shard   shard
	token   *store.Token
	now     time.Time
	stored  *redis.StringCmd      // what is remembered of it
	expired *redis.StringSliceCmd // tokens that have expired
}

// readTokens reads it with a pipeline.
func readTokens(ctx context.Context, pipeline redis.Pipeliner, account string, token *store.Token, now time.Time) tokenRead {
	if token == nil {
		return tokenRead{}
	}
	s := shardOf(account)
	return tokenRead{
		shard: s, token: token, now: now, stored: pipeline.HGet(ctx, s.tokens(), tokenName(token.Key)),
		expired: pipeline.ZRangeByLex(ctx, s.expiries(), &redis.ZRangeBy{Min: "-", Max: upTo(now), Count: forgottenAtOnce}),
	}
}

// add makes a commit remember the token, and tells which others have expired.
// Errors: ErrTokenUsed.
func (t tokenRead) add(c *commit) (expired []string, err error) {
	if t.token == nil {
		return nil, nil
	}
	name, raw := tokenName(t.token.Key), t.stored.Val()
	if raw != "" {
		former, err := tokenOf(raw)
		if err != nil {
			return nil, err
		}
		if former.GetExpireTime().AsTime().After(t.now) {
			return nil, store.ErrTokenUsed
		}
		c.write("ZREM", t.shard.expiries(), timed(former.GetExpireTime().AsTime(), name))
	}
	value, err := proto.Marshal(t.token.Value)
	if err != nil {
		return nil, fmt.Errorf("write client token: %w", err)
	}
	c.expect(t.shard.tokens(), name, raw)
	c.write("HSET", t.shard.tokens(), name, value)
	c.write("ZADD", t.shard.expiries(), 0, timed(t.token.Value.GetExpireTime().AsTime(), name))
	return t.expired.Val(), nil
}

// forgetTokens forgets tokens that have expired, unless they are in use again.
// What fails here is done by a later call.
func (r *Redisstore) forgetTokens(ctx context.Context, s shard, now time.Time, expired []string) {
	if len(expired) == 0 {
		return
	}
	names := make([]string, len(expired))
	for i, member := range expired {
		_, names[i] = parseTimed(member)
	}
	values, err := r.client.HMGet(ctx, s.tokens(), names...).Result()
	if err != nil {
		return
	}
	c := &commit{}
	for i, member := range expired {
		c.write("ZREM", s.expiries(), member)
		raw := fieldOf(values, i)
		if token, err := tokenOf(raw); err == nil && raw != "" && !token.GetExpireTime().AsTime().After(now) {
			c.expect(s.tokens(), names[i], raw)
			c.write("HDEL", s.tokens(), names[i])
		}
	}
	_, _ = r.make(ctx, c) // see above
}
