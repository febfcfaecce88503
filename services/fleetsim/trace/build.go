package trace

import (
	"fmt"
	"slices"
	"strings"
)

// builder puts a file together and holds its bounds.
type builder struct {
	file  *File
	steps int
}

// header tells the format by its columns.
func (b *builder) header(line int, fields []string) (rows, error) {
	if len(fields) > MaxColumns {
		return nil, &SyntaxError{Line: line, Rule: fmt.Sprintf("must have at most %d columns, has %d", MaxColumns, len(fields))}
	}
	columns := slices.Clone(fields)
	for i := range columns {
		columns[i] = strings.Clone(columns[i])
	}
	switch {
	case columns[0] == "t_s" && len(columns) > 1:
		return b.wide(line, columns)
	case slices.Equal(columns, []string{"pool", "t_s", "spot_price_usd_per_h"}):
		b.file.format = PoolPrices
		return &changes{builder: b, columns: columns, nameOf: []int{0}, time: 1, price: 2, stock: none}, nil
	case slices.Equal(columns, []string{"instance_type", "az", "epoch_s", "spot_usd_per_h"}):
		b.file.format = TypePrices
		return &changes{builder: b, columns: columns, nameOf: []int{0, 1}, time: 2, price: 3, stock: none}, nil
	case slices.Contains(columns, "time"):
		return b.generic(line, columns)
	}
	return nil, &SyntaxError{Line: line, Rule: "must be the header of a trace: t_s and a column for each pool; " +
		"pool,t_s,spot_price_usd_per_h; instance_type,az,epoch_s,spot_usd_per_h; or time,zone,instance_type with price_per_hour, available or both"}
}

// add puts a value into a series of a set.
func (b *builder) add(set map[string]*Series, name string, line int, second, value int64) error {
	s, ok := set[name]
	if !ok {
		// Names come from a buffer that is used again.
		name = strings.Clone(name)
		if b.file.stock[name] == nil && b.file.price[name] == nil {
			if len(b.file.names) == MaxSeries {
				return &SyntaxError{Line: line, Rule: fmt.Sprintf("must not begin another series: at most %d are allowed", MaxSeries)}
			}
			b.file.names = append(b.file.names, name)
		}
		s = &Series{first: second}
		set[name] = s
	}
	s.last = second
	if len(s.values) > 0 && s.values[len(s.values)-1] == value {
		return nil
	}
	if b.steps++; b.steps > MaxSteps {
		return &SyntaxError{Line: line, Rule: fmt.Sprintf("must not change another value: at most %d changes are allowed", MaxSteps)}
	}
	s.at, s.values = append(s.at, second), append(s.values, value)
	return nil
}
