package engine

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// What a block is given is what it gives back, whatever the values, from every
// place in it.
func TestBlock_givesBackWhatItWasGiven_Prop(t *testing.T) {
	tags := []*world.TagSet{world.NewTagSet(nil), world.NewTagSet(map[string]string{"a": "b"})}
	accounts := []*world.Account{world.NewAccount("x"), world.NewAccount("y")}
	attributes := []*world.Attributes{nil, {Name: "n"}, {Name: "n"}}
	disks := []*world.DiskSet{nil, world.DiskSetRecord{Base: 1}.Set()}
	transition := rapid.Custom(func(t *rapid.T) world.Transition {
		created := rapid.Int64Min(1).Draw(t, "created")
		// Disjoint bits, so that the sum does not overflow.
		since := func(name string) world.Instant {
			return world.Instant(created + rapid.Int64Range(0, 1<<40).Draw(t, name)&^created)
		}
		made := world.Transition{
			Instance: world.Instance{
				Number: rapid.Uint64().Draw(t, "number"), Account: rapid.SampledFrom(accounts).Draw(t, "account"),
				Tags: rapid.SampledFrom(tags).Draw(t, "tags"), Created: world.Instant(created),
				PurchasePrice: rapid.Int64().Draw(t, "purchase"), MaxPrice: rapid.Int64().Draw(t, "max"),
				Offer: rapid.Int32Min(0).Draw(t, "offer"), Transitions: rapid.Uint32().Draw(t, "transitions"),
				Status: world.Status(rapid.Uint8Max(15).Draw(t, "status")), NoticeReason: world.Reason(rapid.Uint8Max(15).Draw(t, "notice reason")),
				Spot: rapid.Bool().Draw(t, "spot"), Unprotected: rapid.Bool().Draw(t, "unprotected"),
				Attributes: rapid.SampledFrom(attributes).Draw(t, "attributes"), Disks: rapid.SampledFrom(disks).Draw(t, "disks"),
				Since: since("since"), Why: world.Reason(rapid.Uint8Max(15).Draw(t, "why")), Health: world.Health(rapid.Uint8Max(15).Draw(t, "health")),
				StopOnReclaim: rapid.Bool().Draw(t, "stop"), Economical: rapid.Bool().Draw(t, "economical"), FinancialLock: rapid.Bool().Draw(t, "lock"),
				Protected: rapid.Bool().Draw(t, "protected"), ReclaimOrdered: rapid.Bool().Draw(t, "ordered"),
			},
			Price: rapid.Int64().Draw(t, "price"), Time: since("time"),
			Kind: world.Kind(rapid.Uint8Max(15).Draw(t, "kind")), Reason: world.Reason(rapid.Uint8Max(15).Draw(t, "reason")),
		}
		if rapid.Bool().Draw(t, "started") {
			made.Instance.Started = since("start")
		}
		if rapid.Bool().Draw(t, "passes") {
			made.Instance.Due = since("due")
		}
		if rapid.Bool().Draw(t, "noticed") {
			made.Instance.Noticed = since("notice")
		}
		return made
	})
	rapid.Check(t, func(t *rapid.T) {
		packed := &block{}
		var given []world.Transition
		for _, together := range rapid.SliceOfN(transition, 1, 20).Draw(t, "transitions") {
			together.Alike = rapid.Uint32Range(0, 5).Draw(t, "alike")
			together.Instance.Number = min(together.Instance.Number, math.MaxUint64-10)
			packed.add(&together, int(together.Alike))
			given = slices.AppendSeq(given, together.Each())
		}
		if rapid.Bool().Draw(t, "sealed") {
			packed.seal()
		}
		for from := range given {
			for i, got := range packed.read(from, packed.len()) {
				if got != given[from+i] {
					t.Fatalf("transition %d read from %d is %+v, want %+v", from+i, from, got, given[from+i])
				}
			}
		}
	})
}
