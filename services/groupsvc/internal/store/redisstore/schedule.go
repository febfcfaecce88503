package redisstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"

	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
)

// parallelClaims is how many groups of one claim are taken at a time.
const parallelClaims = 16

func turnOf(key store.Key, raw string) (store.Turn, error) {
	stored := &storagev1.StoredSchedule{}
	if err := proto.Unmarshal([]byte(raw), stored); err != nil {
		return store.Turn{}, fmt.Errorf("read schedule of %s: %w", key.GroupID, err)
	}
	return store.TurnOf(stored), nil
}

// reschedule makes a commit change a group's turn, which was read as raw, and
// move it in the order of due times. It tells what the change says: whether
// there was one.
func reschedule(c *commit, key store.Key, raw string, change func(*store.Turn) bool) (bool, error) {
	turn, err := turnOf(key, raw)
	if err != nil {
		return false, err
	}
	before := turn.Claimable()
	if !change(&turn) {
		return false, nil
	}
	value, err := proto.Marshal(turn.ToProto())
	if err != nil {
		return false, fmt.Errorf("write schedule of %s: %w", key.GroupID, err)
	}
	c.expect(groupHash(key), fieldTurn, raw)
	c.write("HSET", groupHash(key), fieldTurn, value)
	due, next := shardOf(key.Account).due(), turn.Claimable()
	if !before.IsZero() && !before.Equal(next) {
		c.write("ZREM", due, timed(before, groupName(key)))
	}
	if !next.IsZero() {
		c.write("ZADD", due, 0, timed(next, groupName(key)))
	}
	return true, nil
}

// Release implements [store.Store].
func (r *Redisstore) Release(ctx context.Context, key store.Key, done store.Done) error {
	return r.change(ctx, key, func(turn *store.Turn) bool { return turn.Finish(done) })
}

// Wake implements [store.Store].
func (r *Redisstore) Wake(ctx context.Context, key store.Key, at time.Time) error {
	return r.change(ctx, key, func(turn *store.Turn) bool { return turn.Wake(at) })
}

// change changes the turn of a group if it is there.
func (r *Redisstore) change(ctx context.Context, key store.Key, change func(*store.Turn) bool) error {
	return r.update(ctx, func() (*commit, error) {
		fields, err := r.client.HMGet(ctx, groupHash(key), fieldVersion, fieldTurn).Result()
		if err != nil {
			return nil, unreachable(err)
		}
		if fieldOf(fields, 0) == "" {
			return nil, nil //nolint:nilnil // there is nothing to change
		}
		c := &commit{}
		c.expect(groupHash(key), fieldVersion, fieldOf(fields, 0)) // it is not being removed
		if changed, err := reschedule(c, key, fieldOf(fields, 1), change); err != nil || !changed {
			return nil, err
		}
		return c, nil
	})
}

// Claim implements [store.Store]. Of several who claim at a time each group goes
// to one, and those who come too late for some take the next.
func (r *Redisstore) Claim(ctx context.Context, now time.Time, lease store.Lease, limit int) ([]store.Key, error) {
	var claimed []string
	for len(claimed) < limit {
		candidates, err := r.dueBy(ctx, now, limit-len(claimed))
		taken, claimErr := r.claimEach(ctx, candidates, now, lease)
		claimed = append(claimed, taken...)
		if err := errors.Join(err, claimErr); err != nil && len(claimed) == 0 {
			return nil, err
		} else if err != nil || len(candidates) == 0 {
			break // those that were taken must not wait for the end of their lease
		}
	}
	return claimedKeys(claimed), nil //nolint:nilerr // what failed comes up again with the next claim
}

// claimedKeys are the groups of members of the order of due times, longest due
// first.
func claimedKeys(members []string) []store.Key {
	if len(members) == 0 {
		return nil
	}
	slices.Sort(members)
	keys := make([]store.Key, len(members))
	for i, member := range members {
		_, name := parseTimed(member)
		keys[i] = parseGroupName(name)
	}
	return keys
}

