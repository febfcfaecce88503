package scenario

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"

	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// A FileFunc gives the content of a file that a scenario names, up to limit
// bytes and, of a longer one, at least one more.
type FileFunc func(name string, limit int64) ([]byte, error)

// Load reads a scenario from a file system, with the files that it names: they
// lie in its folder or below. What is wrong with them is a [*FileError].
func Load(fsys fs.FS, name string) (*Scenario, error) {
	data, err := read(fsys, name, MaxBytes)
	if err != nil {
		return nil, fmt.Errorf("read scenario: %w", err)
	}
	return Parse(path.Base(name), data, func(beside string, limit int64) ([]byte, error) {
		return read(fsys, path.Join(path.Dir(name), beside), limit)
	})
}

// read reads a file up to a limit and a byte more, which tells that it is too
// large.
func read(fsys fs.FS, name string, limit int64) ([]byte, error) {
	file, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // only read from
	return io.ReadAll(io.LimitReader(file, limit+1))
}

// Kept gives files from what [Scenario.Files] kept.
func Kept(files map[string][]byte) FileFunc {
	return func(name string, _ int64) ([]byte, error) {
		data, ok := files[name]
		if !ok {
			return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
		}
		return data, nil
	}
}

// Parse reads a scenario; name is how problems call its file, and files gives
// those that it names. What is wrong is a [*FileError].
func Parse(name string, yaml []byte, files FileFunc) (*Scenario, error) {
	d := &decoder{
		reader: &reader{file: name}, schema: newSchema(), open: files,
		s:        &Scenario{YAML: yaml, Files: map[string][]byte{}},
		offersOf: map[selection][]int32{}, poolsOf: map[selection][]world.Pool{},
	}
	if len(yaml) > MaxBytes {
		d.report(Problem{File: name, Rule: fmt.Sprintf("must be at most %d bytes", MaxBytes)})
	} else if root, ok := d.document(yaml); ok {
		d.scenario(place{node: root})
	}
	if len(d.problems) > 0 {
		return nil, &FileError{Problems: sorted(d.problems, name), More: d.more}
	}
	return d.s, nil
}

// named reads a file that the scenario names.
func (d *decoder) named(at place, name string) ([]byte, bool) {
	if data, known := d.s.Files[name]; known {
		return data, true
	}
	room := int64(MaxFilesBytes)
	for _, data := range d.s.Files {
		room -= int64(len(data))
	}
	data, err := d.open(name, room)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		d.fail(at, "must be a file beside the scenario: there is none")
		return nil, false
	case err != nil:
		d.fail(at, "must be a file that can be read: "+err.Error())
		return nil, false
	case int64(len(data)) > room:
		d.fail(at, fmt.Sprintf("must not make all files together larger than %d bytes", int64(MaxFilesBytes)))
		return nil, false
	}
	d.s.Files[name] = data
	return data, true
}
