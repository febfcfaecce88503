package world

import (
	"crypto/sha256"
	"encoding/binary"
	"time"
)

// How long launches are remembered: an answer is forgotten only when it is both
// older than this and not among the last so many.
const (
	// RequestMemory is the age.
	RequestMemory = 24 * time.Hour
	// RequestsKept is the number.
	RequestsKept = 100_000
)

// RequestKey is a hash of account and request id.
type RequestKey [16]byte

// A Request is what is remembered of a launch that delivered.
type Request struct {
	// Key names account and request id.
	Key RequestKey
	// Fingerprint is a hash of the parameters.
	Fingerprint uint64
	// First is the number of the first instance; the others follow it.
	First uint64
	// Launched is how many there are.
	Launched uint32
	// Time is when.
	Time Instant
}

// requestMemory is the launches that are remembered, in the order in which they
// happened.
type requestMemory struct {
	queue  []Request
	gone   uint64                // how many have left the queue
	places map[RequestKey]uint64 // place in the order of all, those that left included
}

func (m *requestMemory) find(key RequestKey) (Request, bool) {
	place, ok := m.places[key]
	if !ok {
		return Request{}, false
	}
	return m.queue[place-m.gone], true
}

func (m *requestMemory) add(r Request) {
	m.places[r.Key] = m.gone + uint64(len(m.queue))
	m.queue = append(m.queue, r)
	for len(m.queue) > RequestsKept && m.queue[0].Time.Add(RequestMemory) < r.Time {
		delete(m.places, m.queue[0].Key)
		m.queue = m.queue[1:]
		m.gone++
	}
}

func keyOf(accountID, requestID string) RequestKey {
	raw := binary.AppendUvarint(nil, uint64(len(accountID)))
	raw = append(raw, accountID...)
	raw = append(raw, requestID...)
	sum := sha256.Sum256(raw)
	return RequestKey(sum[:16])
}

// fingerprint is a hash of all that a launch asks for.
func (l *Launch) fingerprint(tags *TagSet) uint64 {
	var raw []byte
	for _, number := range []int64{int64(l.Pool.Offer), int64(flag(l.Pool.Spot)), int64(l.Amount), int64(l.MinAmount), l.MaxPrice, int64(flag(l.Unprotected))} {
		raw = binary.AppendVarint(raw, number)
	}
	sum := sha256.Sum256(append(raw, tags.encoded...))
	return binary.BigEndian.Uint64(sum[:8])
}

func flag(set bool) int {
	if set {
		return 1
	}
	return 0
}
