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
//	launch NAME OFFER spot|payg AMOUNT [bid=MICROS] [unprotected] [stop] [all] [by=ACCOUNT] [disk=CATEGORY:GIB[:keep]]...
//	advance DURATION
//	to HH:MM[:SS]
//	release|start|stop|economical|reboot NUMBER...
//	crash|hang|impair|recover NUMBER...
//	reclaim OFFER [MAX]
//	drain|restore OFFER spot|payg
//	fault ID DURATION shock TYPE PERMILLE | outage ZONE | slow PERMILLE | refuse REASON | nodisk CATEGORY
//	clear ID
//	account ID PAYG-VCPUS SPOT-VCPUS
//	deposit ID NAME MICROS
//	attach|detach|delete NUMBER/PLACE [NUMBER]
//	stock OFFER
//	price|bill NUMBER
//	owes ID
//	disks ID
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
		for _, result := range (player{t, w, m}).obey(strings.Fields(line)) {
			fmt.Fprintln(&out, "  "+result)
		}
	}
	return out.String()
}

// player plays one scenario.
type player struct {
	t *testing.T
	w *world.World
	m still
}

func (p player) apply(command world.Command) []string {
	answer, err := p.w.Apply(p.w.Now(), command)
	if err != nil {
		return append(trace(p.w), "refused: "+err.Error())
	}
	results := trace(p.w)
	switch command.(type) {
	case world.Reclaim:
		results = append(results, fmt.Sprintf("noticed %d, deferred %d", answer.Noticed, answer.Deferred))
	case world.Release:
		results = append(results, fmt.Sprintf("missing %d", len(answer.Missing)))
	}
	return results
}

func (p player) number(text string) (n int64) {
	if _, err := fmt.Sscan(text[strings.Index(text, "=")+1:], &n); err != nil {
		p.t.Fatalf("%q: %v", text, err)
	}
	return n
}

func (p player) numbers(words []string) (numbers []uint64) {
	for _, word := range words {
		numbers = append(numbers, uint64(p.number(word)))
	}
	return numbers
}

func (p player) pool(offer, billing string) world.Pool {
	return world.Pool{Offer: int32(p.number(offer)), Spot: billing == "spot"}
}

func (p player) duration(text string) time.Duration {
	d, err := time.ParseDuration(text)
	if err != nil {
		p.t.Fatal(err)
	}
	return d
}

func (p player) obey(words []string) []string {
	switch words[0] {
	case "market":
		values := map[string]map[int]map[int64]int64{"price": p.m.price, "demand": p.m.demand}[words[1]]
		offer := int(p.number(words[2]))
		if values[offer] == nil {
			values[offer] = map[int64]int64{}
		}
		values[offer][p.number(words[3])] = p.number(words[4])
		return nil
	case "advance":
		p.w.Advance(p.w.Now().Add(p.duration(words[1])))
		return trace(p.w)
	case "to":
		clock, err := time.Parse("15:04:05", (words[1] + ":00")[:8])
		if err != nil {
			p.t.Fatal(err)
		}
		day := p.w.Now().Time().Truncate(24 * time.Hour)
		p.w.Advance(world.InstantOf(day.Add(time.Duration(clock.Hour())*time.Hour + time.Duration(clock.Minute())*time.Minute + time.Duration(clock.Second())*time.Second)))
		return trace(p.w)
	case "launch":
		return p.apply(p.launch(words))
	case "release":
		return p.apply(world.Release{AccountID: "default", Numbers: p.numbers(words[1:])})
	case "start", "stop", "economical", "reboot":
		return p.power(words)
	case "crash", "hang", "impair", "recover":
		failure := map[string]world.Failure{"crash": world.FailureCrash, "hang": world.FailureHang, "impair": world.FailureImpair, "recover": world.FailureRecover}
		return p.apply(world.Fail{Numbers: p.numbers(words[1:]), Failure: failure[words[0]]})
	case "reclaim":
		command := world.Reclaim{ByPool: true, Offers: []int32{int32(p.number(words[1]))}}
		if len(words) > 2 {
			command.Max = int32(p.number(words[2]))
		}
		return p.apply(command)
	case "drain", "restore":
		return p.apply(world.SetDrained{Pools: []world.Pool{p.pool(words[1], words[2])}, Drained: words[0] == "drain"})
	default:
		return p.rule(words)
	}
}

func (p player) launch(words []string) world.Launch {
	launch := world.Launch{AccountID: "default", RequestID: words[1], Pool: p.pool(words[2], words[3]), Amount: int32(p.number(words[4])), MinAmount: 1}
	for _, word := range words[5:] {
		switch key, value, _ := strings.Cut(word, "="); key {
		case "unprotected":
			launch.Unprotected = true
		case "stop":
			launch.StopOnReclaim = true
		case "all":
			launch.MinAmount = launch.Amount
		case "bid":
			launch.MaxPrice = p.number(value)
		case "by":
			launch.AccountID = value
		case "disk":
			parts := strings.Split(value, ":")
			launch.Disks = append(launch.Disks, world.DiskRequest{
				Categories: []world.DiskCategory{world.DiskCategory(p.number(parts[0])), world.DiskCloudEfficiency},
				SizeGiB:    int32(p.number(parts[1])), Keep: len(parts) > 2, System: len(launch.Disks) == 0,
			})
		default:
			p.t.Fatalf("%q in %q", word, words)
		}
	}
	return launch
}

