package trace

import (
	"fmt"
	"slices"
	"strings"
)

// none is the place of a column that a file does not have.
const none = -1

// changes takes the rows of changes: a name, a time, and a price, a number of
// instances, or both.
type changes struct {
	*builder
	columns      []string
	nameOf       []int // the pool, or the type and the zone
	time         int
	price, stock int
	dates        bool // time may be RFC 3339

	key  []byte
	last map[string]int64 // by name
}

func (b *builder) generic(line int, columns []string) (rows, error) {
	b.file.format = Changes
	c := &changes{builder: b, columns: columns, price: none, stock: none, dates: true}
	places := map[string]int{}
	for i, name := range columns {
		if !slices.Contains([]string{"time", "zone", "instance_type", "price_per_hour", "available", "capacity"}, name) {
			return nil, &SyntaxError{line, "header", cut(name), "must be one of time, zone, instance_type, price_per_hour, available, capacity"}
		}
		if _, twice := places[name]; twice {
			return nil, &SyntaxError{line, "header", name, "must name each column once"}
		}
		places[name] = i
	}
	zone, hasZone := places["zone"]
	instanceType, hasType := places["instance_type"]
	if !hasZone || !hasType {
		return nil, &SyntaxError{Line: line, Rule: "must have the columns time, zone and instance_type"}
	}
	c.time, c.nameOf = places["time"], []int{instanceType, zone}
	if at, ok := places["price_per_hour"]; ok {
		c.price = at
	}
	available, hasAvailable := places["available"]
	capacity, hasCapacity := places["capacity"]
	switch {
	case hasAvailable && hasCapacity:
		return nil, &SyntaxError{Line: line, Rule: "must have available or capacity, not both: they mean the same"}
	case hasAvailable:
		c.stock = available
	case hasCapacity:
		c.stock = capacity
	case c.price == none:
		return nil, &SyntaxError{Line: line, Rule: "must have price_per_hour, available, or both"}
	}
	return c, nil
}

func (c *changes) row(line int, fields []string) error {
	for _, i := range c.nameOf {
		if fields[i] == "" || len(fields[i]) > 128 || strings.Contains(fields[i], " ") {
			return &SyntaxError{line, c.columns[i], cut(fields[i]), "must be a name of 1 to 128 bytes without spaces"}
		}
	}
	second, ok := wholeSeconds(fields[c.time])
	rule := secondsRule
	if c.dates {
		rule = timeRule
		if !ok {
			second, ok = dateSeconds(fields[c.time])
		}
	}
	if !ok {
		return &SyntaxError{line, c.columns[c.time], cut(fields[c.time]), rule}
	}
	if err := c.follow(line, fields, second); err != nil {
		return err
	}
	return c.values(line, fields, second)
}

// follow holds the order of the rows of one name.
func (c *changes) follow(line int, fields []string, second int64) error {
	c.key = c.key[:0]
	for i, at := range c.nameOf {
		if i > 0 {
			c.key = append(c.key, ' ')
		}
		c.key = append(c.key, fields[at]...)
	}
	if c.last == nil {
		c.last = map[string]int64{}
	}
	before, began := c.last[string(c.key)]
	if began && second <= before {
		return &SyntaxError{line, c.columns[c.time], cut(fields[c.time]), fmt.Sprintf("must be later than the row before of %s, which is at second %d", cut(string(c.key)), before)}
	}
	if !began && len(c.last) == MaxSeries {
		return &SyntaxError{Line: line, Rule: fmt.Sprintf("must not begin another series: at most %d are allowed", MaxSeries)}
	}
	c.last[string(c.key)] = second
	return nil
}

// values takes what a row tells.
func (c *changes) values(line int, fields []string, second int64) error {
	name := string(c.key)
	if c.price != none && (fields[c.price] != "" || !c.dates) {
		price, ok := micros(fields[c.price])
		if !ok {
			return &SyntaxError{line, c.columns[c.price], cut(fields[c.price]), priceRule}
		}
		if err := c.add(c.file.price, name, line, second, price); err != nil {
			return err
		}
	}
	if c.stock != none && fields[c.stock] != "" {
		count, ok := instances(fields[c.stock])
		if !ok {
			return &SyntaxError{line, c.columns[c.stock], cut(fields[c.stock]), instancesRule}
		}
		return c.add(c.file.stock, name, line, second, count)
	}
	return nil
}

func (c *changes) finish() {}
