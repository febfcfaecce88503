package cli

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/proto"

	"github.com/seed-198b1370/muster/cmd/muster/internal/cli/value"
	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

// maxMarketFileBytes bounds the size of a market file: ten thousand pools as
// JSON are about three million bytes.
const maxMarketFileBytes = 8 << 20

// A marketFile is a market that does not exist, and where in the file its fields
// stand.
type marketFile struct {
	market *allocatorv1.Market
	at     func(field string) (place, name string)
}

// readMarketFile reads a market file: CSV by the ending of its name, else YAML
// or JSON. The name - means standard input.
func readMarketFile(name string, stdin io.Reader) (*marketFile, error) {
	data, err := readFile(name, stdin, maxMarketFileBytes)
	if err != nil {
		return nil, err
	}
	if strings.EqualFold(filepath.Ext(name), ".csv") {
		return parseMarketCSV(name, data)
	}
	market := &allocatorv1.Market{}
	file, err := parseYAML(name, data, "the pools of a market", market)
	if err != nil {
		if isFirstPage(data) {
			return nil, &fileError{lines: []string{name + ": nextPageToken: must be absent: this is only the first part of a market; write all of it by muster market --limit 10000 -o json"}}
		}
		return nil, err
	}
	return &marketFile{market: market, at: file.at}, nil
}

// isFirstPage tells whether a file is what market -o json writes of a market that
// has more pools than its limit. What is missing there would count as not sold.
func isFirstPage(data []byte) bool {
	var listed struct {
		NextPageToken string `yaml:"nextPageToken"`
	}
	return yaml.Unmarshal(data, &listed) == nil && listed.NextPageToken != ""
}

// A marketColumn is a column that a market file in CSV may have.
type marketColumn struct {
	name     string
	required bool
	read     func(pool *fleetv1.Pool, text string) error // a text that is not empty
}

// marketColumns are all there are, those that are required first.
func marketColumns() []marketColumn {
	return []marketColumn{
		{"zone", true, func(pool *fleetv1.Pool, text string) error { pool.ZoneId = text; return nil }},
		{"type", true, func(pool *fleetv1.Pool, text string) error { pool.InstanceType = text; return nil }},
		{"billing", true, readBilling},
		{"price", true, func(pool *fleetv1.Pool, text string) error { return readPrice(&pool.PriceMicrosPerHour, text) }},
		{"list_price", false, func(pool *fleetv1.Pool, text string) error {
			return readPrice(&pool.PayAsYouGoPriceMicrosPerHour, text)
		}},
		{"stock", false, readStock},
		{"interruptions", false, func(pool *fleetv1.Pool, text string) error {
			permille, err := value.Share(text, 0)
			pool.InterruptionPermille = proto.Int32(permille)
			return err
		}},
	}
}

func readBilling(pool *fleetv1.Pool, text string) error {
	for _, method := range []fleetv1.BillingMethod{
		fleetv1.BillingMethod_BILLING_METHOD_SPOT, fleetv1.BillingMethod_BILLING_METHOD_PAY_AS_YOU_GO,
	} {
		if word(method) == text {
			pool.BillingMethod = method
			return nil
		}
	}
	return fmt.Errorf("must be spot or pay-as-you-go, got %q", text)
}

func readPrice(into *int64, text string) error {
	micros, err := value.Micros(text)
	if err == nil && micros < 0 {
		err = fmt.Errorf("must be 0 or more, got %q", text)
	}
	*into = micros
	return err
}

func readStock(pool *fleetv1.Pool, text string) error {
	stock, err := strconv.ParseInt(text, 10, 32)
	if err != nil || stock < 0 {
		return fmt.Errorf("must be a number of instances, 0 to %d, or empty when it is not known, got %q", math.MaxInt32, text)
	}
	pool.AvailableInstances = proto.Int32(int32(stock))
	pool.StockStatus = fleetv1.StockStatus_STOCK_STATUS_WITH_STOCK
	if stock == 0 {
		pool.StockStatus = fleetv1.StockStatus_STOCK_STATUS_WITHOUT_STOCK
	}
	return nil
}

