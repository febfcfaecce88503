package scenario_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/seed-198b1370/muster/services/fleetsim/scenario"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// drawn writes a scenario that is right, and tells how many pools and events it
// has.
func drawn(t *rapid.T) (yaml string, pools, events int) {
	var to strings.Builder
	to.WriteString("name: drawn\nregion:\n  pools:\n")
	types, zones := rapid.IntRange(1, 4).Draw(t, "types"), rapid.IntRange(1, 4).Draw(t, "zones")
	for i := range types {
		price := rapid.IntRange(1_000, 9_999_999).Draw(t, "price")
		for j := range zones {
			fmt.Fprintf(&to, "    - {zone_id: r-%c, instance_type: t%d.x, vcpus: %d, memory_gib: %d, pay_as_you_go_price: %d.%06d, capacity: %d}\n",
				'a'+j, i, i+1, i+2, price/1_000_000, price%1_000_000, 1+i*j)
		}
	}
	events = rapid.IntRange(0, 20).Draw(t, "events")
	if events > 0 {
		to.WriteString("events:\n")
	}
	for i := range events {
		form := rapid.SampledFrom([]string{
			"reclaim: {%s}", "drain: {%s}", "restore: {%s, billing_method: spot}", "fail: {%s, failure: hang}",
			"deposit: {account_id: default, amount: 1.5}", "clear_faults: all",
			fmt.Sprintf("fault: {id: f%d, for: 1h, price_shock: {%%s, factor: 2}}", i),
		}).Draw(t, "event")
		picked := rapid.SampledFrom([]string{"zone_id: r-a", "instance_type: t0.x", "zone_id: r-a, instance_type: t0.x"}).Draw(t, "selector")
		form = strings.Replace(form, "%s", picked, 1)
		fmt.Fprintf(&to, "  - {at: %ds, %s}\n", rapid.IntRange(0, 10).Draw(t, "at"), form)
	}
	return to.String(), types * zones, events
}

// The same bytes give the same scenario; nothing is lost, and what is planned
// is in order of time and after the beginning.
func TestParse_isFaithful_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		yaml, pools, events := drawn(t)
		s, err := scenario.Parse("drawn.yaml", []byte(yaml), nil)
		if err != nil {
			t.Fatalf("%v\n%s", err, yaml)
		}
		again, err := scenario.Parse("drawn.yaml", []byte(yaml), nil)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(s, again, compared()); diff != "" {
			t.Fatal(diff)
		}
		origin := world.Instant(rapid.Int64Range(0, 1<<62).Draw(t, "origin"))
		config, err := s.Config(origin)
		if err != nil {
			t.Fatal(err)
		}
		if len(config.Catalog.Offers()) != pools || len(config.Agenda) != events {
			t.Fatalf("%d pools, %d events", len(config.Catalog.Offers()), len(config.Agenda))
		}
		if !slices.IsSortedFunc(config.Agenda, func(a, b world.Planned) int { return int(a.At - b.At) }) {
			t.Fatal("the agenda is out of order")
		}
		for i, planned := range config.Agenda {
			if time.Duration(planned.At-origin) != s.Agenda[i].After {
				t.Fatalf("event %d is at %d", i, planned.At)
			}
			holdsPools(t, planned.Command, pools)
		}
	})
}

// holdsPools holds that a command names pools that there are.
func holdsPools(t *rapid.T, command world.Command, pools int) {
	var offers []int32
	switch c := command.(type) {
	case world.Reclaim:
		offers = c.Offers
	case world.SetDrained:
		for _, p := range c.Pools {
			offers = append(offers, p.Offer)
		}
	case world.Fail:
		for _, p := range c.Pools {
			offers = append(offers, p.Offer)
		}
	default:
		return
	}
	if len(offers) == 0 || slices.Min(offers) < 0 || int(slices.Max(offers)) >= pools {
		t.Fatalf("%v of %d pools", offers, pools)
	}
}

// Any one line left out or doubled of a right scenario gives a scenario or an
// error that names the file, never anything else.
func TestParse_survivesDamage_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lines := strings.Split(full, "\n")
		at := rapid.IntRange(0, len(lines)-1).Draw(t, "line")
		if rapid.Bool().Draw(t, "double") {
			lines = slices.Insert(lines, at, lines[at])
		} else {
			lines = slices.Delete(lines, at, at+1)
		}
		s, err := scenario.Parse("full.yaml", []byte(strings.Join(lines, "\n")), scenario.Kept(fullFiles()))
		if (s == nil) == (err == nil) {
			t.Fatalf("both or none: %v", err)
		}
		if err == nil {
			return
		}
		for _, line := range strings.Split(err.Error(), "\n") {
			if !strings.HasPrefix(line, "full.yaml:") {
				t.Fatalf("%q does not name its place", line)
			}
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(full), []byte("t_s,x\n0,1\n60,2\n"))
	f.Add([]byte("name: x\nregion: {catalog: prices.csv}"), []byte("zone_id,instance_type\n"))
	f.Add([]byte("a: &a [*a]\nb: {<<: *a}"), []byte{0x1f, 0x8b})
	f.Add([]byte("name: x\nmarket: {traces: {repeat: true, files: [{file: stock.csv, from: 0}]}}\n"), []byte("time,zone,instance_type,available\n9,cn-shenzhen-d,ecs.c6.large,1\n"))
	f.Add([]byte("name: x\nevents:\n- {at: 1d2h, fault: {id: a, for: 1ms, zone_outage: {zone_id: cn-shenzhen-c}}}\n- {at: 3d, clear_faults: all}\n"), []byte{})
	f.Add([]byte("[[[[[[{{{{{{a: b}}}}}}"), []byte("\n"))
	f.Fuzz(func(t *testing.T, yaml, file []byte) {
		files := fullFiles()
		files["stock.csv"] = file
		s, err := scenario.Parse("fuzz.yaml", yaml, scenario.Kept(files))
		if err != nil {
			if len(err.Error()) > 1<<20 {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
			return
		}
		origin := s.Start
		if origin.IsZero() {
			origin = time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)
		}
		config, err := s.Config(world.InstantOf(origin))
		if err != nil {
			t.Fatal(err)
		}
		for offer := range config.Catalog.Offers() {
			config.Market.Price(offer, 1)
			config.Market.Demand(offer, 1)
		}
		again, err := scenario.Parse("fuzz.yaml", yaml, scenario.Kept(s.Files))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(s, again, compared()); diff != "" {
			t.Error(diff)
		}
	})
}
