package trace

import "fmt"

// wide takes the rows of availability: a time and a number for each pool.
type wide struct {
	*builder
	columns []string
	series  []*Series // by column
	count   int
	last    int64
	step    int64
}

func (b *builder) wide(line int, columns []string) (rows, error) {
	b.file.format = Availability
	seen := map[string]bool{}
	for _, name := range columns[1:] {
		if name == "" || seen[name] {
			return nil, &SyntaxError{line, "t_s and pools", cut(name), "must name each pool, and each once"}
		}
		seen[name] = true
	}
	return &wide{builder: b, columns: columns, series: make([]*Series, len(columns))}, nil
}

func (w *wide) row(line int, fields []string) error {
	second, ok := wholeSeconds(fields[0])
	if !ok {
		return &SyntaxError{line, "t_s", cut(fields[0]), secondsRule}
	}
	if err := w.follow(line, second); err != nil {
		return err
	}
	for i := 1; i < len(fields); i++ {
		if fields[i] == "" {
			continue
		}
		value, ok := instances(fields[i])
		if !ok {
			return &SyntaxError{line, cut(w.columns[i]), cut(fields[i]), instancesRule}
		}
		// What repeats needs no look at the name.
		if s := w.series[i]; s != nil && s.values[len(s.values)-1] == value {
			s.last = second
			continue
		}
		if err := w.add(w.file.stock, w.columns[i], line, second, value); err != nil {
			return err
		}
		w.series[i] = w.file.stock[w.columns[i]]
	}
	return nil
}

// follow holds the step of the rows.
func (w *wide) follow(line int, second int64) error {
	switch {
	case w.count == 1 && second <= w.last:
		return &SyntaxError{line, "t_s", fmt.Sprint(second), fmt.Sprintf("must be later than the row before, %d", w.last)}
	case w.count == 1:
		w.step = second - w.last
	case w.count > 1 && second-w.last != w.step:
		return &SyntaxError{line, "t_s", fmt.Sprint(second), fmt.Sprintf("must be %d, %d seconds after the row before as in the first two rows", w.last+w.step, w.step)}
	}
	w.last = second
	w.count++
	return nil
}

// finish tells the series the step, which the second row gives.
func (w *wide) finish() {
	for _, s := range w.file.stock {
		s.step = w.step
	}
}
