package journal

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/fleetsim/storage/v1"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// readBuffer is how much of a file is read at a time.
const readBuffer = 1 << 20

// Load reads the newest snapshot; false when there is none. Only for use before
// the first [Folder.Save].
func (f *Folder) Load() (snapshot Snapshot, ok bool, err error) {
	if !f.loadable {
		return Snapshot{}, false, nil
	}
	record := f.saved.Load()
	path := f.snapshotPath(record)
	name := filepath.Base(path)
	file, err := os.Open(path)
	if err != nil {
		return Snapshot{}, false, err
	}
	snapshot, index, header, err := readSnapshot(bufio.NewReaderSize(file, readBuffer), name)
	if err := errors.Join(err, file.Close()); err != nil {
		return Snapshot{}, false, err
	}
	if header != f.header(kindSnapshot, record) {
		return Snapshot{}, false, damaged(name, 0, errors.New("it belongs to another folder, or under another name"))
	}
	f.kept = index.GetTransitionFiles()
	if len(f.kept) > 0 {
		snapshot.First = f.kept[0].GetFirstTransition()
	}
	return snapshot, true, nil
}

// Transitions calls a function for the transitions that are kept with the
// snapshot of [Folder.Load], in order, in runs. Only for use right after it.
func (f *Folder) Transitions(each func([]world.Transition)) error {
	for i, file := range f.kept {
		if i > 0 && file.GetFirstTransition() != f.kept[i-1].GetLastTransition()+1 {
			return damaged(filepath.Base(f.transitionPath(file.GetRecord())), 0, errors.New("it does not go on where the one before ends"))
		}
		if err := f.readTransitions(file, each); err != nil {
			return err
		}
	}
	return nil
}

func (f *Folder) readTransitions(kept *transitionFile, each func([]world.Transition)) error {
	path := f.transitionPath(kept.GetRecord())
	name := filepath.Base(path)
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return damaged(name, 0, os.ErrNotExist)
	}
	if err != nil {
		return err
	}
	next := kept.GetFirstTransition()
	r, err := newPartReader(bufio.NewReaderSize(file, readBuffer), name, kindTransitions)
	if err == nil && r.header != f.header(kindTransitions, kept.GetRecord()) {
		err = damaged(name, 0, errors.New("it belongs to another folder, or under another name"))
	}
	if err == nil {
		err = readChunks(r, func(got frame) (int, error) {
			chunk := &storagev1.TransitionChunk{}
			if err := got.decode(chunk); err != nil {
				return 0, err
			}
			if chunk.GetFirstTransition() != next {
				return 0, fmt.Errorf("transition %d was expected, %d found", next, chunk.GetFirstTransition())
			}
			transitions, err := decodeTransitions(chunk)
			next += uint64(len(transitions))
			if err == nil {
				each(transitions)
			}
			return len(transitions), err
		})
	}
	if err == nil && next != kept.GetLastTransition()+1 {
		err = damaged(name, 0, fmt.Errorf("it ends with transition %d, not %d", next-1, kept.GetLastTransition()))
	}
	return errors.Join(err, file.Close())
}
