// Command generate makes the shipped catalog from public tables of types and
// prices. It owns the cleaning of those tables and the numbers that they lack
// (capacities, one missing type); it must not know how the catalog is used.
//
//	go run ./catalog/generate -data DIR -out catalog/cn-shenzhen.csv
//
// DIR holds alibaba_ecs_types.csv (instance_type, family, size, arch, vcpu,
// memory_gib, gpu), alibaba_ecs_zone_spot_2024-10.csv.gz (region, zone,
// instance_type, on_demand_cny_per_h, spot_cny_per_h) and
// alibaba_ecs_ondemand_2024-12.csv.gz (region, instance_type,
// on_demand_cny_per_h), which stands in where the first lacks a list price.
// Equal input gives equal output.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/seed-198b1370/muster/services/fleetsim/catalog"
)

func main() { os.Exit(run(os.Args[1:], os.Stderr)) }

func run(args []string, stderr io.Writer) int {
	flags := flag.NewFlagSet("generate", flag.ContinueOnError)
	flags.SetOutput(stderr)
	data := flags.String("data", "", "folder of the tables of types and prices")
	out := flags.String("out", "", "file to write")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if err := generate(*data, *out, stderr); err != nil {
		fmt.Fprintln(stderr, "generate:", err)
		return 1
	}
	return 0
}

func generate(data, out string, notes io.Writer) error {
	if data == "" || out == "" {
		return errors.New("-data and -out are needed")
	}
	offers, err := offersOf(data, notes)
	if err != nil {
		return err
	}
	made, err := catalog.New(region, offers)
	if err != nil {
		return fmt.Errorf("what was made is no catalog: %w", err)
	}
	var written bytes.Buffer
	if err := made.Write(&written); err != nil {
		return err
	}
	if err := os.WriteFile(out, written.Bytes(), 0o644); err != nil { //nolint:gosec // a catalogue of prices, which all may read
		return fmt.Errorf("write catalog: %w", err)
	}
	fmt.Fprintf(notes, "%d offers, %d types, %d zones\n", len(made.Offers()), len(made.InstanceTypes()), len(made.ZoneIDs()))
	return nil
}
