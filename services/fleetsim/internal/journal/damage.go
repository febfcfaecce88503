package journal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// A DamageError is a file of the data folder that does not hold what was
// written to it, in a place where nothing can be cut off.
type DamageError struct {
	// File is the name of the file in the data folder.
	File string
	// Offset is where in it the damage begins, in bytes.
	Offset int64
	// Err is what does not hold there.
	Err error
}

// Error implements error.
func (e *DamageError) Error() string {
	return fmt.Sprintf("%s is damaged at byte %d: %v; put a copy of the folder from before in its place, or begin with an empty one", e.File, e.Offset, e.Err)
}

// Unwrap gives what does not hold.
func (e *DamageError) Unwrap() error { return e.Err }

// damaged says where in a file bytes do not hold. A file that could not be read
// or is of a later release is not damaged.
func damaged(file string, offset int64, err error) error {
	var later laterFormatError
	var disk *fs.PathError
	switch {
	case errors.As(err, &later), errors.As(err, &disk):
		return fmt.Errorf("read %s: %w", file, err)
	case errors.Is(err, io.EOF):
		err = errors.New("the file ends too early")
	}
	return &DamageError{file, offset, err}
}
