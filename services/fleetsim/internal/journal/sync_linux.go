package journal

import (
	"errors"
	"os"
	"syscall"
)

// syncFile waits until the data of a file are on the disk, and of what is known
// about it only its length.
func syncFile(file *os.File) error {
	for {
		err := syscall.Fdatasync(int(file.Fd()))
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		return os.NewSyscallError("fdatasync", err)
	}
}

// syncFolder waits until the names of a folder's files are on the disk.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