// parseMarketCSV parses a market of a line for each pool below a header. Its
// errors name line, column and what is wrong, all at once.
func parseMarketCSV(name string, data []byte) (*marketFile, error) {
	reader := csv.NewReader(bytes.NewReader(data))
	reader.Comment, reader.TrimLeadingSpace, reader.FieldsPerRecord = '#', true, -1
	header, err := reader.Read()
	if errors.Is(err, io.EOF) {
		return nil, &fileError{lines: []string{name + ": is empty; it must hold a header and a line for each pool"}}
	}
	if err != nil {
		return nil, csvError(name, err)
	}
	line, _ := reader.FieldPos(0)
	columns, wrong := columnsOf(fmt.Sprintf("%s:%d", name, line), header)
	if len(wrong) > 0 {
		return nil, &fileError{lines: wrong}
	}
	market, lines := &allocatorv1.Market{}, []int{}
	for {
		record, err := reader.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, csvError(name, err)
		}
		line, _ := reader.FieldPos(0)
		pool, found := poolOf(fmt.Sprintf("%s:%d", name, line), columns, record)
		wrong = append(wrong, found...)
		market.Pools, lines = append(market.Pools, pool), append(lines, line)
	}
	if len(wrong) > 0 {
		return nil, &fileError{lines: wrong}
	}
	fillListPrices(market.GetPools())
	return &marketFile{market: market, at: func(field string) (string, string) { return atLine(name, lines, field) }}, nil
}

// csvError tells what is wrong with a file that is no CSV.
func csvError(name string, err error) error {
	var broken *csv.ParseError
	if errors.As(err, &broken) {
		return &fileError{lines: []string{fmt.Sprintf("%s:%d:%d %v", name, broken.Line, broken.Column, broken.Err)}}
	}
	return fmt.Errorf("read %s: %w", name, err)
}

// columnsOf finds the columns of a header.
func columnsOf(place string, header []string) (columns []marketColumn, wrong []string) {
	known := marketColumns()
	var names []string
	for _, column := range known {
		names = append(names, column.name)
	}
	for i, name := range header {
		at := slices.IndexFunc(known, func(column marketColumn) bool { return column.name == strings.TrimSpace(name) })
		switch {
		case at < 0:
			wrong = append(wrong, fmt.Sprintf("%s column %d: must be one of %s, got %q", place, i+1, strings.Join(names, ", "), name))
		case slices.ContainsFunc(columns, func(column marketColumn) bool { return column.name == known[at].name }):
			wrong = append(wrong, fmt.Sprintf("%s column %d: %s is given twice", place, i+1, known[at].name))
		default:
			columns = append(columns, known[at])
		}
	}
	for _, column := range known {
		if column.required && !slices.ContainsFunc(columns, func(c marketColumn) bool { return c.name == column.name }) {
			wrong = append(wrong, fmt.Sprintf("%s: must have a column %s", place, column.name))
		}
	}
	return columns, wrong
}

// poolOf reads a line.
func poolOf(place string, columns []marketColumn, record []string) (pool *fleetv1.Pool, wrong []string) {
	pool = &fleetv1.Pool{}
	if len(record) != len(columns) {
		return pool, []string{fmt.Sprintf("%s: must have %d columns as the header has, got %d", place, len(columns), len(record))}
	}
	for i, column := range columns {
		text := strings.TrimSpace(record[i])
		if text == "" {
			if column.required {
				wrong = append(wrong, fmt.Sprintf("%s %s: must not be empty", place, column.name))
			}
			continue
		}
		if err := column.read(pool, text); err != nil {
			wrong = append(wrong, fmt.Sprintf("%s %s: %v", place, column.name, err))
		}
	}
	return pool, wrong
}

// fillListPrices fills in list prices that are not given: that of pay-as-you-go
// instances is their price, and that of spot instances the same in the same zone,
// or their own price where nobody sells those.
func fillListPrices(pools []*fleetv1.Pool) {
	type key struct{ zone, instanceType string }
	listed := map[key]int64{}
	for _, pool := range pools {
		if pool.GetBillingMethod() == fleetv1.BillingMethod_BILLING_METHOD_PAY_AS_YOU_GO {
			listed[key{pool.GetZoneId(), pool.GetInstanceType()}] = pool.GetPriceMicrosPerHour()
		}
	}
	for _, pool := range pools {
		if pool.GetPayAsYouGoPriceMicrosPerHour() > 0 {
			continue
		}
		price, sold := listed[key{pool.GetZoneId(), pool.GetInstanceType()}]
		if !sold {
			price = pool.GetPriceMicrosPerHour()
		}
		pool.PayAsYouGoPriceMicrosPerHour = price
	}
}

// atLine tells the place of a field of a market that was read from CSV, and the
// column it comes from as far as that is known.
func atLine(name string, lines []int, field string) (place, column string) {
	step, rest, _ := strings.Cut(field, ".")
	list, index, err := splitStep(step)
	if err != nil || list != "pools" || index < 0 || index >= len(lines) {
		return name, field
	}
	place = fmt.Sprintf("%s:%d", name, lines[index])
	columns := map[string]string{
		"": "pool", "zone_id": "zone", "instance_type": "type", "billing_method": "billing", "price_micros_per_hour": "price",
		"pay_as_you_go_price_micros_per_hour": "list_price", "available_instances": "stock", "interruption_permille": "interruptions",
	}
	if column, known := columns[rest]; known {
		return place, column
	}
	return place, rest
}
