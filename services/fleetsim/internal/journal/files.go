package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Names of files. Numbers are written with 20 digits, so that names sort by
// them.
const (
	genesisName    = "genesis"
	segmentName    = "journal-%020d.log"
	snapshotName   = "snapshot-%020d"
	transitionName = "transitions-%020d"
)

func (f *Folder) segmentPath(first uint64) string { return f.numbered(segmentName, first) }

func (f *Folder) snapshotPath(record uint64) string { return f.numbered(snapshotName, record) }

func (f *Folder) transitionPath(record uint64) string { return f.numbered(transitionName, record) }

func (f *Folder) numbered(name string, number uint64) string {
	return filepath.Join(f.path, fmt.Sprintf(name, number))
}

// files is the numbers of the files in a folder, ascending.
type files struct {
	segments, snapshots, transitions []uint64
}

// list finds the files of a folder and removes those that were never finished.
// Others are nobody's business.
func list(path string) (files, error) {
	entries, err := os.ReadDir(path)
	if err != nil {
		return files{}, err
	}
	var found files
	for _, entry := range entries {
		name := entry.Name()
		if number, ok := numberOf(segmentName, name); ok {
			found.segments = append(found.segments, number)
		} else if number, ok := numberOf(snapshotName, name); ok {
			found.snapshots = append(found.snapshots, number)
		} else if number, ok := numberOf(transitionName, name); ok {
			found.transitions = append(found.transitions, number)
		} else if whole, ok := strings.CutSuffix(name, temporary); ok && isOurs(whole) {
			if err := os.Remove(filepath.Join(path, name)); err != nil {
				return files{}, err
			}
		}
	}
	for _, numbers := range [][]uint64{found.segments, found.snapshots, found.transitions} {
		slices.Sort(numbers)
	}
	return found, nil
}

func isOurs(name string) bool {
	for _, pattern := range []string{segmentName, snapshotName, transitionName} {
		if _, ok := numberOf(pattern, name); ok {
			return true
		}
	}
	return name == genesisName
}

// numberOf is the number in a name; false when it is no name of the pattern.
func numberOf(pattern, name string) (uint64, bool) {
	before, after, _ := strings.Cut(pattern, "%020d")
	if !strings.HasPrefix(name, before) || !strings.HasSuffix(name, after) || len(name) != len(before)+20+len(after) {
		return 0, false
	}
	number, err := strconv.ParseUint(name[len(before):len(before)+20], 10, 64)
	return number, err == nil
}

// trim removes what the newest snapshot has made superfluous.
func (f *Folder) trim() error {
	files, err := list(f.path)
	if err != nil {
		return err
	}
	saved := f.saved.Load()
	var errs []error
	remove := func(path string) { errs = append(errs, os.Remove(path)) }
	for _, record := range files.snapshots {
		if record < saved {
			remove(f.snapshotPath(record))
		}
	}
	for _, first := range files.segments {
		if first <= saved {
			remove(f.segmentPath(first))
		}
	}
	for _, record := range files.transitions {
		if !slices.ContainsFunc(f.kept, func(t *transitionFile) bool { return t.GetRecord() == record }) {
			remove(f.transitionPath(record))
		}
	}
	return errors.Join(errs...)
}