func (p player) power(words []string) []string {
	batch := world.Batch{AccountID: "default", Numbers: p.numbers(words[1:])}
	switch words[0] {
	case "start":
		return p.apply(world.Start{Batch: batch})
	case "reboot":
		return p.apply(world.Reboot{Batch: batch})
	default:
		return p.apply(world.Stop{Batch: batch, Economical: words[0] == "economical"})
	}
}

func (p player) rule(words []string) []string {
	switch words[0] {
	case "fault":
		return p.apply(world.InjectFault{ID: words[1], Duration: p.duration(words[2]), Effect: p.effect(words[3:])})
	case "clear":
		return p.apply(world.ClearFaults{IDs: words[1:]})
	case "account":
		return p.apply(world.SetAccount{AccountID: words[1], Settings: world.AccountSettings{PayAsYouGoVCPUs: p.number(words[2]), SpotVCPUs: p.number(words[3])}})
	case "deposit":
		return p.apply(world.Deposit{AccountID: words[1], RequestID: words[2], Micros: p.number(words[3])})
	case "attach":
		return p.apply(world.AttachDisk{AccountID: "default", Disk: p.disk(words[1]), Number: uint64(p.number(words[2]))})
	case "detach":
		return p.apply(world.DetachDisk{AccountID: "default", Disk: p.disk(words[1])})
	case "delete":
		return p.apply(world.DeleteDisk{AccountID: "default", Disk: p.disk(words[1])})
	default:
		return p.tell(words)
	}
}

func (p player) disk(text string) world.DiskID {
	number, place, _ := strings.Cut(text, "/")
	return world.DiskID{Number: uint64(p.number(number)), Place: uint8(p.number(place))}
}

func (p player) effect(words []string) world.Effect {
	last := words[len(words)-1]
	switch words[0] {
	case "shock":
		return world.PriceShock{Pools: world.Selector{InstanceType: words[1]}, Permille: p.number(last)}
	case "outage":
		return world.ZoneOutage{ZoneID: last}
	case "slow":
		return world.SlowLaunch{Permille: p.number(last)}
	case "refuse":
		return world.LaunchRefusal{Refusal: world.Refusal(p.number(last))}
	case "nodisk":
		return world.DiskShortage{Category: world.DiskCategory(p.number(last))}
	default:
		p.t.Fatalf("no such effect: %v", words)
		return nil
	}
}

// tell answers a question.
func (p player) tell(words []string) []string {
	switch words[0] {
	case "stock":
		s := p.w.Stock(int32(p.number(words[1])))
		return []string{fmt.Sprintf("capacity %d, used %d, others %d, free %d, spot price %d", s.Capacity, s.Used, s.Others, s.Free, s.Price)}
	case "price":
		listed := p.w.List(world.Query{AccountID: "default", ByNumber: true, Numbers: p.numbers(words[1:]), Limit: 1}).Listed
		return []string{fmt.Sprint(listed[0].Price)}
	case "bill":
		bill, err := p.w.BillOf("default", uint64(p.number(words[1])))
		if err != nil {
			return []string{err.Error()}
		}
		return []string{fmt.Sprintf("%d micros for computing, %d for disks, %d an hour now", bill.ComputeMicros, bill.DiskMicros, bill.PriceMicros)}
	case "owes":
		a, _ := p.w.AccountOf(words[1])
		return []string{fmt.Sprintf("charged %d, balance %d, overdue %v, vCPUs %d and %d", a.ChargedMicros, a.BalanceMicros, a.Overdue, a.PayAsYouGoVCPUs, a.SpotVCPUs)}
	case "disks":
		page, _ := p.w.Disks(world.DiskQuery{AccountID: words[1], Limit: 100})
		var lines []string
		for _, d := range page {
			lines = append(lines, fmt.Sprintf("%d/%d of category %d, %d GiB, on instance %d, keep %v, system %v", d.ID.Number, d.ID.Place, d.Category, d.SizeGiB, d.Instance, d.Keep, d.System))
		}
		return append(lines, fmt.Sprintf("%d disks", len(page)))
	default:
		p.t.Fatalf("no such command: %v", words)
		return nil
	}
}

// trace writes what happened since the last call.
func trace(w *world.World) []string {
	kinds := map[world.Kind]string{
		world.KindCreated: "created", world.KindStarting: "starting", world.KindRunning: "running",
		world.KindStopping: "stopping", world.KindStopped: "STOPPED", world.KindHealth: "health",
		world.KindNotice: "NOTICE", world.KindReleased: "released", world.KindTagged: "tagged", world.KindUpdated: "updated",
	}
	reasons := map[world.Reason]string{
		world.ReasonRequested: " (requested)", world.ReasonPriceAboveBid: " (price above bid)",
		world.ReasonStockNeeded: " (stock needed)", world.ReasonReclaimOrdered: " (reclaim ordered)",
		world.ReasonOverdue: " (overdue)", world.ReasonFailure: " (failure)", world.ReasonRecovered: " (recovered)", world.ReasonPaid: " (paid)",
	}
	var lines []string
	for tr := range w.Take().All() {
		what := kinds[tr.Kind]
		if tr.Kind == world.KindHealth {
			what += fmt.Sprint(" ", tr.Instance.Health)
		}
		lines = append(lines, fmt.Sprintf("%s instance %d %s%s at %d micros",
			tr.Time.Time().Format("15:04:05.0"), tr.Instance.Number, what, reasons[tr.Reason], tr.Price))
	}
	return lines
}

// The market's tick is what the scenarios count in.
var _ = [1]struct{}{}[market.Tick-5*time.Minute]
