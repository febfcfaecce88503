package journal

import (
	"bufio"
	"encoding/binary"
	"errors"
	"hash/fnv"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/fleetsim/storage/v1"
)

// FleetID tells the transitions of a world from those of others, and from those
// of the same world in another epoch. See SnapshotIndex for epochs.
func FleetID(genesis *storagev1.Genesis, epoch uint64) uint64 {
	hash := fnv.New64a()
	// A hash never fails to be written to.
	_ = binary.Write(hash, binary.BigEndian, []uint64{
		genesis.GetSeed(), uint64(genesis.GetOriginUnixNanos()), uint64(genesis.GetVolatilityMillionths()), epoch,
	})
	return hash.Sum64()
}

// Genesis is what was fixed at the first start; nil before that.
func (f *Folder) Genesis() *storagev1.Genesis { return f.genesis }

// SetGenesis fixes it from now on.
func (f *Folder) SetGenesis(genesis *storagev1.Genesis) error {
	before := f.genesis
	f.genesis = genesis
	if f.segment == nil {
		// The segment comes first: where there is a genesis and no segment,
		// someone has taken it away.
		if err := f.beginSegment(1); err != nil {
			f.genesis = before
			return err
		}
	}
	err := WriteFile(filepath.Join(f.path, genesisName), func(w io.Writer) error {
		raw, err := appendFrame(f.header(kindGenesis, 0).bytes(), partHead, 0, genesis)
		if err != nil {
			return err
		}
		_, err = w.Write(raw)
		return err
	})
	if err != nil {
		f.genesis = before
	}
	return err
}

// header is the header of a file of this folder.
func (f *Folder) header(kind kind, number uint64) header {
	return header{kind, FleetID(f.genesis, 0), number}
}

// readGenesis reads the genesis; nil when there is none.
func (f *Folder) readGenesis() (*storagev1.Genesis, error) {
	file, err := os.Open(filepath.Join(f.path, genesisName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	genesis := &storagev1.Genesis{}
	r, err := newPartReader(bufio.NewReader(file), genesisName, kindGenesis)
	if err == nil {
		err = r.expect(partHead, genesis)
	}
	if err := errors.Join(err, file.Close()); err != nil {
		return nil, err
	}
	return genesis, nil
}
