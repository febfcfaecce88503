package simulation

import (
	"fmt"
	"hash/fnv"
	"time"
)

// kept is how many events of a run are kept for people to read.
const kept = 80

// A trace is what happened in a run, in order: all of it as a hash, the end of
// it in words.
type trace struct {
	hash   uint64
	events int
	last   []string
}

// add adds an event.
func (t *trace) add(now time.Time, format string, args ...any) {
	line := now.Format("15:04:05.000 ") + fmt.Sprintf(format, args...)
	sum := fnv.New64a()
	fmt.Fprintf(sum, "%d %s", t.hash, line)
	t.hash = sum.Sum64()
	t.events++
	if len(t.last) >= 2*kept {
		t.last = append(t.last[:0], t.last[kept:]...)
	}
	t.last = append(t.last, line)
}

// tail is the end of it.
func (t *trace) tail() []string { return t.last[max(0, len(t.last)-kept):] }
