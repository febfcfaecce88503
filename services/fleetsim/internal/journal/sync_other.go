//go:build !linux

package journal

import (
	"errors"
	"os"
	"runtime"
)

// syncFile waits until a file is on the disk.
func syncFile(file *os.File) error { return file.Sync() }

// syncFolder waits until the names of a folder's files are on the disk. Windows
// does not offer that.
func syncFolder(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
