package main

import (
	"compress/gzip"
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/seed-198b1370/muster/services/fleetsim/catalog"
)

// region is the region whose catalog is made.
const region = "cn-shenzhen"

// zones tells which zones of the region are taken: those with a full range of
// types.
func zones() []string {
	return []string{"cn-shenzhen-c", "cn-shenzhen-d", "cn-shenzhen-e", "cn-shenzhen-f"}
}

// armFamilies tells the families that run on Arm, which the table of types
// marks as amd64 like all others.
func armFamilies() []string {
	return []string{"ecs.c6r", "ecs.g6r", "ecs.c8y", "ecs.g8y", "ecs.r8y", "ecs.ebmg8y", "ecs.ebmc8y", "ecs.ebmr8y"}
}

// offersOf joins the tables. It tells about rows that it has to leave out.
func offersOf(data string, notes io.Writer) ([]catalog.Offer, error) {
	types, err := readTypes(filepath.Join(data, "alibaba_ecs_types.csv"))
	if err != nil {
		return nil, err
	}
	laterPrices, err := readListPrices(filepath.Join(data, "alibaba_ecs_ondemand_2024-12.csv.gz"))
	if err != nil {
		return nil, err
	}
	rows, err := readTable(filepath.Join(data, "alibaba_ecs_zone_spot_2024-10.csv.gz"))
	if err != nil {
		return nil, err
	}
	var offers []catalog.Offer
	for _, row := range rows {
		if row["region"] != region || !slices.Contains(zones(), row["zone"]) {
			continue
		}
		offer, known := types[row["instance_type"]]
		list, spot := micros(row["on_demand_cny_per_h"]), micros(row["spot_cny_per_h"])
		if list == 0 {
			list = laterPrices[row["instance_type"]]
		}
		if !known || list == 0 || spot == 0 {
			fmt.Fprintf(notes, "left out %s in %s: type or price is not known\n", row["instance_type"], row["zone"])
			continue
		}
		offer.ZoneID = row["zone"]
		offer.PayAsYouGoMicros = list
		// Quoted spot prices above the list price or below a tenth of it are
		// outside of what the market allows.
		offer.SpotBasePermille = min(max((spot*1000+list/2)/list, 100), 1000)
		offer.Capacity = capacityOf(offer)
		offers = append(offers, offer)
	}
	return withSmallest(offers), nil
}

// withSmallest adds ecs.s6-c1m1.small, which the price data lacks, in all
// zones. It is a shared-core type of one vCPU to one GiB: half of the mean of
// what the two-vCPU sizes of the other two such families cost, at the spot
// level that ecs.e-c1m1.large has in the zone.
func withSmallest(offers []catalog.Offer) []catalog.Offer {
	price := map[string]int64{}
	level := map[string]int64{}
	for _, o := range offers {
		price[o.InstanceType] = o.PayAsYouGoMicros
		if o.InstanceType == "ecs.e-c1m1.large" {
			level[o.ZoneID] = o.SpotBasePermille
		}
	}
	for _, zone := range zones() {
		small := catalog.Offer{
			ZoneID: zone, InstanceType: "ecs.s6-c1m1.small", Family: "ecs.s6", Architecture: catalog.X86,
			VCPUs: 1, MemoryMiB: 1024,
			PayAsYouGoMicros: (price["ecs.t6-c1m1.large"] + price["ecs.e-c1m1.large"]) / 4,
			SpotBasePermille: level[zone],
		}
		small.Capacity = capacityOf(small)
		offers = append(offers, small)
	}
	return offers
}

// capacityOf makes up a capacity: about 2,000 for the small sizes, fewer the
// larger the type is, and a fifth of that for types with GPUs, a fifth more or
// less by zone and type.
func capacityOf(o catalog.Offer) int64 {
	size := max(int64(o.VCPUs), 2)
	capacity := 4_000 / size
	if o.GPUs > 0 {
		capacity = 800 / size
	}
	// FNV-1a.
	hash := uint64(14695981039346656037)
	for _, b := range []byte(o.ZoneID + "/" + o.InstanceType) {
		hash = (hash ^ uint64(b)) * 1099511628211
	}
	spread := 800 + int64((hash>>32)%401) // thousandths, 800 to 1,200
	return max(capacity*spread/1000, 8)
}

func readTypes(path string) (map[string]catalog.Offer, error) {
	rows, err := readTable(path)
	if err != nil {
		return nil, err
	}
	types := map[string]catalog.Offer{}
	for _, row := range rows {
		o := catalog.Offer{InstanceType: row["instance_type"], Family: row["family"], Architecture: catalog.X86}
		if row["arch"] == "arm64" || slices.Contains(armFamilies(), o.Family) {
			o.Architecture = catalog.ARM
		}
		vcpus, errCPU := strconv.ParseInt(row["vcpu"], 10, 32)
		memory, errMemory := strconv.ParseFloat(row["memory_gib"], 64)
		gpus, errGPU := strconv.ParseFloat(row["gpu"], 64)
		if errCPU != nil || errMemory != nil || errGPU != nil {
			return nil, fmt.Errorf("%s: type %s has no sizes", path, o.InstanceType)
		}
		// A part of a GPU counts as one.
		o.VCPUs, o.MemoryMiB, o.GPUs = int32(vcpus), int64(math.Round(memory*1024)), int32(math.Ceil(gpus))
		types[o.InstanceType] = o
	}
	return types, nil
}

func readListPrices(path string) (map[string]int64, error) {
	rows, err := readTable(path)
	if err != nil {
		return nil, err
	}
	prices := map[string]int64{}
	for _, row := range rows {
		if row["region"] == region {
			prices[row["instance_type"]] = micros(row["on_demand_cny_per_h"])
		}
	}
	return prices, nil
}

// readTable reads a CSV file, gzipped or not, into rows by column name.
func readTable(path string) (_ []map[string]string, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open table: %w", err)
	}
	defer func() { _ = file.Close() }() // only read
	var from io.Reader = file
	if strings.HasSuffix(path, ".gz") {
		if from, err = gzip.NewReader(file); err != nil {
			return nil, fmt.Errorf("unpack %s: %w", path, err)
		}
	}
	records, err := csv.NewReader(from).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
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

// micros reads a price; 0 for none.
func micros(text string) int64 {
	price, err := strconv.ParseFloat(text, 64)
	if err != nil || price < 0 {
		return 0
	}
	return int64(math.Round(price * 1e6))
}
