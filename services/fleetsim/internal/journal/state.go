package journal

import (
	"iter"
	"slices"

	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/fleetsim/storage/v1"
	"github.com/seed-198b1370/muster/services/fleetsim/internal/wire"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// chunkSize is how many instances, requests, accounts, disks, bills or
// transitions one chunk holds at most.
const chunkSize = 1024

// encodeHead makes the record of the part of a state that is small.
func encodeHead(state *world.State) *storagev1.SnapshotHead {
	head := &storagev1.SnapshotHead{
		TimeUnixNanos: int64(state.Now), LastInstanceNumber: state.LastNumber, LastTransition: state.Sequence,
		DrainedPools: poolRefs(state.Drained), Shocks: encodeShocks(state.Shocks),
	}
	for _, fault := range state.Faults {
		head.Faults = append(head.Faults, wire.ToFault(&fault))
	}
	return head
}

// decodeHead makes that part of the state of a record.
func decodeHead(head *storagev1.SnapshotHead) (world.State, error) {
	state := world.State{
		Now: world.Instant(head.GetTimeUnixNanos()), LastNumber: head.GetLastInstanceNumber(), Sequence: head.GetLastTransition(),
		Drained: poolsOf(head.GetDrainedPools()), Shocks: decodeShocks(head.GetShocks()),
	}
	for _, stored := range head.GetFaults() {
		fault, err := decodeFault(stored)
		if err != nil {
			return world.State{}, err
		}
		state.Faults = append(state.Faults, fault)
	}
	return state, nil
}

// stateChunks makes the records of the rest of a state, and tells how many
// entries each holds.
func stateChunks(state *world.State) iter.Seq2[*storagev1.SnapshotChunk, int] {
	return func(yield func(*storagev1.SnapshotChunk, int) bool) {
		for some := range slices.Chunk(state.Instances, chunkSize) {
			if !yield(instanceChunk(some), len(some)) {
				return
			}
		}
		for some := range slices.Chunk(state.Requests, chunkSize) {
			if !yield(requestChunk(some), len(some)) {
				return
			}
		}
		for account := range accountRecords(state.Accounts) {
			if !yield(&storagev1.SnapshotChunk{Accounts: []*storagev1.StoredAccount{account}}, 1) {
				return
			}
		}
		for some := range slices.Chunk(state.Disks, chunkSize) {
			chunk := &storagev1.SnapshotChunk{}
			for i := range some {
				chunk.Disks = append(chunk.Disks, encodeDisk(&some[i]))
			}
			if !yield(chunk, len(some)) {
				return
			}
		}
		for some := range slices.Chunk(state.Bills, chunkSize) {
			if !yield(billChunk(some), len(some)) {
				return
			}
		}
	}
}

func instanceChunk(instances []world.Instance) *storagev1.SnapshotChunk {
	chunk, terms := &storagev1.SnapshotChunk{}, newDictionary()
	for i := range instances {
		chunk.Instances = append(chunk.Instances, terms.instance(&instances[i]))
	}
	chunk.Dictionary = terms.message
	return chunk
}

func requestChunk(requests []world.Request) *storagev1.SnapshotChunk {
	chunk := &storagev1.SnapshotChunk{}
	for i := range requests {
		request := &requests[i]
		chunk.Requests = append(chunk.Requests, &storagev1.StoredRequest{
			Key: request.Key[:], Fingerprint: request.Fingerprint, FirstInstanceNumber: request.First,
			Launched: request.Launched, TimeUnixNanos: int64(request.Time),
		})
	}
	return chunk
}

func billChunk(bills []world.FinalBill) *storagev1.SnapshotChunk {
	chunk := &storagev1.SnapshotChunk{}
	for _, bill := range bills {
		chunk.Bills = append(chunk.Bills, &storagev1.StoredBill{
			InstanceNumber: bill.Number, AccountId: bill.AccountID, Compute: bill.Compute, Disks: bill.Disks,
		})
	}
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
	for _, stored := range chunk.GetAccounts() {
		state.Accounts = addAccount(state.Accounts, stored)
	}
	for _, stored := range chunk.GetDisks() {
		state.Disks = append(state.Disks, decodeDisk(stored))
	}
	for _, stored := range chunk.GetBills() {
		state.Bills = append(state.Bills, world.FinalBill{
			Number: stored.GetInstanceNumber(), AccountID: stored.GetAccountId(), Compute: stored.GetCompute(), Disks: stored.GetDisks(),
		})
	}
	return len(chunk.GetInstances()) + len(chunk.GetRequests()) + len(chunk.GetAccounts()) + len(chunk.GetDisks()) + len(chunk.GetBills()), nil
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
