package scenario_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-198b1370/muster/services/fleetsim/catalog"
	"github.com/seed-198b1370/muster/services/fleetsim/scenario"
	"github.com/seed-198b1370/muster/services/fleetsim/trace"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// examples is the scenarios that are shipped.
func examples() fs.FS { return os.DirFS("../../../examples/scenarios") }

// load reads a scenario that must be right.
func load(t testing.TB, fsys fs.FS, name string) *scenario.Scenario {
	t.Helper()
	s, err := scenario.Load(fsys, name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// compared makes scenarios comparable: catalogs and series by all they hold.
func compared() cmp.Options {
	return cmp.Options{cmp.AllowUnexported(catalog.Catalog{}, trace.Series{})}
}

func TestLoad_examples(t *testing.T) {
	names, err := fs.Glob(examples(), "*.yaml")
	if err != nil || len(names) < 4 {
		t.Fatalf("examples %v, %v", names, err)
	}
	for _, name := range names {
		s := load(t, examples(), name)
		if s.Name+".yaml" != name || s.Description == "" {
			t.Errorf("%s calls itself %q, %q", name, s.Name, s.Description)
		}
		origin := world.InstantOf(time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC))
		if _, err := s.Config(origin); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		again, err := scenario.Parse(name, s.YAML, scenario.Kept(s.Files))
		if err != nil {
			t.Fatalf("%s from what was kept: %v", name, err)
		}
		if diff := cmp.Diff(s, again, compared()); diff != "" {
			t.Errorf("%s from what was kept: %s", name, diff)
		}
	}
}

// The documented billing example: the price of each half hour, exact at its
// first tick.
func TestConfig_priceStorm(t *testing.T) {
	s := load(t, examples(), "price-storm.yaml")
	config, err := s.Config(world.InstantOf(s.Start))
	if err != nil {
		t.Fatal(err)
	}
	// Ticks are five minutes here.
	for tick, want := range map[int64]int64{
		-1: 1_500_000, 0: 1_500_000, 5: 1_500_000, 6: 2_500_000, 11: 2_500_000, 12: 1_800_000,
		18: 1_600_000, 23: 1_600_000, 24: 3_000_000, 1_000: 3_000_000,
	} {
		if got := config.Market.Price(0, tick); got != want {
			t.Errorf("at tick %d the price is %d, want %d", tick, got, want)
		}
	}
}

// The documented order by price and vCPU is large, 2xlarge, xlarge.
func TestConfig_soldOut(t *testing.T) {
	s := load(t, examples(), "sold-out.yaml")
	config, err := s.Config(world.InstantOf(s.Start))
	if err != nil {
		t.Fatal(err)
	}
	unit := func(instanceType string) (list, spot float64) {
		index, ok := s.Catalog.Find("cn-shenzhen-e", instanceType)
		if !ok {
			t.Fatal("no " + instanceType)
		}
		offer := s.Catalog.Offers()[index]
		return float64(offer.PayAsYouGoMicros) / float64(offer.VCPUs), float64(config.Market.Price(index, 7)) / float64(offer.VCPUs)
	}
	var last [2]float64
	for _, instanceType := range []string{"ecs.c6.large", "ecs.c6.2xlarge", "ecs.c6.xlarge"} {
		list, spot := unit(instanceType)
		if list <= last[0] || spot <= last[1] {
			t.Errorf("%s costs %v and %v a vCPU, after %v", instanceType, list, spot, last)
		}
		last = [2]float64{list, spot}
	}
	small, _ := s.Catalog.Find("cn-shenzhen-d", "ecs.s6-c1m1.small")
	want := world.Planned{At: world.InstantOf(s.Start), Command: world.SetDrained{Pools: []world.Pool{{Offer: int32(small)}}, Drained: true}}
	if diff := cmp.Diff(want, config.Agenda[0]); diff != "" {
		t.Error(diff)
	}
}

func TestLoad_filesLieBesideTheScenario(t *testing.T) {
	shipped, err := catalog.Default()
	if err != nil {
		t.Fatal(err)
	}
	var csv strings.Builder
	if err := shipped.Write(&csv); err != nil {
		t.Fatal(err)
	}
	fsys := fstest.MapFS{
		"a/b/own.yaml":      {Data: []byte("name: own\nregion: {catalog: data/mine.csv, id: cn-shenzhen}\n")},
		"a/b/data/mine.csv": {Data: []byte(csv.String())},
		"a/b/up.yaml":       {Data: []byte("name: up\nregion: {catalog: ../c.csv}\n")},
		"a/b/none.yaml":     {Data: []byte("name: none\nregion: {catalog: c.csv}\n")},
		"a/b/folder.yaml":   {Data: []byte("name: folder\nregion: {catalog: data}\n")},
		"a/b/large.yaml":    {Data: []byte("name: large # " + strings.Repeat("x", scenario.MaxBytes))},
	}
	s := load(t, fsys, "a/b/own.yaml")
	if diff := cmp.Diff(shipped, s.Catalog, compared()); diff != "" || len(s.Files) != 1 || string(s.Files["data/mine.csv"]) != csv.String() {
		t.Errorf("files %d: %s", len(s.Files), diff)
	}
	for name, want := range map[string]string{
		"a/b/up.yaml":     `up.yaml:2:19: region.catalog: must be the name of a file beside the scenario, at most 256 bytes, without .., got "../c.csv"`,
		"a/b/none.yaml":   `none.yaml:2:19: region.catalog: must be a file beside the scenario: there is none, got "c.csv"`,
		"a/b/folder.yaml": `folder.yaml:2:19: region.catalog: must be a file that can be read: read a/b/data: invalid argument, got "data"`,
		"a/b/large.yaml":  `large.yaml: must be at most 1048576 bytes`,
	} {
		if _, err := scenario.Load(fsys, name); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", name, err, want)
		}
	}
	if _, err := scenario.Load(fsys, "a/b/nothing.yaml"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestParse_boundsFiles(t *testing.T) {
	_, err := scenario.Parse("x.yaml", []byte("name: x\nregion: {catalog: c.csv}"), func(_ string, limit int64) ([]byte, error) {
		return make([]byte, limit+1), nil
	})
	if err == nil || !strings.Contains(err.Error(), "x.yaml:2:19: region.catalog: must not make all files together larger than 50331648 bytes") {
		t.Errorf("got %v", err)
	}
}

// Real traces are replayed when they are there.
func TestLoad_sharedTraces(t *testing.T) {
	folder := ""
	for up := "../../../.."; len(up) < 40 && folder == ""; up = filepath.Join(up, "..") {
		if found, err := filepath.Glob(filepath.Join(up, "shared/data/availability/aws_gpu_uswest2_2022-10.csv.gz")); err == nil && len(found) == 1 {
			folder = filepath.Dir(found[0])
		}
	}
	if folder == "" {
		t.Log("no shared data: only small traces are replayed")
		return
	}
	const yaml = `name: real
start: 2022-10-26T22:06:03Z
market:
  traces:
    files:
      - file: aws_gpu_uswest2_2022-10.csv.gz
        from: 600
        series: [{name: COLUMN, zone_id: cn-shenzhen-d, instance_type: ecs.c6.large}]
`
	packed, err := os.ReadFile(filepath.Join(folder, "aws_gpu_uswest2_2022-10.csv.gz"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := trace.Parse(strings.NewReader(string(packed)))
	if err != nil {
		t.Fatal(err)
	}
	s, err := scenario.Parse("real.yaml", []byte(strings.Replace(yaml, "COLUMN", f.Names()[0], 1)), func(string, int64) ([]byte, error) { return packed, nil })
	if err != nil {
		t.Fatal(err)
	}
	config, err := s.Config(world.InstantOf(s.Start))
	if err != nil {
		t.Fatal(err)
	}
	series, _ := f.Stock(f.Names()[0])
	offer := s.Replay.Series[0].Offer
	for tick := range int64(3_000) {
		if got := s.Catalog.Offers()[offer].Capacity - config.Market.Demand(offer, tick); got != series.At(600+tick*600) {
			t.Fatalf("at tick %d there are %d, the file has %d", tick, got, series.At(600+tick*600))
		}
	}
}
