package journal

import (
	"iter"

	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/fleetsim/storage/v1"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// chunkSize is how many instances, requests or transitions one chunk holds.
const chunkSize = 1024

// encodeHead makes the record of the part of a state that is small.
func encodeHead(state *world.State) *storagev1.SnapshotHead {
	head := &storagev1.SnapshotHead{
		TimeUnixNanos: int64(state.Now), LastInstanceNumber: state.LastNumber, LastTransition: state.Sequence,
	}
	for _, pool := range state.Drained {
		head.DrainedPools = append(head.DrainedPools, poolRef(pool))
	}
	return head
}

// decodeHead makes that part of the state of a record.
func decodeHead(head *storagev1.SnapshotHead) world.State {
	state := world.State{
		Now: world.Instant(head.GetTimeUnixNanos()), LastNumber: head.GetLastInstanceNumber(), Sequence: head.GetLastTransition(),
	}
	for _, ref := range head.GetDrainedPools() {
		state.Drained = append(state.Drained, poolOf(ref))
	}
	return state
}

// stateChunks makes the records of the rest of a state, and tells how many
// entries each holds.
func stateChunks(state *world.State) iter.Seq2[*storagev1.SnapshotChunk, int] {
	return func(yield func(*storagev1.SnapshotChunk, int) bool) {
		for instances, requests := state.Instances, state.Requests; len(instances)+len(requests) > 0; {
			some, old := instances[:min(chunkSize, len(instances))], requests[:min(chunkSize, len(requests))]
			instances, requests = instances[len(some):], requests[len(old):]
			if !yield(encodeChunk(some, old), len(some)+len(old)) {
				return
			}
		}
	}
}

func encodeChunk(instances []world.Instance, requests []world.Request) *storagev1.SnapshotChunk {
	chunk, terms := &storagev1.SnapshotChunk{}, newDictionary()
	for i := range instances {
		chunk.Instances = append(chunk.Instances, terms.instance(&instances[i]))
	}
	for i := range requests {
		request := &requests[i]
		chunk.Requests = append(chunk.Requests, &storagev1.StoredRequest{
			Key: request.Key[:], Fingerprint: request.Fingerprint, FirstInstanceNumber: request.First,
			Launched: request.Launched, TimeUnixNanos: int64(request.Time),
		})
	}
	chunk.Dictionary = terms.message
	return chunk
}

// decodeChunk adds what a record holds to a state, and tells how many entries
// that were.
func decodeChunk(chunk *storagev1.SnapshotChunk, state *world.State) (entries int, err error) {
	terms := readDictionary(chunk.GetDictionary())
	for _, stored := range chunk.GetInstances() {
		instance, err := terms.instance(stored)
		if err != nil {
			return 0, err
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
	return len(chunk.GetInstances()) + len(chunk.GetRequests()), nil
}

func encodeTransitions(first uint64, transitions []world.Transition) *storagev1.TransitionChunk {
	chunk, terms := &storagev1.TransitionChunk{FirstTransition: first}, newDictionary()
	for i := range transitions {
		t := &transitions[i]
		chunk.Transitions = append(chunk.Transitions, &storagev1.StoredTransition{
			Instance: terms.instance(&t.Instance), PriceMicrosPerHour: t.Price,
			Kind: int32(t.Kind), Reason: int32(t.Reason), TimeUnixNanos: int64(t.Time),
		})
	}
	chunk.Dictionary = terms.message
	return chunk
}

func decodeTransitions(chunk *storagev1.TransitionChunk) ([]world.Transition, error) {
	terms := readDictionary(chunk.GetDictionary())
	transitions := make([]world.Transition, 0, len(chunk.GetTransitions()))
	for _, stored := range chunk.GetTransitions() {
		instance, err := terms.instance(stored.GetInstance())
		if err != nil {
			return nil, err
		}
		transitions = append(transitions, world.Transition{
			Instance: instance, Price: stored.GetPriceMicrosPerHour(), Time: world.Instant(stored.GetTimeUnixNanos()),
			Kind: world.Kind(stored.GetKind()), Reason: world.Reason(stored.GetReason()),
		})
	}
	return transitions, nil
}
