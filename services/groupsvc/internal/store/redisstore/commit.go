package redisstore

import (
	"context"
	_ "embed" // for the script
	"fmt"
	"slices"

	"github.com/redis/go-redis/v9"
)

//go:embed commit.lua
var commitSource string

// A commit is writes that are made together, if what they rest on is still so
// then. What to write is decided here, in Go, from what was read before; the
// script only makes sure that nobody came between.
type commit struct {
	keys   []string
	checks []any
	writes []any
}

// expect makes a field of a hash one that must still have a value; "" stands
// for a field that is not there.
func (c *commit) expect(key, field, value string) {
	c.checks = append(c.checks, c.key(key), field, value)
}

// write adds a command on a key.
func (c *commit) write(command, key string, arguments ...any) {
	c.writes = append(append(c.writes, command, c.key(key), len(arguments)), arguments...)
}

// key is the number of a key, from 1.
func (c *commit) key(name string) int {
	at := slices.Index(c.keys, name)
	if at < 0 {
		c.keys = append(c.keys, name)
		at = len(c.keys) - 1
	}
	return at + 1
}

// once is a command that is sent at most once. A commit whose reply is lost may
// have been made; made again it would be refused by its own effect, and its
// caller told of a conflict that there was not.
type once struct{ *redis.Cmd }

// NoRetry implements [redis.Cmder].
func (once) NoRetry() bool { return true }

// make makes a commit and tells whether it was made: false when a check failed,
// so that nothing was written. After an error nobody knows.
func (r *Redisstore) make(ctx context.Context, c *commit) (bool, error) {
	made, err := r.evaluate(ctx, c, "evalsha", r.script.Hash())
	if redis.HasErrorPrefix(err, "NOSCRIPT") { // it was restarted, or this node is a new one; nothing was done
		made, err = r.evaluate(ctx, c, "eval", commitSource)
	}
	return made, err
}

func (r *Redisstore) evaluate(ctx context.Context, c *commit, command, script string) (bool, error) {
	arguments := make([]any, 0, 4+len(c.keys)+len(c.checks)+len(c.writes))
	arguments = append(arguments, command, script, len(c.keys))
	for _, key := range c.keys {
		arguments = append(arguments, key)
	}
	arguments = append(arguments, len(c.checks)/3)
	arguments = append(append(arguments, c.checks...), c.writes...)
	cmd := once{redis.NewCmd(ctx, arguments...)}
	if err := r.client.Process(ctx, cmd); err != nil {
		return false, unreachable(err)
	}
	made, err := cmd.Int()
	if err != nil {
		return false, fmt.Errorf("read the reply of redis: %w", err)
	}
	return made == 1, nil
}

// update prepares a commit and makes it, anew for as long as others come
// between, which means each time that one of them got on. A nil commit is none.
func (r *Redisstore) update(ctx context.Context, prepare func() (*commit, error)) error {
	for {
		c, err := prepare()
		if err != nil || c == nil {
			return err
		}
		if made, err := r.make(ctx, c); made || err != nil {
			return err
		}
	}
}
