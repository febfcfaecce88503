package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/seed-198b1370/muster/services/fleetsim/scenario"
)

type scenarioCommand struct {
	Check scenarioCheck `cmd:"" help:"Tell all that is wrong with a scenario file, or what it holds."`
	Keys  scenarioKeys  `cmd:"" help:"Tell all keys of a scenario file, as Markdown."`
}

type scenarioCheck struct {
	File string `arg:"" help:"The scenario file. The files that it names lie beside it."`
}

// Run checks a scenario file.
func (c *scenarioCheck) Run(on console) error {
	s, err := readScenario(c.File)
	if err != nil {
		return err
	}
	describeScenario(on.out, s)
	return nil
}

type scenarioKeys struct{}

// Run tells the keys.
func (scenarioKeys) Run(on console) error {
	_, err := io.WriteString(on.out, scenario.Reference())
	return err
}

// readScenario reads a scenario file and the files beside it. Its errors name
// file, line, key and what is wrong.
func readScenario(name string) (*scenario.Scenario, error) {
	folder, base := filepath.Split(name)
	if folder == "" {
		folder = "."
	}
	s, err := scenario.Load(os.DirFS(folder), base)
	var found *scenario.FileError
	if errors.As(err, &found) {
		// The problems name files of the folder; people name them from where
		// they are.
		for i := range found.Problems {
			found.Problems[i].File = filepath.Join(folder, found.Problems[i].File)
		}
		return nil, &fileError{lines: strings.Split(found.Error(), "\n")}
	}
	if unread := (*fs.PathError)(nil); errors.As(err, &unread) {
		unread.Path = name // in full, and not within its folder
		return nil, fmt.Errorf("read scenario: %w", unread)
	}
	return s, err
}

// describeScenario tells what a scenario holds, in a few lines.
func describeScenario(out io.Writer, s *scenario.Scenario) {
	say(out, s.Name+": all is well")
	c := s.Catalog
	say(out, fmt.Sprintf("  region   %s, %s: %s in %s, %s", c.RegionID(), s.Currency,
		some(len(c.InstanceTypes()), "instance type"), some(len(c.ZoneIDs()), "zone"), some(len(c.Offers()), "pool")))
	say(out, fmt.Sprintf("  market   volatility %v, seed %d", float64(s.Volatility)/1e6, s.Seed))
	if r := s.Replay; r != nil {
		line := "  traces   for " + some(len(r.Series), "pool")
		if r.ClampedPrices > 0 {
			line += fmt.Sprintf("; %s outside 10 %% and 100 %% of the list price, and the nearer of the two is used", some(r.ClampedPrices, "price"))
		}
		say(out, line)
	}
	say(out, "  accounts "+some(len(s.Accounts), "account"))
	line := "  events   " + some(len(s.Agenda), "event")
	if last := len(s.Agenda) - 1; last >= 0 {
		line += ", the last after " + s.Agenda[last].After.String()
	}
	say(out, line)
	if !s.Start.IsZero() {
		say(out, "  begins   "+s.Start.Format(time.RFC3339))
	}
}

// some writes a number of things.
func some(count int, thing string) string {
	if count == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", count, thing)
}
