package shelf

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/seed-198b1370/muster/services/fleetsim/internal/api"
	"github.com/seed-198b1370/muster/services/fleetsim/internal/engine"
	"github.com/seed-198b1370/muster/services/fleetsim/internal/journal"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// MaxSnapshots is how many snapshots are kept at most.
const MaxSnapshots = 16

// suffix ends the names of files that hold a snapshot.
const suffix = ".snapshot"

// A Shelf keeps snapshots of what an engine runs. It implements
// [api.Snapshots] and is safe for use by several goroutines.
type Shelf struct {
	engine *engine.Engine
	store  store

	mu sync.Mutex // held while the store changes
}

// A store keeps named bytes.
type store interface {
	// names tells all names.
	names() ([]string, error)
	// write keeps what a function writes under a name, all of it or nothing.
	write(name string, write func(io.Writer) error) error
	// open reads what is kept; the error is [os.ErrNotExist] for nothing.
	open(name string) (io.ReadCloser, int64, error)
	// remove forgets it; [os.ErrNotExist] for nothing.
	remove(name string) error
}

// New makes a shelf in a folder, which is made when it is first used; or in
// memory, for an empty name.
func New(e *engine.Engine, folder string) *Shelf {
	if folder == "" {
		return &Shelf{engine: e, store: memory{}}
	}
	return &Shelf{engine: e, store: files(folder)}
}

// Create implements [api.Snapshots].
func (s *Shelf) Create(ctx context.Context, id string) (api.Snapshot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	names, err := s.store.names()
	if err != nil {
		return api.Snapshot{}, err
	}
	if !slices.Contains(names, id) && len(names) >= MaxSnapshots {
		return api.Snapshot{}, &world.LimitError{What: "snapshots", Limit: MaxSnapshots}
	}
	err = s.store.write(id, func(w io.Writer) error {
		_, err := s.engine.Export(ctx, w)
		return err
	})
	if err != nil {
		return api.Snapshot{}, err
	}
	return s.describe(id)
}

// List implements [api.Snapshots]. A file that is no snapshot of this cloud is
// passed over.
func (s *Shelf) List(context.Context) ([]api.Snapshot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	names, err := s.store.names()
	if err != nil {
		return nil, err
	}
	var all []api.Snapshot
	for _, name := range names {
		snapshot, err := s.describe(name)
		if bad := (*engine.BadStateError)(nil); errors.As(err, &bad) {
			continue
		}
		if err != nil {
			return nil, err
		}
		all = append(all, snapshot)
	}
	slices.SortFunc(all, func(a, b api.Snapshot) int { return cmp.Compare(a.ID, b.ID) })
	return all, nil
}

// Restore implements [api.Snapshots].
func (s *Shelf) Restore(ctx context.Context, id string) (api.Snapshot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	in, size, err := s.store.open(id)
	if errors.Is(err, os.ErrNotExist) {
		return api.Snapshot{}, api.ErrNoSnapshot
	}
	if err != nil {
		return api.Snapshot{}, err
	}
	defer func() { _ = in.Close() }() // only read from
	exported, err := s.engine.Restore(ctx, in)
	if bad := (*engine.BadStateError)(nil); errors.As(err, &bad) {
		return api.Snapshot{}, &api.SnapshotError{Difference: bad.Err.Error()}
	}
	if err != nil {
		return api.Snapshot{}, err
	}
	return api.Snapshot{ID: id, Time: exported.Time, Instances: int64(exported.Instances), Bytes: size}, nil
}

// Delete implements [api.Snapshots].
func (s *Shelf) Delete(_ context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.store.remove(id); errors.Is(err, os.ErrNotExist) {
		return api.ErrNoSnapshot
	} else if err != nil {
		return err
	}
	return nil
}

// describe tells about a snapshot. The caller holds mu.
func (s *Shelf) describe(id string) (api.Snapshot, error) {
	in, size, err := s.store.open(id)
	if err != nil {
		return api.Snapshot{}, err
	}
	defer func() { _ = in.Close() }() // only read from
	exported, err := s.engine.Describe(in)
	return api.Snapshot{ID: id, Time: exported.Time, Instances: int64(exported.Instances), Bytes: size}, err
}

// memory is a store that ends with its process.
type memory map[string][]byte

func (m memory) names() ([]string, error) { return slices.Collect(maps.Keys(m)), nil }

func (m memory) write(name string, write func(io.Writer) error) error {
	var kept bytes.Buffer
	if err := write(&kept); err != nil {
		return err
	}
	m[name] = kept.Bytes()
	return nil
}

func (m memory) open(name string) (io.ReadCloser, int64, error) {
	kept, ok := m[name]
	if !ok {
		return nil, 0, os.ErrNotExist
	}
	return io.NopCloser(bytes.NewReader(kept)), int64(len(kept)), nil
}

func (m memory) remove(name string) error {
	if _, ok := m[name]; !ok {
		return os.ErrNotExist
	}
	delete(m, name)
	return nil
}

// files is a store in a folder.
type files string

func (f files) path(name string) string { return filepath.Join(string(f), name+suffix) }

func (f files) names() ([]string, error) {
	entries, err := os.ReadDir(string(f))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	var names []string
	for _, entry := range entries {
		if name, ok := strings.CutSuffix(entry.Name(), suffix); ok {
			names = append(names, name)
		}
	}
	return names, err
}

func (f files) write(name string, write func(io.Writer) error) error {
	if err := os.MkdirAll(string(f), 0o700); err != nil {
		return err
	}
	if err := journal.RemoveUnfinished(string(f)); err != nil {
		return err
	}
	return journal.WriteFile(f.path(name), write)
}

func (f files) open(name string) (io.ReadCloser, int64, error) {
	file, err := os.Open(f.path(name))
	if err != nil {
		return nil, 0, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, 0, errors.Join(err, file.Close())
	}
	return file, info.Size(), nil
}

func (f files) remove(name string) error { return os.Remove(f.path(name)) }