// dueBy reads which groups are due by a time, longest due first, up to a limit.
func (r *Redisstore) dueBy(ctx context.Context, now time.Time, limit int) ([]string, error) {
	members, err := r.firstDue(ctx, &redis.ZRangeBy{Min: "-", Max: upTo(now), Count: int64(limit)})
	if err != nil {
		return nil, err
	}
	slices.Sort(members)
	return members[:min(limit, len(members))], nil
}

// firstDue reads the same range of the order of due times in every shard.
func (r *Redisstore) firstDue(ctx context.Context, within *redis.ZRangeBy) ([]string, error) {
	pipeline := r.client.Pipeline()
	reads := make([]*redis.StringSliceCmd, shards)
	for i := range shards {
		reads[i] = pipeline.ZRangeByLex(ctx, shard(i).due(), within)
	}
	if _, err := pipeline.Exec(ctx); err != nil {
		return nil, unreachable(err)
	}
	var members []string
	for _, read := range reads {
		members = append(members, read.Val()...)
	}
	return members, nil
}

// claimEach takes those of some groups that nobody else takes meanwhile.
func (r *Redisstore) claimEach(ctx context.Context, members []string, now time.Time, lease store.Lease) ([]string, error) {
	taken := make([]bool, len(members))
	var calls errgroup.Group
	calls.SetLimit(parallelClaims)
	for i, member := range members {
		calls.Go(func() (err error) {
			taken[i], err = r.claimOne(ctx, member, now, lease)
			return err
		})
	}
	err := calls.Wait()
	var claimed []string
	for i, member := range members {
		if taken[i] {
			claimed = append(claimed, member)
		}
	}
	return claimed, err
}

// claimOne takes a group unless somebody else has. When the reply is lost it looks
// whether it has it: else the group would wait for the end of a lease that nobody
// knows of.
func (r *Redisstore) claimOne(ctx context.Context, member string, now time.Time, lease store.Lease) (bool, error) {
	c, mine, err := r.prepareClaim(ctx, member, now, lease)
	if err != nil || c == nil {
		return mine, err
	}
	made, err := r.make(ctx, c)
	if err != nil && ctx.Err() == nil {
		_, mine, again := r.prepareClaim(ctx, member, now, lease)
		return mine, again
	}
	return made && mine, err
}

// prepareClaim says what to write to take a group, nil for nothing, and whether
// the claimer has the group then.
func (r *Redisstore) prepareClaim(ctx context.Context, member string, now time.Time, lease store.Lease) (*commit, bool, error) {
	at, name := parseTimed(member)
	key := parseGroupName(name)
	fields, err := r.client.HMGet(ctx, groupHash(key), fieldVersion, fieldTurn).Result()
	if err != nil {
		return nil, false, unreachable(err)
	}
	raw := fieldOf(fields, 1)
	turn, err := turnOf(key, raw)
	if err != nil {
		return nil, false, err
	}
	if turn.Holder == lease.Holder {
		return nil, true, nil
	}
	c := &commit{}
	c.expect(groupHash(key), fieldVersion, fieldOf(fields, 0))
	if claimable := turn.Claimable(); fieldOf(fields, 0) == "" || !claimable.Equal(at) || claimable.After(now) {
		// Somebody was faster; or the entry is of a damaged database, so that it
		// would come up for ever.
		c.expect(groupHash(key), fieldTurn, raw)
		c.write("ZREM", shardOf(key.Account).due(), member)
		return c, false, nil
	}
	_, err = reschedule(c, key, raw, func(turn *store.Turn) bool { turn.Claim(lease); return true })
	return c, true, err
}

// NextDue implements [store.Store].
func (r *Redisstore) NextDue(ctx context.Context) (time.Time, error) {
	members, err := r.firstDue(ctx, &redis.ZRangeBy{Min: "-", Max: "+", Count: 1})
	if err != nil || len(members) == 0 {
		return time.Time{}, err
	}
	next, _ := parseTimed(slices.Min(members))
	return next, nil
}
