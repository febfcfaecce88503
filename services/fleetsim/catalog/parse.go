package catalog

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// MaxBytes bounds the size of a catalog that [Parse] reads.
const MaxBytes = 16 << 20

// columns is the header of a catalog.
func columns() []string {
	return []string{
		"zone_id", "instance_type", "family", "architecture", "vcpus", "memory_mib", "gpus",
		"pay_as_you_go_micros_per_hour", "spot_base_permille", "capacity_instances", "category", "family_level",
	}
}

// neededColumns is how many columns a catalog must have: without the kind of
// its families.
const neededColumns = 10

// A SyntaxError tells what is wrong with a catalog, and where.
type SyntaxError struct {
	// Line is the line, from 1.
	Line int
	// Column is the name of the column; empty when the line as a whole is
	// wrong.
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

// Parse reads a catalog: CSV with the header
//
//	zone_id,instance_type,family,architecture,vcpus,memory_mib,gpus,pay_as_you_go_micros_per_hour,spot_base_permille,capacity_instances,category,family_level
//
// and one line for each type in each zone, in any order. All zones must be of
// one region, and a type must look the same in all its zones. The last two
// columns may be left out together, and their fields empty: what they do not
// say is taken from the family's name. What it finds wrong is a [*SyntaxError].
func Parse(from io.Reader) (*Catalog, error) {
	limited := &io.LimitedReader{R: from, N: MaxBytes + 1}
	reader := csv.NewReader(limited)
	reader.ReuseRecord = true
	c := &Catalog{}
	for {
		fields, err := reader.Read()
		if limited.N <= 0 {
			return nil, fmt.Errorf("catalog is larger than %d bytes", MaxBytes)
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, readError(err, reader.FieldsPerRecord)
		}
		line, _ := reader.FieldPos(0)
		if line == 1 || c.offers == nil {
			if !slices.Equal(fields, columns()) && !slices.Equal(fields, columns()[:neededColumns]) {
				return nil, &SyntaxError{Line: line, Rule: "must be the header " + strings.Join(columns(), ",") + ", of which the last two can be left out"}
			}
			c.offers = []Offer{}
			continue
		}
		offer, err := parseOffer(line, fields)
		if err != nil {
			return nil, err
		}
		if region := regionOf(offer.ZoneID); c.regionID == "" {
			c.regionID = region
		} else if region != c.regionID {
			return nil, &SyntaxError{line, "zone_id", cut(offer.ZoneID), "must be a zone of region " + c.regionID}
		}
		c.offers = append(c.offers, offer)
	}
	return c, c.finish()
}

// finish puts what was read in order and checks what concerns several lines.
func (c *Catalog) finish() error {
	if len(c.offers) == 0 {
		return &SyntaxError{Line: 1, Rule: "must hold a header and at least one offer"}
	}
	slices.SortStableFunc(c.offers, compareOffers)
	for i, offer := range c.offers {
		if i > 0 {
			if err := compatible(c.offers[i-1], offer); err != nil {
				return err
			}
		}
		if i == 0 || c.offers[i-1].InstanceType != offer.InstanceType {
			c.types = append(c.types, offer.InstanceType)
		}
		if at, known := slices.BinarySearch(c.zoneIDs, offer.ZoneID); !known {
			c.zoneIDs = slices.Insert(c.zoneIDs, at, offer.ZoneID)
		}
	}
	if len(c.zoneIDs) > MaxZones {
		return fmt.Errorf("catalog has %d zones, at most %d are allowed", len(c.zoneIDs), MaxZones)
	}
	return nil
}

// compatible checks two offers that follow each other in order.
func compatible(before, offer Offer) error {
	if before.InstanceType != offer.InstanceType {
		return nil
	}
	if before.ZoneID == offer.ZoneID {
		return fmt.Errorf("type %s is listed twice in zone %s", offer.InstanceType, offer.ZoneID)
	}
	before.ZoneID, before.SpotBasePermille, before.Capacity = offer.ZoneID, offer.SpotBasePermille, offer.Capacity
	if before != offer {
		return fmt.Errorf("type %s differs between its zones in family, its kind, architecture, size or list price", offer.InstanceType)
	}
	return nil
}

func parseOffer(line int, fields []string) (Offer, error) {
	p := lineParser{line: line, fields: fields}
	offer := Offer{
		ZoneID:           p.name(0),
		InstanceType:     p.name(1),
		Family:           p.name(2),
		Architecture:     p.architecture(3),
		VCPUs:            int32(p.integer(4, 1, MaxVCPUs)),
		MemoryMiB:        p.integer(5, 1, MaxMemoryMiB),
		GPUs:             int32(p.integer(6, 0, MaxGPUs)),
		PayAsYouGoMicros: p.integer(7, MinPriceMicros, MaxPriceMicros),
		SpotBasePermille: p.integer(8, MinSpotPermille, MaxSpotPermille),
		Capacity:         p.integer(9, 1, MaxCapacity),
	}
	if len(fields) > neededColumns {
		offer.Category = oneOf(&p, 10, Categories())
		offer.Level = oneOf(&p, 11, Levels())
	}
	offer.tellKind()
	if p.err == nil && regionOf(offer.ZoneID) == "" {
		p.fail(0, zoneRule)
	}
	return offer, p.err
}

// lineParser reads the fields of one line and keeps the first error.
type lineParser struct {
	line   int
	fields []string
	err    error
}

func (p *lineParser) fail(column int, rule string) {
	if p.err == nil {
		p.err = &SyntaxError{p.line, columns()[column], cut(p.fields[column]), rule}
	}
}

func (p *lineParser) name(column int) string {
	name := p.fields[column]
	if !isName(name) {
		p.fail(column, nameRule)
		return ""
	}
	return strings.Clone(name)
}

func (p *lineParser) architecture(column int) Architecture {
	switch a := Architecture(p.fields[column]); a {
	case X86:
		return X86
	case ARM:
		return ARM
	default:
		p.fail(column, "must be x86 or arm")
		return ""
	}
}

// oneOf reads one of some words, or none.
func oneOf[W ~string](p *lineParser, column int, words []W) W {
	at := slices.Index(words, W(p.fields[column]))
	if at >= 0 {
		return words[at]
	}
	if p.fields[column] != "" {
		p.fail(column, mustBeOne(words))
	}
	return ""
}

func (p *lineParser) integer(column int, least, most int64) int64 {
	text := p.fields[column]
	value, err := strconv.ParseInt(text, 10, 64)
	// The second form keeps out signs and leading zeros.
	if err != nil || value < least || value > most || strconv.FormatInt(value, 10) != text {
		p.fail(column, fmt.Sprintf("must be a whole number from %d to %d", least, most))
		return 0
	}
	return value
}

// regionOf tells the region of a zone: cn-shenzhen for cn-shenzhen-d,
// eu-central-1 for eu-central-1a; "" for what is no zone.
func regionOf(zoneID string) string {
	if zoneID == "" || zoneID[len(zoneID)-1] < 'a' || zoneID[len(zoneID)-1] > 'z' {
		return ""
	}
	rest := zoneID[:len(zoneID)-1]
	if region, ok := strings.CutSuffix(rest, "-"); ok {
		return region
	}
	if rest != "" && rest[len(rest)-1] >= '0' && rest[len(rest)-1] <= '9' {
		return rest
	}
	return ""
}

// readError tells what is wrong with the CSV; columns is what the header has, 0
// if it is the header.
func readError(err error, columns int) error {
	var parse *csv.ParseError
	switch {
	case !errors.As(err, &parse):
	case columns == 0:
		return &SyntaxError{Line: parse.Line, Rule: fmt.Sprintf("must be CSV: %v", parse.Err)}
	default:
		return &SyntaxError{Line: parse.Line, Rule: fmt.Sprintf("must be CSV with %d columns: %v", columns, parse.Err)}
	}
	return fmt.Errorf("read catalog: %w", err)
}

// cut shortens a value that an error repeats.
func cut(value string) string {
	if len(value) > 64 {
		return strings.ToValidUTF8(value[:64], "") + "..."
	}
	return strings.Clone(value)
}
