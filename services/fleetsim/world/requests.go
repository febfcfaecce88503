package world

import (
	"crypto/sha256"
	"encoding/binary"
	"time"
)

// How long requests are remembered: an answer is forgotten only when it is both
// older than this and not among the last so many.
const (
	// RequestMemory is the age.
	RequestMemory = 24 * time.Hour
	// RequestsKept is the number.
	RequestsKept = 100_000
)

// RequestKey is a hash of account, kind of command and request id.
type RequestKey [16]byte

// A Request is what is remembered of a command that did what it asked for.
type Request struct {
	// Key names account, kind and request id.
	Key RequestKey
	// Fingerprint is a hash of the parameters.
	Fingerprint uint64
	// First is the number of the first instance that was launched; the others
	// follow it. 0 for other commands than launches.
	First uint64
	// Launched is how many there are.
	Launched uint32
	// Time is when.
	Time Instant
}

// requestMemory is the requests that are remembered, in the order in which they
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

// keyOf hashes an account, a kind of command and a request id. The kind of
// launches is empty.
func keyOf(accountID, kind, requestID string) RequestKey {
	raw := binary.AppendUvarint(nil, uint64(len(accountID)))
	raw = append(raw, accountID...)
	if kind != "" {
		raw = append(append(raw, kind...), ' ') // no request id holds a space
	}
	raw = append(raw, requestID...)
	sum := sha256.Sum256(raw)
	return RequestKey(sum[:16])
}

// fingerprint is a hash of all that a launch asks for.
func (l *Launch) fingerprint(tags *TagSet) uint64 {
	var raw []byte
	for _, number := range []int64{
		int64(l.Pool.Offer), int64(flag(l.Pool.Spot)), int64(l.Amount), int64(l.MinAmount), l.MaxPrice,
		int64(flag(l.Unprotected)), int64(flag(l.StopOnReclaim)), int64(flag(l.Attributes.DeletionProtection)), int64(len(l.Disks)),
	} {
		raw = binary.AppendVarint(raw, number)
	}
	for _, disk := range l.Disks {
		raw = binary.AppendVarint(raw, int64(disk.SizeGiB)<<2|int64(flag(disk.Keep))<<1|int64(flag(disk.System)))
		raw = binary.AppendUvarint(raw, uint64(len(disk.Categories)))
		for _, category := range disk.Categories {
			raw = append(raw, byte(category))
		}
	}
	for _, text := range []string{l.Attributes.Name, l.Attributes.Description, tags.encoded} {
		raw = binary.AppendUvarint(raw, uint64(len(text)))
		raw = append(raw, text...)
	}
	if l.Attributes.UniqueSuffix {
		raw = append(raw, 1)
	}
	raw = l.Attributes.Options.appendTo(raw)
	return hash(raw)
}

// fingerprint is a hash of all that a batch asks for, in a mode of its kind.
func (b *Batch) fingerprint(mode int) uint64 {
	raw := []byte{byte(mode<<1 | flag(b.BestEffort))}
	for _, number := range b.Numbers {
		raw = binary.BigEndian.AppendUint64(raw, number)
	}
	return hash(raw)
}

func hash(raw []byte) uint64 {
	sum := sha256.Sum256(raw)
	return binary.BigEndian.Uint64(sum[:8])
}

func flag(set bool) int {
	if set {
		return 1
	}
	return 0
}
