package verdict

import (
	"container/heap"
	"net/netip"
	"time"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/healthcheck/internal/probe"
	"github.com/seed-198b1370/muster/services/healthcheck/internal/records"
	"github.com/seed-198b1370/muster/services/healthcheck/judge"
)

// A place is what many instances have in common.
type place struct {
	group         records.Group
	zone          *zone
	instanceType  string
	billingMethod fleetv1.BillingMethod
	policy        *policy // of the group
}

// placeKey tells places apart.
type placeKey struct {
	group        records.Group
	zoneID       string
	instanceType string
	billing      fleetv1.BillingMethod
}

// A policy is how the instances of a group are judged and what they are asked.
type policy struct {
	*judge.Policy
	questions []*probe.Question
	// unasked is the same without probes, for an instance that has no address.
	unasked *judge.Policy
}

// A zone is the probed instances of a zone.
type zone struct {
	id        string
	probed    int
	failing   map[*tracked]time.Time // since when, in real time
	changed   bool                   // since the counts were looked at
	suspected map[int]suspicion      // by the share, in percent, that policies allow
}

// A suspicion is a zone in which the checker's own network is taken for broken.
type suspicion struct {
	counts judge.ZoneCounts
	since  time.Time // on the cloud's clock
}

// A record is what is known of one instance. It is small: there can be millions.
type record struct {
	place *place
	facts judge.Facts
	// ipv4 is its address; zero when that is of another kind or there is none.
	ipv4 [4]byte
	// listing is that in which it was seen last, modulo 2^32.
	listing uint32
	tracked *tracked // nil for most
}

// tracked is an instance that is probed, waits for something, or was unhealthy.
type tracked struct {
	*record
	id    string
	state judge.State
	// since is when the verdict came, on the cloud's clock.
	since time.Time
	// round numbers the questions to it; it is asked while it is not 0.
	round uint32
	// userRevision is that of what a user said, as far as state knows.
	userRevision uint64
	// look is when to look at it next, 0 for never; at is its place in the queue
	// of looks, from 1, 0 when it is not in it.
	look judge.Instant
	at   int
}

// table is the instances by id, and what they share.
type table struct {
	records map[string]*record
	places  map[placeKey]*place
	zones   map[string]*zone
	// addresses are those that are not IPv4.
	addresses map[string]netip.Addr
	looks     looks
	listing   uint32
	rounds    uint32
}

func newTable() *table {
	return &table{
		records: map[string]*record{}, places: map[placeKey]*place{}, zones: map[string]*zone{}, addresses: map[string]netip.Addr{},
	}
}

// placeOf finds or makes a place. PolicyOf tells the policy of a group.
func (t *table) placeOf(key placeKey, policyOf func(records.Group) *policy) *place {
	if p := t.places[key]; p != nil {
		return p
	}
	z := t.zones[key.zoneID]
	if z == nil {
		z = &zone{id: key.zoneID, failing: map[*tracked]time.Time{}, suspected: map[int]suspicion{}}
		t.zones[key.zoneID] = z
	}
	p := &place{group: key.group, zone: z, instanceType: key.instanceType, billingMethod: key.billing, policy: policyOf(key.group)}
	t.places[key] = p
	return p
}

// setAddress keeps the address of an instance.
func (t *table) setAddress(id string, r *record, text string) {
	address, err := netip.ParseAddr(text)
	if err != nil {
		address = netip.Addr{}
	}
	address = address.Unmap()
	r.ipv4 = [4]byte{}
	if address.Is4() {
		r.ipv4 = address.As4()
		address = netip.Addr{}
	}
	if address.IsValid() {
		t.addresses[id] = address
	} else if len(t.addresses) > 0 {
		delete(t.addresses, id)
	}
}

// addressOf is the address of an instance; invalid for none.
func (t *table) addressOf(id string, r *record) netip.Addr {
	if r.ipv4 != [4]byte{} {
		return netip.AddrFrom4(r.ipv4)
	}
	return t.addresses[id]
}

// track gives a record room for more.
func (t *table) track(id string, r *record) *tracked {
	if r.tracked == nil {
		r.tracked = &tracked{record: r, id: id}
	}
	return r.tracked
}

// schedule sets when to look at an instance next.
func (t *table) schedule(one *tracked, at judge.Instant) {
	switch {
	case at == one.look:
	case at == 0:
		heap.Remove(&t.looks, one.at-1)
		one.look = 0
	case one.look == 0:
		one.look = at
		heap.Push(&t.looks, one)
	default:
		one.look = at
		heap.Fix(&t.looks, one.at-1)
	}
}

// looks is a heap of instances by the time of the next look.
type looks []*tracked

// Len implements [heap.Interface].
func (l looks) Len() int { return len(l) }

// Less implements [heap.Interface].
func (l looks) Less(i, j int) bool { return l[i].look < l[j].look }

// Swap implements [heap.Interface].
func (l looks) Swap(i, j int) {
	l[i], l[j] = l[j], l[i]
	l[i].at, l[j].at = i+1, j+1
}

// Push implements [heap.Interface].
func (l *looks) Push(x any) {
	one := x.(*tracked) //nolint:errcheck,forcetypeassert // the heap holds nothing else
	*l = append(*l, one)
	one.at = len(*l)
}

// Pop implements [heap.Interface].
func (l *looks) Pop() any {
	last := len(*l) - 1
	one := (*l)[last]
	(*l)[last] = nil
	*l = (*l)[:last]
	one.at = 0
	return one
}
