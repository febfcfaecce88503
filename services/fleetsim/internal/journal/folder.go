package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/gofrs/flock"

	"github.com/seed-198b1370/muster/pkg/clock"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/fleetsim/storage/v1"
)

// How long to wait, in real time, for another process to let go of the folder,
// and how often to look.
const (
	lockWait = 2 * time.Second
	lockLook = 50 * time.Millisecond
)

// formerFile is the name of the only file of a data folder in the format that
// was used while this one was being made.
const formerFile = "fleetsim.db"

// A Folder is an open data folder.
//
// It is used by one goroutine at a time, but for [Folder.Save], which may run
// beside all but [Folder.Close] and itself.
type Folder struct {
	path    string
	log     *slog.Logger
	lock    *flock.Flock
	genesis *storagev1.Genesis

	segments []uint64 // first records of those that the snapshot does not cover; as opened
	segment  *os.File // the last one; nil before the genesis
	first    uint64   // of its records
	size     int64    // of it, in bytes, as far as it is whole
	last     uint64   // number of the last record
	failed   error    // why nothing can be appended any more
	buf      []byte   // a frame in the making

	loadable bool                        // there was a snapshot when it was opened
	saved    atomic.Uint64               // up to which record the newest snapshot goes
	kept     []*storagev1.TransitionFile // that belong to it; of Load, then of Save
}

// Open opens a data folder, which it makes if it is not there, and holds its
// journal against its checksums. What was not written whole at the end is cut
// off; the log is told. It fails when another process has the folder open, and
// with [*DamageError].
func Open(path string, log *slog.Logger) (*Folder, error) {
	if err := os.MkdirAll(path, 0o750); err != nil {
		return nil, fmt.Errorf("make data folder: %w", err)
	}
	if _, err := os.Stat(filepath.Join(path, formerFile)); err == nil {
		return nil, fmt.Errorf("it holds %s, which an earlier development version wrote and this one can not read: use an empty folder", formerFile)
	}
	f := &Folder{path: path, log: log, lock: flock.New(filepath.Join(path, "lock"))}
	if err := f.takeLock(); err != nil {
		return nil, err
	}
	if err := f.recover(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// takeLock takes the lock of the folder, and waits a little for a process that
// is about to end.
func (f *Folder) takeLock() error {
	wall := clock.NewWall()
	for giveUp := wall.Now().Add(lockWait); ; {
		locked, err := f.lock.TryLock()
		if err != nil {
			return fmt.Errorf("lock data folder: %w", err)
		}
		if locked {
			return nil
		}
		if wall.Now().After(giveUp) {
			return errors.New("it is in use by another process")
		}
		<-wall.NewTimer(wall.Now().Add(lockLook)).C
	}
}

// recover finds out what the folder holds.
func (f *Folder) recover() error {
	files, err := list(f.path)
	if err != nil {
		return err
	}
	if f.genesis, err = f.readGenesis(); err != nil {
		return err
	}
	if f.genesis == nil {
		return f.checkUnbegun(files)
	}
	if len(files.snapshots) > 0 {
		f.loadable = true
		f.saved.Store(files.snapshots[len(files.snapshots)-1])
	}
	return f.recoverJournal(files.segments)
}

// checkUnbegun refuses a folder without a genesis that holds anything that
// comes after one. A segment without records comes before.
func (f *Folder) checkUnbegun(files files) error {
	begun := len(files.snapshots) > 0 || len(files.segments) > 1
	for _, first := range files.segments {
		info, err := os.Stat(f.segmentPath(first))
		if err != nil {
			return err
		}
		begun = begun || first != 1 || info.Size() > headerSize
	}
	if begun {
		return damaged(genesisName, 0, fs.ErrNotExist)
	}
	return nil
}

// Close lets go of the folder.
func (f *Folder) Close() error {
	var err error
	if f.segment != nil {
		err = f.segment.Close()
	}
	return errors.Join(err, f.lock.Close())
}

// HasRecords tells whether anything was done since the newest snapshot.
func (f *Folder) HasRecords() bool { return f.last > f.saved.Load() }
