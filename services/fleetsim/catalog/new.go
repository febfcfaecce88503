package catalog

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Bounds of what an [Offer] can be. The least of what is not named is 1.
const (
	// MaxVCPUs is the most vCPUs of a type.
	MaxVCPUs = 1_024
	// MaxMemoryMiB is the most memory of a type.
	MaxMemoryMiB = 16 << 20
	// MaxGPUs is the most GPUs of a type; there need be none.
	MaxGPUs = 64
	// MinPriceMicros is the lowest list price.
	MinPriceMicros = 1_000
	// MaxPriceMicros is the highest list price: what an instance costs at it
	// can be counted for 29 years.
	MaxPriceMicros = 10_000_000_000
	// MinSpotPermille is the lowest level of spot prices.
	MinSpotPermille = 100
	// MaxSpotPermille is the highest level of spot prices: the list price.
	MaxSpotPermille = 1_000
	// MaxCapacity is the most instances that a zone can hold of a type.
	MaxCapacity = 1_000_000
	// MaxZones is how many zones a region can have, by the fleet's contract.
	MaxZones = 64
)

const (
	nameRule = "must be 1 to 64 lower-case letters, digits, dots and hyphens"
	zoneRule = "must be a region and a letter, like cn-shenzhen-d"
)

// An OfferError tells what is wrong with one of several offers.
type OfferError struct {
	// Index is the place of the offer among them.
	Index int
	// Column is what is wrong of it, as the column of a catalog is called.
	Column string
	// Value is the wrong value, cut short.
	Value string
	// Rule says what would be right.
	Rule string
}

// Error implements error.
func (e OfferError) Error() string {
	return fmt.Sprintf("offer %d, %s: %s, got %q", e.Index, e.Column, e.Rule, e.Value)
}

// OffersError tells all that is wrong with offers, in their order.
type OffersError []OfferError

// Error implements error.
func (e OffersError) Error() string {
	lines := make([]string, len(e))
	for i, one := range e {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// New makes the catalog of a region from offers in any order. All zones must be
// of one region, which regionID names unless it is empty, and a type must look
// the same in all its zones. The category and the level that an offer does not
// tell are taken from its family's name. Its error is an [OffersError].
func New(regionID string, offers []Offer) (*Catalog, error) {
	if len(offers) == 0 {
		return nil, OffersError{{Column: "instance_type", Rule: "must be given: a region sells something"}}
	}
	if regionID == "" {
		regionID = regionOf(offers[0].ZoneID)
	}
	offers = slices.Clone(offers)
	for i := range offers {
		offers[i].tellKind()
	}
	check := offerCheck{regionID: regionID, first: map[string]int{}, sold: map[[2]string]bool{}}
	for i, offer := range offers {
		check.one(offers, i, offer)
	}
	if len(check.found) > 0 {
		return nil, check.found
	}
	c := &Catalog{regionID: regionID, offers: offers}
	return c, c.finish()
}

// offerCheck holds offers against the rules.
type offerCheck struct {
	regionID string
	first    map[string]int     // where each type was first
	sold     map[[2]string]bool // by zone and type
	found    OffersError
}

func (c *offerCheck) fail(i int, column, value, rule string) {
	c.found = append(c.found, OfferError{i, column, cut(value), rule})
}

func (c *offerCheck) one(all []Offer, i int, o Offer) {
	c.names(i, o)
	if o.Architecture != X86 && o.Architecture != ARM {
		c.fail(i, "architecture", string(o.Architecture), "must be x86 or arm")
	}
	within(c, i, "vcpus", int64(o.VCPUs), 1, MaxVCPUs)
	within(c, i, "memory_mib", o.MemoryMiB, 1, MaxMemoryMiB)
	within(c, i, "gpus", int64(o.GPUs), 0, MaxGPUs)
	within(c, i, "pay_as_you_go_micros_per_hour", o.PayAsYouGoMicros, MinPriceMicros, MaxPriceMicros)
	within(c, i, "spot_base_permille", o.SpotBasePermille, MinSpotPermille, MaxSpotPermille)
	within(c, i, "capacity_instances", o.Capacity, 1, MaxCapacity)
	among(c, i, "category", o.Category, Categories())
	among(c, i, "family_level", o.Level, Levels())
	pool := [2]string{o.ZoneID, o.InstanceType}
	first, known := c.first[o.InstanceType]
	switch {
	case !known:
		c.first[o.InstanceType] = i
	case c.sold[pool]:
		c.fail(i, "zone_id", o.ZoneID, "must be another zone than before: the type is listed there already")
	default:
		c.same(i, all[first], o)
	}
	c.sold[pool] = true
}

func (c *offerCheck) names(i int, o Offer) {
	for _, name := range [][2]string{{"zone_id", o.ZoneID}, {"instance_type", o.InstanceType}, {"family", o.Family}} {
		if !isName(name[1]) {
			c.fail(i, name[0], name[1], nameRule)
		}
	}
	switch region := regionOf(o.ZoneID); {
	case region == "":
		c.fail(i, "zone_id", o.ZoneID, zoneRule)
	case region != c.regionID:
		c.fail(i, "zone_id", o.ZoneID, "must be a zone of region "+cut(c.regionID))
	}
}

// same holds an offer against the first one of its type.
func (c *offerCheck) same(i int, first, o Offer) {
	rule := fmt.Sprintf("must be the same in all zones, as in %s", cut(first.ZoneID))
	before := len(c.found)
	for _, pair := range []struct {
		column    string
		got, want any
	}{
		{"family", o.Family, first.Family},
		{"architecture", o.Architecture, first.Architecture},
		{"vcpus", o.VCPUs, first.VCPUs},
		{"memory_mib", o.MemoryMiB, first.MemoryMiB},
		{"gpus", o.GPUs, first.GPUs},
		{"pay_as_you_go_micros_per_hour", o.PayAsYouGoMicros, first.PayAsYouGoMicros},
	} {
		if pair.got != pair.want {
			c.fail(i, pair.column, fmt.Sprint(pair.got), rule)
		}
	}
	if len(c.found) > before {
		return // the kind may follow from what differs
	}
	if o.Category != first.Category {
		c.fail(i, "category", string(o.Category), rule)
	}
	if o.Level != first.Level {
		c.fail(i, "family_level", string(o.Level), rule)
	}
}

func within[N cmp.Ordered](c *offerCheck, i int, column string, value, least, most N) {
	if value < least || value > most {
		c.fail(i, column, fmt.Sprint(value), fmt.Sprintf("must be a whole number from %v to %v", least, most))
	}
}

func among[W ~string](c *offerCheck, i int, column string, value W, words []W) {
	if !slices.Contains(words, value) {
		c.fail(i, column, string(value), mustBeOne(words))
	}
}

// mustBeOne is the rule that a value is one of some words.
func mustBeOne[W ~string](words []W) string {
	rule := "must be one of "
	for i, word := range words {
		if i > 0 {
			rule += ", "
		}
		rule += string(word)
	}
	return rule
}

// isName tells whether a text can name a zone, a type or a family.
func isName(text string) bool {
	return text != "" && len(text) <= 64 && strings.Trim(text, "abcdefghijklmnopqrstuvwxyz0123456789.-") == ""
}
