package catalog

import (
	"bytes"
	_ "embed"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

//go:embed cn-shenzhen.csv
var shipped []byte

// An Architecture is the kind of processor of an instance type.
type Architecture string

// The architectures.
const (
	// X86 is 64-bit x86.
	X86 Architecture = "x86"
	// ARM is 64-bit Arm.
	ARM Architecture = "arm"
)

// An Offer is an instance type in a zone that sells it.
type Offer struct {
	// ZoneID is the zone, for example cn-shenzhen-d.
	ZoneID string
	// InstanceType is the type, for example ecs.c6.large.
	InstanceType string
	// Family is the family of the type, for example ecs.c6.
	Family string
	// Architecture is the type's kind of processor.
	Architecture Architecture
	// VCPUs is how many vCPUs the type has, 1 to 1,024.
	VCPUs int32
	// MemoryMiB is the type's memory, 1 MiB to 16 TiB.
	MemoryMiB int64
	// GPUs is how many GPUs the type has, 0 to 64.
	GPUs int32
	// PayAsYouGoMicros is the list price in micro-units of the currency per
	// hour, 1,000 to 10,000,000,000.
	PayAsYouGoMicros int64
	// SpotBasePermille is the level around which the spot price moves, in
	// thousandths of the list price, 100 to 1,000.
	SpotBasePermille int64
	// Capacity is how many instances of the type the zone can hold, 1 to
	// 1,000,000, whoever owns them.
	Capacity int64
	// Category is the kind of the family. A catalog tells it of every offer; one
	// that is made of offers without takes it from their family's name.
	Category Category
	// Level is the level of the family, likewise.
	Level Level
}

// Burstable tells whether the CPU of the type gives its full performance in
// bursts only.
func (o *Offer) Burstable() bool { return o.Level == LevelCreditEntry }

// A Catalog is all offers of one region.
type Catalog struct {
	regionID string
	zoneIDs  []string
	types    []string
	offers   []Offer
}

// Default is the catalog that is shipped with the service.
func Default() (*Catalog, error) {
	c, err := Parse(bytes.NewReader(shipped))
	if err != nil {
		return nil, fmt.Errorf("shipped catalog: %w", err)
	}
	return c, nil
}

// RegionID is the region, for example cn-shenzhen.
func (c *Catalog) RegionID() string { return c.regionID }

// ZoneIDs is the zones of the region, in ascending order. The caller must not
// change it.
func (c *Catalog) ZoneIDs() []string { return c.zoneIDs }

// InstanceTypes is the types that at least one zone sells, in ascending order.
// The caller must not change it.
func (c *Catalog) InstanceTypes() []string { return c.types }

// Offers is what is sold, by instance type, then zone. The index of an offer
// names it in the market and in the world. The caller must not change it.
func (c *Catalog) Offers() []Offer { return c.offers }

// Find tells the index of the offer of a type in a zone.
func (c *Catalog) Find(zoneID, instanceType string) (int, bool) {
	return slices.BinarySearchFunc(c.offers, Offer{ZoneID: zoneID, InstanceType: instanceType}, compareOffers)
}

// OffersOf tells the indexes, first and one past the last, of the offers of a
// type: its zones in ascending order. They are equal for an unknown type.
func (c *Catalog) OffersOf(instanceType string) (first, end int) {
	first, _ = slices.BinarySearchFunc(c.offers, instanceType, func(o Offer, t string) int {
		return strings.Compare(o.InstanceType, t)
	})
	end = first
	for end < len(c.offers) && c.offers[end].InstanceType == instanceType {
		end++
	}
	return first, end
}

// HasZone tells whether the region has a zone.
func (c *Catalog) HasZone(zoneID string) bool {
	_, ok := slices.BinarySearch(c.zoneIDs, zoneID)
	return ok
}

// HasType tells whether any zone sells a type.
func (c *Catalog) HasType(instanceType string) bool {
	_, ok := slices.BinarySearch(c.types, instanceType)
	return ok
}

// Write writes the catalog in the form that [Parse] reads. Equal catalogs give
// equal bytes.
func (c *Catalog) Write(to io.Writer) error {
	w := csv.NewWriter(to)
	// A csv.Writer keeps its first error, and Flush leaves it for Error.
	_ = w.Write(columns())
	for _, o := range c.offers {
		_ = w.Write([]string{
			o.ZoneID, o.InstanceType, o.Family, string(o.Architecture),
			strconv.FormatInt(int64(o.VCPUs), 10), strconv.FormatInt(o.MemoryMiB, 10), strconv.FormatInt(int64(o.GPUs), 10),
			strconv.FormatInt(o.PayAsYouGoMicros, 10), strconv.FormatInt(o.SpotBasePermille, 10), strconv.FormatInt(o.Capacity, 10),
			string(o.Category), string(o.Level),
		})
	}
	w.Flush()
	if err := w.Error(); err != nil {
		return fmt.Errorf("write catalog: %w", err)
	}
	return nil
}

func compareOffers(a, b Offer) int {
	if byType := strings.Compare(a.InstanceType, b.InstanceType); byType != 0 {
		return byType
	}
	return strings.Compare(a.ZoneID, b.ZoneID)
}
