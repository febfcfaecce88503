// Package ids owns how groups and activities are named. It must not know what
// they are.
package ids

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"
)

// Source makes ids that sort in order of time and are unique across restarts.
// It is safe for use by several goroutines.
type Source struct {
	mu sync.Mutex
	// Guarded by mu.
	entropy ulid.MonotonicReader
}

// NewSource makes a source that draws from entropy.
func NewSource(entropy io.Reader) *Source {
	return &Source{entropy: ulid.Monotonic(entropy, 0)}
}

// Group makes the id of a group.
func (s *Source) Group(now time.Time) (string, error) { return s.next("apg-", now) }

// Activity makes the id of an activity.
func (s *Source) Activity(now time.Time) (string, error) { return s.next("apg-task-", now) }

// Holder makes the name of one turn of work.
func (s *Source) Holder(now time.Time) (string, error) { return s.next("turn-", now) }

func (s *Source) next(prefix string, now time.Time) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id, err := ulid.New(ulid.Timestamp(now), s.entropy)
	if err != nil {
		return "", fmt.Errorf("make an id: %w", err)
	}
	return prefix + strings.ToLower(id.String()), nil
}
