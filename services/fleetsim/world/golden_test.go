package world_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-198b1370/muster/services/fleetsim/market"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

var rewrite = flag.Bool("rewrite", false, "write the scenarios' results anew; commit them only if you understand why they changed")

// TestScenarios plays testdata/*.txt. A line is a command; the indented lines
// under it are what happened. Lines that begin with # are comments. Commands:
//
//	market price|demand OFFER TICK VALUE     from the tick (from the start) on
//	launch NAME OFFER spot|payg AMOUNT [bid=MICROS] [unprotected]
//	advance DURATION
//	release NUMBER...
//	reclaim OFFER [max=N]
//	drain|restore OFFER spot|payg
//	stock OFFER
//	price NUMBER
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := play(t, string(text))
			if *rewrite {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if diff := cmp.Diff(string(text), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func play(t *testing.T, text string) string {
	m := still{price: map[int]map[int64]int64{}, demand: map[int]map[int64]int64{}}
	w := world.New(world.Config{Catalog: small(t), Market: m, Seed: 1, Origin: origin})
	var out strings.Builder
	for _, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		if strings.HasPrefix(line, "  ") {
			continue
		}
		fmt.Fprintln(&out, line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		for _, result := range obey(t, w, m, strings.Fields(line)) {
			fmt.Fprintln(&out, "  "+result)
		}
	}
	return out.String()
}

func obey(t *testing.T, w *world.World, m still, words []string) []string {
	var offer int
	if _, err := fmt.Sscan(words[min(len(words)-1, map[string]int{"market": 2, "launch": 2}[words[0]]+map[string]int{"drain": 1, "restore": 1, "reclaim": 1, "stock": 1}[words[0]])], &offer); err != nil {
		offer = -1
	}
	apply := func(command world.Command) []string {
		answer, err := w.Apply(w.Now(), command)
		if err != nil {
			return append(trace(w), "refused: "+err.Error())
		}
		results := trace(w)
		switch command.(type) {
		case world.Reclaim:
			results = append(results, fmt.Sprintf("noticed %d, deferred %d", answer.Noticed, answer.Deferred))
		case world.Release:
			results = append(results, fmt.Sprintf("missing %d", len(answer.Missing)))
		}
		return results
	}
	number := func(text string) (n int64) {
		if _, err := fmt.Sscan(text[strings.Index(text, "=")+1:], &n); err != nil {
			t.Fatalf("%q in %q: %v", text, words, err)
		}
		return n
	}
	pool := func(billing string) world.Pool { return world.Pool{Offer: int32(offer), Spot: billing == "spot"} }
	switch words[0] {
	case "market":
		values := map[string]map[int]map[int64]int64{"price": m.price, "demand": m.demand}[words[1]]
		if values[offer] == nil {
			values[offer] = map[int64]int64{}
		}
		values[offer][number(words[3])] = number(words[4])
		return nil
	case "launch":
		launch := world.Launch{AccountID: "default", RequestID: words[1], Pool: pool(words[3]), Amount: int32(number(words[4])), MinAmount: 1}
		for _, word := range words[5:] {
			if word == "unprotected" {
				launch.Unprotected = true
			} else {
				launch.MaxPrice = number(word)
			}
		}
		return apply(launch)
	case "advance":
		by, err := time.ParseDuration(words[1])
		if err != nil {
			t.Fatal(err)
		}
		w.Advance(w.Now().Add(by))
		return trace(w)
	case "release":
		var numbers []uint64
		for _, word := range words[1:] {
			numbers = append(numbers, uint64(number(word)))
		}
		return apply(world.Release{AccountID: "default", Numbers: numbers})
	case "reclaim":
		command := world.Reclaim{ByPool: true, Offers: []int32{int32(offer)}}
		if len(words) > 2 {
			command.Max = int32(number(words[2]))
		}
		return apply(command)
	case "drain", "restore":
		return apply(world.SetDrained{Pools: []world.Pool{pool(words[2])}, Drained: words[0] == "drain"})
	case "stock":
		s := w.Stock(int32(offer))
		return []string{fmt.Sprintf("capacity %d, used %d, others %d, free %d, spot price %d", s.Capacity, s.Used, s.Others, s.Free, s.Price)}
	case "price":
		page := w.List(world.Query{AccountID: "default", ByNumber: true, Numbers: []uint64{uint64(number(words[1]))}, Limit: 1}).Listed
		return []string{fmt.Sprint(page[0].Price)}
	default:
		t.Fatalf("no such command: %v", words)
		return nil
	}
}

// trace writes what happened since the last call.
func trace(w *world.World) []string {
	kinds := map[world.Kind]string{
		world.KindCreated: "created", world.KindStarting: "starting", world.KindRunning: "running",
		world.KindNotice: "NOTICE", world.KindReleased: "released", world.KindTagged: "tagged",
	}
	reasons := map[world.Reason]string{
		world.ReasonRequested: " (requested)", world.ReasonPriceAboveBid: " (price above bid)",
		world.ReasonStockNeeded: " (stock needed)", world.ReasonReclaimOrdered: " (reclaim ordered)",
	}
	var lines []string
	for _, tr := range w.Take().Transitions {
		lines = append(lines, fmt.Sprintf("%s instance %d %s%s at %d micros",
			tr.Time.Time().Format("15:04:05.0"), tr.Instance.Number, kinds[tr.Kind], reasons[tr.Reason], tr.Price))
	}
	return lines
}

// The market's tick is what the scenarios count in.
var _ = [1]struct{}{}[market.Tick-5*time.Minute]
