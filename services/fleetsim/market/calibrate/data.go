package main

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/seed-198b1370/muster/services/fleetsim/trace"
)

// readTrace reads a trace file of the data folder.
func readTrace(data, name string) (*trace.File, error) {
	content, err := os.ReadFile(filepath.Join(data, name))
	if err != nil {
		return nil, fmt.Errorf("read data: %w", err)
	}
	f, err := trace.Parse(bytes.NewReader(content))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return f, nil
}

// readRows reads a CSV file of the data folder into rows by column name.
func readRows(data, name string) ([]map[string]string, error) {
	content, err := os.ReadFile(filepath.Join(data, name))
	if err != nil {
		return nil, fmt.Errorf("read data: %w", err)
	}
	var from io.Reader = bytes.NewReader(content)
	if strings.HasSuffix(name, ".gz") {
		if from, err = gzip.NewReader(from); err != nil {
			return nil, fmt.Errorf("unpack %s: %w", name, err)
		}
	}
	records, err := csv.NewReader(from).ReadAll()
	if err != nil || len(records) == 0 {
		return nil, fmt.Errorf("%s: %d lines: %w", name, len(records), err)
	}
	var rows []map[string]string
	for _, record := range records[1:] {
		row := map[string]string{}
		for i, column := range records[0] {
			row[column] = record[i]
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// number reads a number; 0 for none.
func number(text string) float64 {
	value, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0
	}
	return value
}

// realPools is the prices of us-east-1 in spring 2021, of types whose list
// price is known.
func realPools(data string) ([]*pool, error) {
	f, err := readTrace(data, "prices/aws_us-east-1_linux_2021-03_2021-05.csv.gz")
	if err != nil {
		return nil, err
	}
	types, err := readRows(data, "catalog/aws_ec2_types.csv")
	if err != nil {
		return nil, err
	}
	list := map[string]float64{}
	for _, row := range types {
		for _, column := range []string{"od_us-east-1_2026-07", "od_us-east-1_2019-04", "od_us-east-1_2023-02"} {
			if price := number(row[column]); price > 0 {
				list[row["instance_type"]] = price
			}
		}
	}
	_, end := f.Span()
	var pools []*pool
	for _, name := range f.Names() {
		instanceType, zone, _ := strings.Cut(name, " ")
		if list[instanceType] == 0 {
			continue
		}
		s, _ := f.Price(name)
		family, _, _ := strings.Cut(instanceType, ".")
		first, _ := s.Span()
		p := &pool{instanceType: instanceType, zone: zone, family: family, list: list[instanceType] * 1e6, days: max(float64(end-first)/86400, .01)}
		for i := range s.Steps() {
			second, price := s.Step(i)
			p.steps = append(p.steps, priceStep{float64(second) / 86400, float64(price)})
		}
		pools = append(pools, p)
	}
	return pools, nil
}

// realStocks is the pools of an availability file.
func realStocks(data, name, start string) ([]*stock, error) {
	f, err := readTrace(data, "availability/"+name)
	if err != nil {
		return nil, err
	}
	began, err := time.Parse("2006-01-02T15:04:05", start)
	if err != nil {
		return nil, fmt.Errorf("%s: start: %w", name, err)
	}
	var stocks []*stock
	for _, column := range f.Names() {
		s, _ := f.Stock(column)
		first, last := s.Span()
		step := s.RowSeconds()
		// us-east-1a_v100_1 is zone a of us-east-1.
		zone, _, _ := strings.Cut(column, "_")
		one := &stock{name: column, region: zone[:len(zone)-1], hours: float64(step) / 3600, startHour: float64(began.Hour()) + float64(began.Minute())/60}
		for at := first; at <= last; at += step {
			one.up = append(one.up, s.At(at) > 0)
		}
		stocks = append(stocks, one)
	}
	return stocks, nil
}

// realStockByPrice is how far the share of time with stock and the mean price
// of the nine zones go together.
func realStockByPrice(data string, stocks []*stock, facts stockFacts) (float64, error) {
	f, err := readTrace(data, "availability/aws_v100_9zone_2023-02_prices.csv.gz")
	if err != nil {
		return 0, err
	}
	var prices []float64
	for _, of := range stocks {
		s, ok := f.Price(of.name)
		if !ok {
			return 0, fmt.Errorf("no price of %s", of.name)
		}
		p := &pool{list: 1, days: float64(len(of.up)) * of.hours / 24}
		for i := range s.Steps() {
			second, price := s.Step(i)
			p.steps = append(p.steps, priceStep{float64(second) / 86400, float64(price)})
		}
		prices = append(prices, meanPrice(p))
	}
	return correlation(prices, facts.available), nil
}

// crossSection is spot by list price of a cloud of the catalog's kind at one
// moment, without offers whose list price is not known.
func crossSection(data string) ([]float64, error) {
	rows, err := readRows(data, "catalog/alibaba_ecs_zone_spot_2024-10.csv.gz")
	if err != nil {
		return nil, err
	}
	var ratios []float64
	for _, row := range rows {
		if list, spot := number(row["on_demand_cny_per_h"]), number(row["spot_cny_per_h"]); list > 0 && spot > 0 {
			ratios = append(ratios, spot/list)
		}
	}
	return ratios, nil
}

// advisorBuckets is the share of types and regions in each bucket of the last
// snapshot of the advisor, with GPUs or without.
func advisorBuckets(data string, gpus bool) (shares [5]float64, err error) {
	rows, err := readRows(data, "prices/aws_spot_advisor_linux_2021-02_2025-06.csv.gz")
	if err != nil {
		return shares, err
	}
	total := 0.0
	for _, row := range rows {
		name := row["instance_type"]
		if (strings.HasPrefix(name, "p") || strings.HasPrefix(name, "g")) != gpus {
			continue
		}
		shares[int(number(row["interruption_bucket"]))%5]++
		total++
	}
	for i := range shares {
		shares[i] /= total
	}
	return shares, nil
}
