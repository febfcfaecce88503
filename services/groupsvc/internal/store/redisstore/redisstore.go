// Package redisstore owns a store in Redis, for any number of processes at a
// time: what it keeps under which keys, and how it changes all that belongs
// together in one step. It works on one server and on a Redis Cluster. It must
// not know anything that the store's contract does not say.
//
// Nothing is locked. What is to be written is decided here, from what was read,
// and written by one script if what was read still is so (commit.lua). A script
// is one step for all others, and for the append-only file: a server that is
// killed has made all of it or nothing.
//
// An acknowledged write is as durable as Redis is set to make it. With an
// append-only file that is synced always it survives a loss of power; synced
// every second, a kill of the process.
package redisstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-198b1370/muster/pkg/clock"
	"github.com/seed-198b1370/muster/pkg/layout"
	"github.com/seed-198b1370/muster/pkg/rpc"
)

// format is the number of this layout: keys, fields, shards.
const format = 1

// layouts are the steps from each layout to the next, as many as format. They are
// made while processes of the release before may be at work, which must go on to
// read what they lead to: a step only adds.
func layouts() []func() error { return []func() error{layout.Same} }

// openRetry is how long opening waits, in real time, before it tries again to
// reach the server.
const openRetry = 200 * time.Millisecond

// openTold is after how many tries in vain the log says so again.
const openTold = 25

// Redisstore is a [store.Store] in Redis.
type Redisstore struct {
	client redis.UniversalClient
	script *redis.Script
}

// Open opens the store at a server, which it waits for until the context ends.
// Leases of other processes stay: they may be alive. A nil log discards what it
// has to say.
func Open(ctx context.Context, config Config, log *slog.Logger) (*Redisstore, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	client, err := config.connect()
	if err != nil {
		return nil, err
	}
	r := &Redisstore{client: client, script: redis.NewScript(commitSource)}
	if err := r.prepare(ctx, log); err != nil {
		return nil, errors.Join(err, client.Close())
	}
	return r, nil
}

// prepare waits for the server and refuses a layout of another version.
func (r *Redisstore) prepare(ctx context.Context, log *slog.Logger) error {
	if err := r.await(ctx, log); err != nil {
		return err
	}
	if err := r.client.SetNX(ctx, formatKey, format, 0).Err(); err != nil {
		return fmt.Errorf("write the layout of the store: %w", unreachable(err))
	}
	stored, err := r.client.Get(ctx, formatKey).Result()
	if err != nil {
		return fmt.Errorf("read the layout of the store: %w", unreachable(err))
	}
	number, err := strconv.Atoi(stored)
	if err != nil {
		return fmt.Errorf("the layout of the store is no number: %.40q", stored)
	}
	if err := layout.Upgrade(number, layouts()...); err != nil {
		return fmt.Errorf("the store %s: %w", formatKey, err)
	}
	if err := r.script.Load(ctx, r.client).Err(); err != nil {
		return fmt.Errorf("load the script of the store: %w", unreachable(err))
	}
	r.warnOfLoss(ctx, log)
	return nil
}

func (r *Redisstore) await(ctx context.Context, log *slog.Logger) error {
	wall := clock.NewWall()
	for tries := 0; ; tries++ {
		err := r.client.Ping(ctx).Err()
		var refused redis.Error
		if err == nil || errors.As(err, &refused) && !redis.IsLoadingError(err) {
			return err // it has answered, if only that it wants a password
		}
		if tries%openTold == 0 {
			log.InfoContext(ctx, "waiting for redis", "error", err)
		}
		timer := wall.NewTimer(wall.Now().Add(openRetry))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("reach redis: %w", err)
		}
	}
}

// warnOfLoss warns of settings under which what was acknowledged can be lost.
func (r *Redisstore) warnOfLoss(ctx context.Context, log *slog.Logger) {
	told := func(section, setting string) string {
		info, err := r.client.Info(ctx, section).Result()
		if err != nil {
			log.WarnContext(ctx, "can not tell whether redis keeps what it acknowledges", "error", err)
			return ""
		}
		_, rest, _ := strings.Cut(info, setting+":")
		value, _, _ := strings.Cut(rest, "\r\n")
		return value
	}
	if told("persistence", "aof_enabled") == "0" {
		log.WarnContext(ctx, "redis keeps no append-only file: groups that were acknowledged are lost when it ends; set appendonly yes")
	}
	if policy := told("memory", "maxmemory_policy"); policy != "" && policy != "noeviction" {
		log.WarnContext(ctx, "redis forgets groups when its memory is full; set maxmemory-policy noeviction", "maxmemory_policy", policy)
	}
}

// Close implements [store.Store].
func (r *Redisstore) Close() error { return r.client.Close() }

// unreachable makes the error of a call that the server did not answer, or
// refused.
func unreachable(err error) error {
	if errors.Is(err, context.Canceled) {
		return err // by the caller
	}
	return fmt.Errorf("%w: redis: %w", rpc.ErrUnavailable, err)
}
