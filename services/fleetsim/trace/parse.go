package trace

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Bounds of what [Parse] reads.
const (
	// MaxBytes bounds the size of a file, unpacked.
	MaxBytes = 256 << 20
	// MaxRows bounds its rows, without the header.
	MaxRows = 5_000_000
	// MaxColumns bounds its columns.
	MaxColumns = 1_000
	// MaxSeries bounds its series.
	MaxSeries = 10_000
	// MaxSteps bounds the steps of all its series together: how often a value
	// differs from the one before. They are what takes memory, 16 bytes each.
	MaxSteps = 10_000_000
)

// A SyntaxError tells what is wrong with a trace file, and where.
type SyntaxError struct {
	// Line is the line, from 1.
	Line int
	// Column is the name of the column, cut short; empty when the line as a
	// whole is wrong.
	Column string
	// Value is the wrong value, cut short.
	Value string
	// Rule says what would be right.
	Rule string
}

// Error implements error.
func (e *SyntaxError) Error() string {
	if e.Column == "" {
		return fmt.Sprintf("line %d: %s", e.Line, e.Rule)
	}
	return fmt.Sprintf("line %d, column %s: %s, got %q", e.Line, e.Column, e.Rule, e.Value)
}

// rows takes the rows of one format.
type rows interface {
	// row takes the fields of a line, as many as the header has; they are valid
	// until it returns.
	row(line int, fields []string) error
	// finish ends the file.
	finish()
}

// Parse reads a trace file in any of the formats, gzipped or not. What it finds
// wrong with the content is a [*SyntaxError].
func Parse(from io.Reader) (*File, error) {
	plain, err := unpacked(from)
	if err != nil {
		return nil, err
	}
	limited := &io.LimitedReader{R: plain, N: MaxBytes + 1}
	reader := csv.NewReader(limited)
	reader.ReuseRecord = true
	b := &builder{file: &File{stock: map[string]*Series{}, price: map[string]*Series{}}}
	var to rows
	for read := 0; ; read++ {
		fields, err := reader.Read()
		if limited.N <= 0 {
			return nil, fmt.Errorf("trace is larger than %d bytes", MaxBytes)
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, readError(err)
		}
		line, _ := reader.FieldPos(0)
		switch {
		case to == nil:
			to, err = b.header(line, fields)
		case read > MaxRows:
			err = &SyntaxError{Line: line, Rule: fmt.Sprintf("must not have more than %d rows before it", MaxRows)}
		default:
			err = to.row(line, fields)
		}
		if err != nil {
			return nil, err
		}
	}
	if to == nil || len(b.file.names) == 0 {
		return nil, &SyntaxError{Line: 1, Rule: "must hold a header and at least one row with a value"}
	}
	to.finish()
	return b.file, nil
}

// unpacked looks through gzip, which it knows by its first two bytes.
func unpacked(from io.Reader) (io.Reader, error) {
	buffered := bufio.NewReader(from)
	head, err := buffered.Peek(2)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read trace: %w", err)
	}
	if !bytes.Equal(head, []byte{0x1f, 0x8b}) {
		return buffered, nil
	}
	unzipped, err := gzip.NewReader(buffered)
	if err != nil {
		return nil, fmt.Errorf("unpack trace: %w", err)
	}
	return unzipped, nil
}

func readError(err error) error {
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		return &SyntaxError{Line: parse.Line, Rule: fmt.Sprintf("must be CSV with as many columns as the header: %v", parse.Err)}
	}
	return fmt.Errorf("read trace: %w", err)
}

// cut shortens a text that an error repeats.
func cut(text string) string {
	if len(text) > 64 {
		return strings.ToValidUTF8(text[:64], "") + "..."
	}
	return strings.Clone(text)
}
