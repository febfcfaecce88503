package trace

import (
	"slices"
	"sort"

	"github.com/seed-198b1370/muster/services/fleetsim/catalog"
)

// A Format is a form of trace files.
type Format string

// The formats.
const (
	// Availability is `t_s` and a column for each pool.
	Availability Format = "availability"
	// PoolPrices is the changes of prices by pool.
	PoolPrices Format = "pool prices"
	// TypePrices is the changes of prices by instance type and zone.
	TypePrices Format = "type prices"
	// Changes is the changes of prices, availability, or both, by instance type
	// and zone.
	Changes Format = "changes"
)

// A Series is a step function of time: a number of instances, or a price in
// micro-units of the currency per hour.
type Series struct {
	at     []int64 // seconds, ascending; at least one
	values []int64
	// The span of the file's rows that had a value for this series.
	first, last int64
	step        int64 // of the file's rows, 0 if they are not equally spaced
}

// At tells the value that is in force at a second: that of the last step up to
// it, or the first one before that.
func (s *Series) At(second int64) int64 {
	after := sort.Search(len(s.at), func(i int) bool { return s.at[i] > second })
	return s.values[max(after-1, 0)]
}

// least tells the least value in force from one second to another.
func (s *Series) least(from, to int64) int64 {
	next := sort.Search(len(s.at), func(i int) bool { return s.at[i] > from })
	least := s.values[max(next-1, 0)]
	for ; next < len(s.at) && s.at[next] <= to; next++ {
		least = min(least, s.values[next])
	}
	return least
}

// Steps is how many steps the series has, at least 1.
func (s *Series) Steps() int { return len(s.at) }

// Step tells a step, from 0: the second it begins at and the value from there
// on, which differs from the one before.
func (s *Series) Step(i int) (second, value int64) { return s.at[i], s.values[i] }

// Span tells the seconds of the first and of the last row with a value.
func (s *Series) Span() (first, last int64) { return s.first, s.last }

// RowSeconds is how many seconds one row is after the other; 0 if the rows are
// changes, which come at any time.
func (s *Series) RowSeconds() int64 { return s.step }

// end is the second after what the series tells.
func (s *Series) end() int64 { return s.last + max(s.step, 1) }

// rebased is the series with its time counted from another second.
func (s *Series) rebased(zero int64) *Series {
	moved := &Series{at: slices.Clone(s.at), values: s.values, first: s.first - zero, last: s.last - zero, step: s.step}
	for i := range moved.at {
		moved.at[i] -= zero
	}
	return moved
}

// A File is what a trace file holds.
type File struct {
	format Format
	names  []string
	stock  map[string]*Series
	price  map[string]*Series
}

// Format is the form the file had.
func (f *File) Format() Format { return f.format }

// Names is the names of all series, in the order of their first values. The
// caller must not change it.
func (f *File) Names() []string { return f.names }

// Stock finds the numbers of instances that could be had, by name.
func (f *File) Stock(name string) (*Series, bool) { s, ok := f.stock[name]; return s, ok }

// Price finds the prices by name.
func (f *File) Price(name string) (*Series, bool) { s, ok := f.price[name]; return s, ok }

// Span tells the seconds of the first and of the last row.
func (f *File) Span() (first, last int64) {
	began := false
	for _, set := range []map[string]*Series{f.stock, f.price} {
		for _, s := range set {
			if !began {
				first, last, began = s.first, s.last, true
			}
			first, last = min(first, s.first), max(last, s.last)
		}
	}
	return first, last
}

// Rebase counts the time of a file from another second, within the span of the
// file or not: what was at that second is at 0 then. It makes files whose
// times are dates fit a replay, and each other.
func (f *File) Rebase(zero int64) *File {
	moved := &File{format: f.format, names: f.names, stock: map[string]*Series{}, price: map[string]*Series{}}
	for name, s := range f.stock {
		moved.stock[name] = s.rebased(zero)
	}
	for name, s := range f.price {
		moved.price[name] = s.rebased(zero)
	}
	return moved
}

// Bind gives each offer of a catalog the series that bear its name, the type
// and the zone with a space between them, and tells the names of series that no
// offer has.
func (f *File) Bind(c *catalog.Catalog) (bound []Binding, without []string) {
	known := map[string]bool{}
	for i, offer := range c.Offers() {
		name := offerName(offer.InstanceType, offer.ZoneID)
		b := Binding{Offer: i, Stock: f.stock[name], Price: f.price[name]}
		if b.Stock != nil || b.Price != nil {
			bound = append(bound, b)
			known[name] = true
		}
	}
	for _, name := range f.names {
		if !known[name] {
			without = append(without, name)
		}
	}
	return bound, without
}

// offerName is the name of the series of a type in a zone.
func offerName(instanceType, zoneID string) string { return instanceType + " " + zoneID }
