package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
	"google.golang.org/protobuf/proto"

	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/fleetsim/storage/v1"
)

// fileName is the name of the file in its folder.
const fileName = "fleetsim.db"

// lockWait is how long to wait, in real time, for another process to let go of
// the file.
const lockWait = 2 * time.Second

// Buckets and keys of the file.
const (
	metaBucket       = "meta"        // genesis, head
	journalBucket    = "journal"     // number of record -> JournalRecord
	snapshotBucket   = "snapshot"    // number of chunk -> SnapshotChunk
	transitionBucket = "transitions" // number of first transition -> TransitionChunk

	genesisKey = "genesis"
	headKey    = "head"
)

// A File is an open journal.
type File struct {
	db *bbolt.DB
	// lastRecord is the number of the last record of the journal.
	lastRecord uint64
	// persisted is the number of the last transition that a chunk holds.
	persisted uint64
}

// Open opens the journal in a folder; both are made if they are not there. It
// fails when another process has it open.
func Open(folder string) (*File, error) {
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return nil, fmt.Errorf("make data folder: %w", err)
	}
	path := filepath.Join(folder, fileName)
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{
		Timeout: lockWait, FreelistType: bbolt.FreelistMapType, NoFreelistSync: true,
	})
	if errors.Is(err, bolterrors.ErrTimeout) {
		return nil, fmt.Errorf("open journal: %s is in use by another process", path)
	}
	if err != nil {
		return nil, fmt.Errorf("open journal %s: %w", path, err)
	}
	f := &File{db: db}
	err = db.Update(func(tx *bbolt.Tx) error {
		for _, name := range []string{metaBucket, journalBucket, snapshotBucket, transitionBucket} {
			if _, err := tx.CreateBucketIfNotExists([]byte(name)); err != nil {
				return err
			}
		}
		if key, _ := tx.Bucket([]byte(journalBucket)).Cursor().Last(); key != nil {
			f.lastRecord = binary.BigEndian.Uint64(key)
		}
		return nil
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("prepare journal %s: %w", path, err), db.Close())
	}
	return f, nil
}

// Close closes the file.
func (f *File) Close() error {
	if err := f.db.Close(); err != nil {
		return fmt.Errorf("close journal: %w", err)
	}
	return nil
}

// Genesis reads what was fixed at the first start; nil before that.
func (f *File) Genesis() (*storagev1.Genesis, error) {
	var genesis *storagev1.Genesis
	err := f.db.View(func(tx *bbolt.Tx) error {
		raw := tx.Bucket([]byte(metaBucket)).Get([]byte(genesisKey))
		if raw == nil {
			return nil
		}
		genesis = &storagev1.Genesis{}
		return proto.Unmarshal(raw, genesis)
	})
	if err != nil {
		return nil, fmt.Errorf("read genesis: %w", err)
	}
	return genesis, nil
}

// SetGenesis writes what is fixed from now on.
func (f *File) SetGenesis(genesis *storagev1.Genesis) error {
	err := f.db.Update(func(tx *bbolt.Tx) error {
		return put(tx.Bucket([]byte(metaBucket)), []byte(genesisKey), genesis)
	})
	if err != nil {
		return fmt.Errorf("write genesis: %w", err)
	}
	return nil
}

// Append writes one record and tells its size in bytes.
func (f *File) Append(record *storagev1.JournalRecord) (int, error) {
	raw, err := proto.Marshal(record)
	if err != nil {
		return 0, fmt.Errorf("encode journal record: %w", err)
	}
	next := f.lastRecord + 1
	err = f.db.Update(func(tx *bbolt.Tx) error {
		bucket := tx.Bucket([]byte(journalBucket))
		bucket.FillPercent = 0.95 // records are only ever added at the end
		return bucket.Put(number(next), raw)
	})
	if err != nil {
		return 0, fmt.Errorf("append to journal: %w", err)
	}
	f.lastRecord = next
	return len(raw), nil
}

// Records calls a function for each record since the snapshot, in order, until
// it fails.
func (f *File) Records(each func(*storagev1.JournalRecord) error) error {
	return f.db.View(func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte(journalBucket)).ForEach(func(key, raw []byte) error {
			record := &storagev1.JournalRecord{}
			if err := proto.Unmarshal(raw, record); err != nil {
				return fmt.Errorf("read journal record %x: %w", key, err)
			}
			if err := each(record); err != nil {
				return fmt.Errorf("journal record %x: %w", key, err)
			}
			return nil
		})
	})
}

// HasRecords tells whether anything was done since the snapshot.
func (f *File) HasRecords() (bool, error) {
	has := false
	err := f.db.View(func(tx *bbolt.Tx) error {
		key, _ := tx.Bucket([]byte(journalBucket)).Cursor().First()
		has = key != nil
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("read journal: %w", err)
	}
	return has, nil
}

func put(bucket *bbolt.Bucket, key []byte, message proto.Message) error {
	raw, err := proto.Marshal(message)
	if err != nil {
		return err
	}
	return bucket.Put(key, raw)
}

// number is a key that sorts by its number.
func number(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }
