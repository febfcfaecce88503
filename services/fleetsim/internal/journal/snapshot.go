package journal

import (
	"errors"
	"fmt"
	"io"
	"iter"

	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/fleetsim/storage/v1"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// A Snapshot is a state, without the transitions that are kept with it.
type Snapshot struct {
	// Genesis is what the world of the state was begun with.
	Genesis *storagev1.Genesis
	// Epoch is how often a state was put in place of another by hand.
	Epoch uint64
	// State is the state.
	State world.State
	// First is the number of the first transition that is kept with it; the one
	// after the last of the state when there is none. 0 stands for no snapshot.
	First uint64
}

// Transitions is a log of transitions as it was when a state was taken.
type Transitions interface {
	// Oldest is the number of the first one that is kept.
	Oldest() uint64
	// From is the transitions from one of them on up to the last of the state,
	// in runs.
	From(number uint64) iter.Seq[[]world.Transition]
}

// Save puts a snapshot in the place of the records up to one of [Folder.Rotate],
// after which the state was taken, and of the snapshot before. Of the
// transitions it writes those since that snapshot; nil stands for none. What is
// superfluous is removed once the new one is on the disk. When it fails the
// folder holds what it did before, but after [ErrUncertain] either.
func (f *Folder) Save(record uint64, snapshot Snapshot, transitions Transitions) error {
	kept, err := f.saveTransitions(record, snapshot.State.Sequence, transitions)
	if err != nil {
		f.dropTransitions(record)
		return fmt.Errorf("write transitions: %w", err)
	}
	err = WriteFile(f.snapshotPath(record), func(w io.Writer) error {
		return writeSnapshot(w, f.header(kindSnapshot, record), snapshot, kept)
	})
	if err != nil {
		f.dropTransitions(record)
		return fmt.Errorf("write snapshot: %w", err)
	}
	f.kept = kept
	f.saved.Store(record)
	// The snapshot counts whether or not what it covers goes now: the next one
	// tries again.
	if err := f.trim(); err != nil {
		f.log.Warn("what a snapshot covers could not be removed; the next one tries again", "error", err)
	}
	return nil
}

// Write writes a snapshot, in the format of the files of a folder, for [Read].
func Write(w io.Writer, snapshot Snapshot) error {
	return writeSnapshot(w, header{kindSnapshot, FleetID(snapshot.Genesis, 0), 0}, snapshot, nil)
}

func writeSnapshot(out io.Writer, header header, snapshot Snapshot, kept []*transitionFile) error {
	w, err := newPartWriter(out, header)
	if err != nil {
		return err
	}
	index := &storagev1.SnapshotIndex{
		Genesis: snapshot.Genesis, Head: encodeHead(&snapshot.State), Epoch: snapshot.Epoch,
		Instances: uint64(len(snapshot.State.Instances)), TransitionFiles: kept,
	}
	if err := w.write(partHead, index); err != nil {
		return err
	}
	entries := 0
	for chunk, size := range stateChunks(&snapshot.State) {
		if err := w.write(partChunk, chunk); err != nil {
			return err
		}
		entries += size
	}
	return w.write(partEnd, &storagev1.FileEnd{Entries: uint64(entries)})
}

// Read reads a snapshot of [Write] or of a folder, whose transitions it leaves
// alone. Its errors: those of the reader, and [*DamageError].
func Read(r io.Reader) (Snapshot, error) {
	snapshot, _, _, err := readSnapshot(r, "snapshot")
	return snapshot, err
}

// A Description is what a snapshot says of itself.
type Description struct {
	// Genesis is what the world of the state was begun with.
	Genesis *storagev1.Genesis
	// Time is the time of the state.
	Time world.Instant
	// Instances is how many instances it holds.
	Instances uint64
}

// Describe reads only the beginning of a snapshot. Its errors are those of
// [Read].
func Describe(r io.Reader) (Description, error) {
	_, index, err := readIndex(r, "snapshot")
	if err != nil {
		return Description{}, err
	}
	return Description{index.GetGenesis(), world.Instant(index.GetHead().GetTimeUnixNanos()), index.GetInstances()}, nil
}

func readIndex(in io.Reader, name string) (*partReader, *storagev1.SnapshotIndex, error) {
	r, err := newPartReader(in, name, kindSnapshot)
	if err != nil {
		return nil, nil, err
	}
	index := &storagev1.SnapshotIndex{}
	return r, index, r.expect(partHead, index)
}

func readSnapshot(in io.Reader, name string) (Snapshot, *storagev1.SnapshotIndex, header, error) {
	r, index, err := readIndex(in, name)
	if err != nil {
		return Snapshot{}, nil, header{}, err
	}
	state, err := decodeHead(index.GetHead())
	if err != nil {
		return Snapshot{}, nil, header{}, damaged(name, headerSize, err)
	}
	snapshot := Snapshot{Genesis: index.GetGenesis(), Epoch: index.GetEpoch(), State: state}
	snapshot.First = snapshot.State.Sequence + 1
	err = readChunks(r, func(got frame) (int, error) {
		chunk := &storagev1.SnapshotChunk{}
		if err := got.decode(chunk); err != nil {
			return 0, err
		}
		return decodeChunk(chunk, &snapshot.State)
	})
	if err != nil {
		return Snapshot{}, nil, header{}, err
	}
	return snapshot, index, r.header, nil
}

// readChunks reads chunks, each with a function that tells how many entries it
// held, up to the end of the file.
func readChunks(r *partReader, chunk func(frame) (entries int, err error)) error {
	entries := uint64(0)
	for {
		offset := r.frames.offset
		got, err := r.next()
		if err != nil {
			return err
		}
		switch got.part {
		case partChunk:
			var some int
			some, err = chunk(got)
			entries += uint64(some)
		case partEnd:
			end := &storagev1.FileEnd{}
			if err = got.decode(end); err == nil && end.GetEntries() != entries {
				err = fmt.Errorf("it holds %d entries of %d", entries, end.GetEntries())
			}
			if err == nil {
				return r.finish()
			}
		default:
			err = errors.New("a part of this kind does not belong here")
		}
		if err != nil {
			return damaged(r.name, offset, err)
		}
	}
}
