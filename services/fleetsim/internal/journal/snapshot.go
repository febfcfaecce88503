package journal

import (
	"encoding/binary"
	"fmt"

	"go.etcd.io/bbolt"
	"google.golang.org/protobuf/proto"

	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/fleetsim/storage/v1"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// chunkSize is how many instances, requests or transitions one chunk holds.
const chunkSize = 1024

// A Snapshot is a state and the transitions that are kept with it.
type Snapshot struct {
	// State is the state of the world.
	State world.State
	// First is the number of the first transition.
	First uint64
	// Transitions is the transitions, up to the last one of the state.
	Transitions []world.Transition
}

// Snapshot writes a state in place of the last snapshot and of the journal that
// led to it, in one transaction. Of the transitions it reads only those since
// the last snapshot; those before oldest are dropped.
func (f *File) Snapshot(state world.State, transitionsAfter func(after uint64) (first uint64, transitions []world.Transition), oldest uint64) error {
	first, transitions := transitionsAfter(f.persisted)
	err := f.db.Update(func(tx *bbolt.Tx) error {
		for _, name := range []string{journalBucket, snapshotBucket} {
			if err := tx.DeleteBucket([]byte(name)); err != nil {
				return err
			}
			if _, err := tx.CreateBucket([]byte(name)); err != nil {
				return err
			}
		}
		chunks, err := writeState(tx.Bucket([]byte(snapshotBucket)), state)
		if err != nil {
			return err
		}
		kept := tx.Bucket([]byte(transitionBucket))
		if err := dropTransitions(kept, f.persisted, oldest); err != nil {
			return err
		}
		if err := writeTransitions(kept, first, transitions); err != nil {
			return err
		}
		return put(tx.Bucket([]byte(metaBucket)), []byte(headKey), headOf(state, chunks))
	})
	if err != nil {
		return fmt.Errorf("write snapshot: %w", err)
	}
	// The numbers of records go on, so that a record is never mistaken for one
	// that a snapshot has taken in.
	f.persisted = state.Sequence
	return nil
}

func headOf(state world.State, chunks uint32) *storagev1.SnapshotHead {
	head := &storagev1.SnapshotHead{
		TimeUnixNanos: int64(state.Now), LastInstanceNumber: state.LastNumber, LastTransition: state.Sequence, Chunks: chunks,
	}
	for _, pool := range state.Drained {
		head.DrainedPools = append(head.DrainedPools, poolRef(pool))
	}
	return head
}

func writeState(bucket *bbolt.Bucket, state world.State) (chunks uint32, err error) {
	bucket.FillPercent = 0.95
	for instances, requests := state.Instances, state.Requests; len(instances)+len(requests) > 0; chunks++ {
		chunk, terms := &storagev1.SnapshotChunk{}, newDictionary()
		some := instances[:min(chunkSize, len(instances))]
		instances = instances[len(some):]
		for i := range some {
			chunk.Instances = append(chunk.Instances, terms.instance(&some[i]))
		}
		old := requests[:min(chunkSize, len(requests))]
		requests = requests[len(old):]
		for _, request := range old {
			chunk.Requests = append(chunk.Requests, &storagev1.StoredRequest{
				Key: request.Key[:], Fingerprint: request.Fingerprint, FirstInstanceNumber: request.First,
				Launched: request.Launched, TimeUnixNanos: int64(request.Time),
			})
		}
		chunk.Dictionary = terms.message
		if err := put(bucket, number(uint64(chunks)), chunk); err != nil {
			return 0, err
		}
	}
	return chunks, nil
}

// dropTransitions deletes chunks that hold only transitions before oldest. The
// last chunk ends with the last transition that was persisted.
func dropTransitions(bucket *bbolt.Bucket, persisted, oldest uint64) error {
	var firsts []uint64
	cursor := bucket.Cursor()
	for key, _ := cursor.First(); key != nil; key, _ = cursor.Next() {
		firsts = append(firsts, binary.BigEndian.Uint64(key))
	}
	for i, first := range firsts {
		next := persisted + 1
		if i+1 < len(firsts) {
			next = firsts[i+1]
		}
		if next > oldest {
			return nil
		}
		if err := bucket.Delete(number(first)); err != nil {
			return err
		}
	}
	return nil
}

func writeTransitions(bucket *bbolt.Bucket, first uint64, transitions []world.Transition) error {
	bucket.FillPercent = 0.95
	for len(transitions) > 0 {
		some := transitions[:min(chunkSize, len(transitions))]
		transitions = transitions[len(some):]
		chunk, terms := &storagev1.TransitionChunk{FirstTransition: first}, newDictionary()
		for i := range some {
			t := &some[i]
			chunk.Transitions = append(chunk.Transitions, &storagev1.StoredTransition{
				Instance: terms.instance(&t.Instance), PriceMicrosPerHour: t.Price,
				Kind: int32(t.Kind), Reason: int32(t.Reason), TimeUnixNanos: int64(t.Time),
			})
		}
		chunk.Dictionary = terms.message
		if err := put(bucket, number(first), chunk); err != nil {
			return err
		}
		first += uint64(len(some))
	}
	return nil
}

// Load reads the last snapshot; false when there is none.
func (f *File) Load() (snapshot Snapshot, ok bool, err error) {
	err = f.db.View(func(tx *bbolt.Tx) error {
		raw := tx.Bucket([]byte(metaBucket)).Get([]byte(headKey))
		if raw == nil {
			return nil
		}
		ok = true
		head := &storagev1.SnapshotHead{}
		if err := proto.Unmarshal(raw, head); err != nil {
			return err
		}
		snapshot.State = world.State{
			Now: world.Instant(head.GetTimeUnixNanos()), LastNumber: head.GetLastInstanceNumber(), Sequence: head.GetLastTransition(),
		}
		for _, ref := range head.GetDrainedPools() {
			snapshot.State.Drained = append(snapshot.State.Drained, poolOf(ref))
		}
		if err := readState(tx.Bucket([]byte(snapshotBucket)), head.GetChunks(), &snapshot.State); err != nil {
			return err
		}
		return readTransitions(tx.Bucket([]byte(transitionBucket)), &snapshot)
	})
	if err != nil {
		return Snapshot{}, false, fmt.Errorf("read snapshot: %w", err)
	}
	f.persisted = snapshot.State.Sequence
	return snapshot, ok, nil
}

func readState(bucket *bbolt.Bucket, chunks uint32, state *world.State) error {
	for n := range chunks {
		chunk := &storagev1.SnapshotChunk{}
		raw := bucket.Get(number(uint64(n)))
		if raw == nil {
			return fmt.Errorf("chunk %d of %d is missing", n, chunks)
		}
		if err := proto.Unmarshal(raw, chunk); err != nil {
			return fmt.Errorf("chunk %d: %w", n, err)
		}
		terms := readDictionary(chunk.GetDictionary())
		for _, stored := range chunk.GetInstances() {
			instance, err := terms.instance(stored)
			if err != nil {
				return fmt.Errorf("chunk %d: %w", n, err)
			}
			state.Instances = append(state.Instances, instance)
		}
		for _, stored := range chunk.GetRequests() {
			request := world.Request{
				Fingerprint: stored.GetFingerprint(), First: stored.GetFirstInstanceNumber(),
				Launched: stored.GetLaunched(), Time: world.Instant(stored.GetTimeUnixNanos()),
			}
			copy(request.Key[:], stored.GetKey())
			state.Requests = append(state.Requests, request)
		}
	}
	return nil
}

func readTransitions(bucket *bbolt.Bucket, snapshot *Snapshot) error {
	return bucket.ForEach(func(key, raw []byte) error {
		chunk := &storagev1.TransitionChunk{}
		if err := proto.Unmarshal(raw, chunk); err != nil {
			return fmt.Errorf("transitions %x: %w", key, err)
		}
		if snapshot.First == 0 {
			snapshot.First = chunk.GetFirstTransition()
		} else if expected := snapshot.First + uint64(len(snapshot.Transitions)); chunk.GetFirstTransition() != expected {
			return fmt.Errorf("transitions %x: expected transition %d, found %d", key, expected, chunk.GetFirstTransition())
		}
		terms := readDictionary(chunk.GetDictionary())
		for _, stored := range chunk.GetTransitions() {
			instance, err := terms.instance(stored.GetInstance())
			if err != nil {
				return fmt.Errorf("transitions %x: %w", key, err)
			}
			snapshot.Transitions = append(snapshot.Transitions, world.Transition{
				Instance: instance, Price: stored.GetPriceMicrosPerHour(), Time: world.Instant(stored.GetTimeUnixNanos()),
				Kind: world.Kind(stored.GetKind()), Reason: world.Reason(stored.GetReason()),
			})
		}
		return nil
	})
}
