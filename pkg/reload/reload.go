// Package reload owns things that are made of files and made again when a file
// has changed. It must not know what they are.
package reload

import (
	"log/slog"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A Reloaded is something that is made of files, and made again when one of them
// has changed. Whoever asks for it looks: there is nothing to start or to stop.
// It is safe for use by several goroutines.
type Reloaded[T any] struct {
	what  string
	files []string // none of them ""
	build func() (T, error)
	log   *slog.Logger

	mu   sync.Mutex
	seen []stamp
	held T

	recent atomic.Pointer[recent[T]]
}

// A recent is what the files said at a time.
type recent[T any] struct {
	at   time.Time
	held T
}

// freshFor is for how long [Reloaded.Recent] does not look at the files again.
const freshFor = time.Second

// New makes it for the first time, or says why it can not be made. What tells the
// log what it is, as in "certificates". Names of files that are empty are left
// out.
func New[T any](log *slog.Logger, what string, build func() (T, error), files ...string) (*Reloaded[T], error) {
	r := &Reloaded[T]{what: what, files: slices.DeleteFunc(files, func(name string) bool { return name == "" }), build: build, log: log}
	// Before the files are read: what changes meanwhile is seen the next time.
	r.seen = stampsOf(r.files)
	var err error
	r.held, err = build()
	return r, err
}

// Current is what the files say now. While they say nothing that can be used it
// is what they said before, and the log tells so once for each change.
func (r *Reloaded[T]) Current() T {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := stampsOf(r.files)
	if slices.EqualFunc(now, r.seen, stamp.equal) {
		return r.held
	}
	r.seen = now
	made, err := r.build()
	if err != nil {
		r.log.Error("changed "+r.what+" can not be used; those from before stay", "files", r.files, "error", err)
		return r.held
	}
	r.log.Info(r.what+" were read again", "files", r.files)
	r.held = made
	return r.held
}

// Recent is what the files said within the last second before a time: to look at
// them takes longer than many a call does.
func (r *Reloaded[T]) Recent(now time.Time) T {
	if last := r.recent.Load(); last != nil {
		if age := now.Sub(last.at); age >= 0 && age < freshFor {
			return last.held
		}
	}
	held := r.Current()
	r.recent.Store(&recent[T]{at: now, held: held})
	return held
}

// A stamp tells one state of a file from another without reading it.
type stamp struct {
	info os.FileInfo // nil for a file that can not be looked at
	at   time.Time
	size int64
}

func stampsOf(files []string) []stamp {
	stamps := make([]stamp, len(files))
	for i, name := range files {
		if info, err := os.Stat(name); err == nil {
			stamps[i] = stamp{info: info, at: info.ModTime(), size: info.Size()}
		}
	}
	return stamps
}

func (s stamp) equal(other stamp) bool {
	if s.info == nil || other.info == nil {
		return s.info == nil && other.info == nil
	}
	return s.at.Equal(other.at) && s.size == other.size && os.SameFile(s.info, other.info)
}
