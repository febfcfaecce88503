// Command calibrate compares the seeded market with real markets: it writes the
// plots of docs/market.md and the tables inside it. It owns the comparison; it
// must not change what the market does.
//
//	go run ./services/fleetsim/market/calibrate -data DIR
//
// DIR holds public data in the folders prices, availability and catalog, whose
// files the source of this command names. Equal data give equal output.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

func main() { os.Exit(run(os.Args[1:], os.Stderr)) }

func run(args []string, stderr io.Writer) int {
	flags := flag.NewFlagSet("calibrate", flag.ContinueOnError)
	flags.SetOutput(stderr)
	data := flags.String("data", "", "folder of public market data")
	docs := flags.String("docs", "docs", "folder of market.md, which has its plots in market")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if err := calibrate(*data, *docs); err != nil {
		fmt.Fprintln(stderr, "calibrate:", err)
		return 1
	}
	return 0
}

func calibrate(data, docs string) error {
	if data == "" {
		return errors.New("-data is needed: the folder of public market data")
	}
	f, err := find(data)
	if err != nil {
		return err
	}
	folder := filepath.Join(docs, "market")
	if err := os.MkdirAll(folder, 0o755); err != nil { //nolint:gosec // part of the documents, which all may read
		return fmt.Errorf("make folder of plots: %w", err)
	}
	if err := writePlots(folder, f); err != nil {
		return err
	}
	return writeDocument(filepath.Join(docs, "market.md"), f)
}
