// Package ids owns how groups, launch templates, scaling tasks and activities are
// named. It must not know what they are.
package ids

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"
)

// Source makes ids that sort in the order in which they are made, even when the
// clock goes back, and are unique across restarts. It is safe for use by several
// goroutines.
type Source struct {
	mu sync.Mutex
	// Guarded by mu.
	entropy ulid.MonotonicReader
	// Guarded by mu: the time in the latest id, in milliseconds. No id has an
	// earlier one.
	latest uint64
}

// NewSource makes a source that draws from entropy.
func NewSource(entropy io.Reader) *Source {
	return &Source{entropy: ulid.Monotonic(entropy, 0)}
}

// Follow makes all later ids sort after one that was made by another source.
// Anything that is no id is ignored.
func (s *Source) Follow(id string) {
	made, err := ulid.ParseStrict(strings.ToUpper(id[strings.LastIndex(id, "-")+1:]))
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.latest = max(s.latest, made.Time()+1)
}

// Group makes the id of a group.
func (s *Source) Group(now time.Time) (string, error) { return s.next("apg-", now) }

// Template makes the id of a launch template.
func (s *Source) Template(now time.Time) (string, error) { return s.next("lt-", now) }

// Activity makes the id of an activity.
func (s *Source) Activity(now time.Time) (string, error) { return s.next("apg-task-", now) }

// ScalingTask makes the id of a scaling task.
func (s *Source) ScalingTask(now time.Time) (string, error) { return s.next("st-", now) }

// Holder makes the name of one turn of work.
func (s *Source) Holder(now time.Time) (string, error) { return s.next("turn-", now) }

func (s *Source) next(prefix string, now time.Time) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.latest = max(s.latest, ulid.Timestamp(now))
	id, err := ulid.New(s.latest, s.entropy)
	if err != nil {
		return "", fmt.Errorf("make an id: %w", err)
	}
	return prefix + strings.ToLower(id.String()), nil
}
