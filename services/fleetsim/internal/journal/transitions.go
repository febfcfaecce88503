package journal

import (
	"errors"
	"io"
	"os"

	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/fleetsim/storage/v1"
)

type transitionFile = storagev1.TransitionFile

// maxTransitionFiles is how many files of transitions there can be before they
// are written anew as one.
const maxTransitionFiles = 32

// saveTransitions writes the transitions since the newest snapshot up to the
// last one, and tells all files that a new snapshot then needs.
func (f *Folder) saveTransitions(record, last uint64, transitions Transitions) ([]*transitionFile, error) {
	if transitions == nil || transitions.Oldest() > last {
		return nil, nil
	}
	first := transitions.Oldest()
	var kept []*transitionFile
	for _, file := range f.kept {
		if file.GetLastTransition() >= first {
			kept = append(kept, file)
		}
	}
	if len(kept) >= maxTransitionFiles {
		kept = nil
	}
	if len(kept) > 0 {
		first = kept[len(kept)-1].GetLastTransition() + 1
	}
	if first > last {
		return kept, nil
	}
	err := WriteFile(f.transitionPath(record), func(w io.Writer) error {
		return writeTransitions(w, f.header(kindTransitions, record), first, transitions)
	})
	return append(kept, &transitionFile{Record: record, FirstTransition: first, LastTransition: last}), err
}

// dropTransitions removes the transitions that were written for a snapshot, if
// that did not come to be.
func (f *Folder) dropTransitions(record uint64) {
	if _, err := os.Stat(f.snapshotPath(record)); errors.Is(err, os.ErrNotExist) {
		_ = os.Remove(f.transitionPath(record)) // if it fails, the next snapshot removes them
	}
}

func writeTransitions(out io.Writer, header header, first uint64, transitions Transitions) error {
	w, err := newPartWriter(out, header)
	if err != nil {
		return err
	}
	entries := uint64(0)
	for run := range transitions.From(first) {
		for len(run) > 0 {
			some := run[:min(chunkSize, len(run))]
			run = run[len(some):]
			if err := w.write(partChunk, encodeTransitions(first+entries, some)); err != nil {
				return err
			}
			entries += uint64(len(some))
		}
	}
	return w.write(partEnd, &storagev1.FileEnd{Entries: entries})
}
