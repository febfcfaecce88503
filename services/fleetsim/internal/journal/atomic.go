package journal

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// temporary ends the names of files that are being written.
const temporary = ".tmp"

// syncEvery is after how many bytes of a file in the making they are sent to
// the disk, so that a journal that is synced meanwhile need not wait for all of
// them.
const syncEvery = 8 << 20

// ErrUncertain is a file that is whole and has its name, of which it is not
// known whether the disk will remember that.
var ErrUncertain = errors.New("it is not known whether the disk keeps the new file")

// WriteFile makes a file, or puts a new one in place of the old, with what a
// function writes. At a kill or a loss of power there is the new one, whole, or
// what was there before; after an error, what was there before, but after
// [ErrUncertain] either.
func WriteFile(path string, write func(io.Writer) error) error {
	file, err := os.OpenFile(path+temporary, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(&syncingWriter{file: file}, 1<<18)
	err = write(out)
	if err == nil {
		err = out.Flush()
	}
	if err == nil {
		err = syncFile(file)
	}
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(path+temporary, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(path+temporary))
	}
	if err := syncFolder(filepath.Dir(path)); err != nil {
		return fmt.Errorf("%w: %w", ErrUncertain, err)
	}
	return nil
}

// RemoveUnfinished removes what a kill left of files that [WriteFile] was making
// in a folder. None may be in the making.
func RemoveUnfinished(folder string) error {
	entries, err := os.ReadDir(folder)
	for _, entry := range entries {
		if strings.HasSuffix(entry.Name(), temporary) {
			err = errors.Join(err, os.Remove(filepath.Join(folder, entry.Name())))
		}
	}
	return err
}

// A syncingWriter sends to the disk what is written, now and then.
type syncingWriter struct {
	file     *os.File
	unsynced int
}

// Write implements io.Writer.
func (w *syncingWriter) Write(p []byte) (int, error) {
	n, err := w.file.Write(p)
	if w.unsynced += n; err == nil && w.unsynced >= syncEvery {
		w.unsynced = 0
		err = syncFile(w.file)
	}
	return n, err
}
