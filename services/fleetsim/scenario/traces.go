package scenario

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/seed-198b1370/muster/services/fleetsim/catalog"
	"github.com/seed-198b1370/muster/services/fleetsim/trace"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// market reads how prices and stock move.
func (d *decoder) market(root *mapping) {
	d.s.Volatility = 1_000_000
	section, ok := root.object("market", d.schema.market)
	if !ok {
		return
	}
	if model, ok := section.object("model", d.schema.model); ok {
		d.s.Volatility = model.number("volatility")
	}
	if traces, ok := section.object("traces", d.schema.traces); ok {
		d.traces(traces)
	}
}

// traces reads recorded series.
func (d *decoder) traces(m *mapping) {
	before := d.count()
	spec := &ReplaySpec{Tick: m.span("step"), Repeat: m.flag("repeat")}
	if spec.Tick%time.Second != 0 {
		d.fail(m.under("step"), "must be whole seconds")
	}
	bound := bindings{decoder: d, byOffer: map[int]*trace.Binding{}}
	for _, item := range m.list("files") {
		if file, ok := d.mapping(item, d.schema.file); ok {
			bound.read(file)
		}
	}
	if d.s.Catalog == nil || d.count() > before {
		return
	}
	for _, offer := range slices.Sorted(maps.Keys(bound.byOffer)) {
		spec.Series = append(spec.Series, *bound.byOffer[offer])
	}
	replay, err := spec.market(d.s.Catalog, nil, world.Instant(0))
	if err != nil {
		at := m.under("step")
		d.report(Problem{d.file, at.node.Line, at.node.Column, at.path, err.Error(), ""})
		return
	}
	spec.ClampedPrices = replay.ClampedPrices()
	d.s.Replay = spec
}

// bindings collects which offer follows which series.
type bindings struct {
	*decoder
	byOffer map[int]*trace.Binding
	steps   int // of all files
}

// stepsOf is how often the series of a file change, which is what takes memory.
func stepsOf(f *trace.File) int {
	steps := 0
	for _, name := range f.Names() {
		for _, find := range []func(string) (*trace.Series, bool){f.Stock, f.Price} {
			if s, ok := find(name); ok {
				steps += s.Steps()
			}
		}
	}
	return steps
}

// read reads a trace file and binds what is asked for.
func (b *bindings) read(m *mapping) {
	name := m.text("file")
	from := m.positionOf("from")
	if name == "" {
		return
	}
	data, ok := b.named(m.under("file"), name)
	if !ok {
		return
	}
	parsed, err := trace.Parse(strings.NewReader(string(data)))
	if err != nil {
		b.inFile(m.under("file"), name, err)
		return
	}
	if b.steps += stepsOf(parsed); b.steps > trace.MaxSteps {
		b.fail(m.under("file"), fmt.Sprintf("must not make the traces change more than %d times together", trace.MaxSteps))
		return
	}
	if from, ok = b.from(m, parsed, from); !ok || b.s.Catalog == nil {
		return
	}
	if from != 0 {
		parsed = parsed.Rebase(from)
	}
	if m.has("series") {
		b.chosen(m, parsed)
		return
	}
	bound, without := parsed.Bind(b.s.Catalog)
	if len(without) > 0 {
		b.fail(m.under("file"), fmt.Sprintf("must name its series after pools, as %q, or have the key series that tells whose they are: it holds %s",
			poolOf(b.s.Catalog.Offers()[0]), list3(without)))
		return
	}
	for _, one := range bound {
		b.bind(m.under("file"), one)
	}
}

// poolOf is how a series is named after a pool.
func poolOf(o catalog.Offer) string { return o.InstanceType + " " + o.ZoneID }

// list3 is the first three of some names, quoted.
func list3(names []string) string {
	var quoted []string
	for _, name := range names[:min(3, len(names))] {
		quoted = append(quoted, shown(name))
	}
	if more := len(names) - len(quoted); more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(quoted, ", "), more)
	}
	return strings.Join(quoted, ", ")
}

// from settles which second of a file is the beginning, and holds that the file
// tells something of what comes after.
func (b *bindings) from(m *mapping, f *trace.File, given int64) (int64, bool) {
	first, last := f.Span()
	dated := f.Format() == trace.TypePrices || f.Format() == trace.Changes
	switch {
	case m.has("from"):
	case dated && b.s.Start.IsZero():
		b.fail(m.place, fmt.Sprintf("must have from, such as %s, as its file tells times and the scenario has no start", at(first, dated)))
		return 0, false
	case dated:
		given = b.s.Start.Unix()
	}
	if given > last {
		b.fail(m.under("from"), fmt.Sprintf("must have rows at or after the beginning, which is %s in the file: its rows are from %s to %s", at(given, dated), at(first, dated), at(last, dated)))
		return 0, false
	}
	return given, true
}

// at writes a time of a file.
func at(second int64, dated bool) string {
	if dated {
		return time.Unix(second, 0).UTC().Format(time.RFC3339)
	}
	return fmt.Sprintf("%d s", second)
}

// chosen binds the series that are named.
func (b *bindings) chosen(m *mapping, f *trace.File) {
	for _, item := range m.list("series") {
		s, ok := b.mapping(item, b.schema.series)
		if !ok {
			continue
		}
		name := s.text("name")
		offer, sold := b.offer(s)
		stock, hasStock := f.Stock(name)
		price, hasPrice := f.Price(name)
		if name != "" && !hasStock && !hasPrice {
			b.fail(s.under("name"), "must be a series of the file"+b.didYouMean(name, f.Names()))
			continue
		}
		if sold {
			b.bind(item, trace.Binding{Offer: offer, Stock: stock, Price: price})
		}
	}
}

// offer finds the offer that a zone and a type name.
func (d *decoder) offer(m *mapping) (int, bool) {
	zone, instanceType := m.text("zone_id"), m.text("instance_type")
	if zone == "" || instanceType == "" || !d.sells(m, zone, instanceType) {
		return 0, false
	}
	return d.s.Catalog.Find(zone, instanceType)
}

// bind gives an offer series, beside those that it has.
func (b *bindings) bind(at place, one trace.Binding) {
	offer := b.s.Catalog.Offers()[one.Offer]
	if one.Stock != nil {
		for i := range one.Stock.Steps() {
			if second, count := one.Stock.Step(i); count > offer.Capacity {
				b.report(Problem{b.file, at.node.Line, at.node.Column, at.path, fmt.Sprintf(
					"must not hold more instances than the capacity of %s, %d", poolOf(offer), offer.Capacity), fmt.Sprintf("%d, %d s after the beginning", count, second)})
				return
			}
		}
	}
	known := b.byOffer[one.Offer]
	if known == nil {
		b.byOffer[one.Offer] = &one
		return
	}
	if known.Stock != nil && one.Stock != nil || known.Price != nil && one.Price != nil {
		b.report(Problem{b.file, at.node.Line, at.node.Column, at.path, "must not give a second series of the same kind to " + poolOf(offer), ""})
		return
	}
	if one.Stock != nil {
		known.Stock = one.Stock
	}
	if one.Price != nil {
		known.Price = one.Price
	}
}
