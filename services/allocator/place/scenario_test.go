package place_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/seed-198b1370/muster/pkg/money"
	"github.com/seed-198b1370/muster/services/allocator/place"
)

// TestScenarios runs the scripts in testdata/scenarios. `go test -run TestScenarios
// -rewrite` writes what comes out into them; commit only what you understand.
//
// A `market` block says what is for sale, one offer a line:
//
//	ZONE TYPE list=PRICE spot=PRICE stock=N|unknown [spot-stock=N] [restocked=MINUTE] [interrupted=PERCENT]
//
// where a price of "-" means not on sale, and `interrupted` is how much of the
// spot instances is interrupted within an hour; not known unless given. A
// `place` block is a request:
//
//	candidate ZONE TYPE [weight=UNITS] [priority=N] [max=PRICE] [source=N] [protect=PERCENT]
//	want spot|pay-as-you-go UNITS STRATEGY [pools=N] [max=PRICE] [zones=POLICY] [types=POLICY]
//	hold ZONE UNITS [instances=N]
//	exclude ZONE TYPE spot|pay-as-you-go [refused=MINUTE]
//	promised ZONE TYPE N
//	limit [instances=N] [units=UNITS]
//
// A `summary` block is the same and shows what people are told. A `scale-in` or
// `rebalance` block is, too, with what is held: see holding_test.go.
func TestScenarios(t *testing.T) {
	datadriven.Walk(t, "testdata/scenarios", runScenario)
}

func runScenario(t *testing.T, path string) {
	market := market{}
	datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
		s := script{t: t, at: d.Pos}
		switch d.Cmd {
		case "market":
			market = s.market(d.Input)
			return fmt.Sprintf("%d offers", len(market))
		case "place":
			return show(mustPlace(s.request(d.Input), market))
		case "summary":
			request := s.request(d.Input)
			return strings.ReplaceAll(place.Summary(request, mustPlace(request, market)), ". ", ".\n")
		case "scale-in":
			return s.scaleIn(d.Input, market)
		case "rebalance":
			return s.rebalance(d.Input, market)
		default:
			t.Fatalf("%s: command %q is not known", d.Pos, d.Cmd)
			return ""
		}
	})
}

// mustPlace places what no search can be too large for.
func mustPlace(request place.Request, market place.Market) place.Placement {
	placement, err := place.Place(request, market)
	if err != nil {
		panic(err)
	}
	return placement
}

// A market is a table of offers.
type market map[place.Key]*place.Offer

func (m market) Offer(key place.Key) *place.Offer { return m[key] }

// A script reads the blocks of a scenario.
type script struct {
	t  *testing.T
	at string
}

func (s script) market(input string) market {
	m := market{}
	for _, line := range lines(input) {
		words, options := s.split(line, 2)
		stock := s.stock(options["stock"])
		spotStock := stock
		if given, ok := options["spot-stock"]; ok {
			spotStock = s.stock(given)
		}
		restocked := s.minute(options["restocked"])
		offer := &place.Offer{
			ListPrice: s.price(options["list"]),
			PayAsYouGo: place.Pool{
				OnSale: true, Price: s.price(options["list"]), Available: stock, Restocked: restocked, InterruptionPermille: place.Unknown,
			},
		}
		if spot := options["spot"]; spot != "-" {
			offer.Spot = place.Pool{
				OnSale: true, Price: s.price(spot), Available: spotStock, Restocked: restocked, InterruptionPermille: place.Unknown,
			}
			if given, ok := options["interrupted"]; ok {
				offer.Spot.InterruptionPermille = int32(s.number(given) * 10)
			}
		}
		m[place.Key{Zone: words[0], Type: words[1]}] = offer
	}
	return m
}

func (s script) request(input string) place.Request {
	var r place.Request
	for _, line := range lines(input) {
		kind, rest, _ := strings.Cut(line, " ")
		switch kind {
		case "candidate":
			words, options := s.split(rest, 2)
			candidate := place.Candidate{
				Key: place.Key{Zone: words[0], Type: words[1]}, Weight: s.units(options["weight"], 1), MaxPrice: s.price(options["max"]),
			}
			if priority, ok := options["priority"]; ok {
				candidate.Priority = new(int32(s.number(priority)))
			}
			if percent, ok := options["protect"]; ok {
				candidate.PriceProtection = new(int32(s.number(percent)))
			}
			candidate.Source = int32(s.number(options["source"]))
			r.Candidates = append(r.Candidates, candidate)
		case "want":
			words, options := s.split(rest, 3)
			r.Demands = append(r.Demands, place.Demand{
				Billing: one(s, billings, words[0]), Wanted: s.units(words[1], 0), Strategy: one(s, strategies, words[2]),
				ZonePolicy: one(s, zonePolicies, options["zones"]), TypePolicy: one(s, typePolicies, options["types"]),
				PoolsToUse: int(s.number(options["pools"])), MaxPrice: s.price(options["max"]),
			})
		case "hold":
			words, options := s.split(rest, 2)
			r.Existing = append(r.Existing, place.ZoneCapacity{
				Zone: words[0], Milliunits: s.units(words[1], 0), Instances: int64(s.number(options["instances"])),
			})
		case "promised":
			words, _ := s.split(rest, 3)
			if r.Promised == nil {
				r.Promised = map[place.Key]int32{}
			}
			r.Promised[place.Key{Zone: words[0], Type: words[1]}] = int32(s.number(words[2]))
		case "exclude":
			words, options := s.split(rest, 3)
			r.Exclusions = append(r.Exclusions, place.Exclusion{
				Key: place.Key{Zone: words[0], Type: words[1]}, Billing: one(s, billings, words[2]), Refused: s.minute(options["refused"]),
			})
		case "limit":
			_, options := s.split(rest, 0)
			if given, ok := options["instances"]; ok {
				r.MaxInstances = new(int32(s.number(given)))
			}
			if given, ok := options["units"]; ok {
				r.MaxMilliunits = new(s.units(given, 0))
			}
		default:
			s.t.Fatalf("%s: %q is not known", s.at, line)
		}
	}
	return r
}

var (
	billings   = map[string]place.Billing{"spot": place.Spot, "pay-as-you-go": place.PayAsYouGo}
	strategies = map[string]place.Strategy{
		"lowest-price": place.LowestPrice, "prioritized": place.Prioritized, "diversified": place.Diversified,
		"capacity-optimized": place.CapacityOptimized, "capacity-optimized-prioritized": place.CapacityOptimizedPrioritized,
		"price-capacity-optimized": place.PriceCapacityOptimized, "lowest-cost": place.LowestCost, "zone-and-type": place.ZoneAndType,
	}
	zonePolicies = map[string]place.ZonePolicy{"": place.ZonesBalanced, "balanced": place.ZonesBalanced, "sequenced": place.ZonesSequenced}
	typePolicies = map[string]place.TypePolicy{
		"": place.TypesSequenced, "sequenced": place.TypesSequenced, "cost-centered": place.TypesCostCentered,
	}
	verdicts = map[place.Verdict]string{
		place.Taken: "taken", place.NotNeeded: "not needed", place.NotOnSale: "not on sale", place.Excluded: "excluded",
		place.PriceTooHigh: "price too high", place.NoStock: "no stock", place.LimitReached: "limit reached",
		place.PriceProtected: "price protected",
	}
)

// one is the value of a word, which must be known.
func one[T any](s script, known map[string]T, word string) T {
	value, ok := known[word]
	if !ok {
		s.t.Fatalf("%s: %q is not known", s.at, word)
	}
	return value
}

func show(p place.Placement) string {
	var out strings.Builder
	for _, demand := range p.Demands {
		fmt.Fprintf(&out, "placed %v units\n", money.UnitsOf(demand.Placed))
		table := tabwriter.NewWriter(&out, 0, 1, 2, ' ', tabwriter.AlignRight)
		for _, d := range demand.Decisions {
			rank, took, stock, notes := "-", "", "?", ""
			if d.Rank > 0 {
				rank = strconv.Itoa(int(d.Rank))
			}
			if d.Instances > 0 {
				took = fmt.Sprintf("%d x %v", d.Instances, money.UnitsOf(d.Weight))
			}
			if d.Available != place.Unknown {
				stock = strconv.Itoa(int(d.Available))
			}
			if d.MaxPrice > 0 {
				notes += " max " + money.FormatMicros(d.MaxPrice)
			}
			if d.ProtectedUnitPrice > 0 {
				notes += " protected above " + money.FormatMicros(d.ProtectedUnitPrice)
			}
			if d.Promised > 0 {
				notes += fmt.Sprintf(" promised %d", d.Promised)
			}
			if d.InterruptionPermille != place.Unknown {
				notes += fmt.Sprintf(" interrupted %v %%", float64(d.InterruptionPermille)/10)
			}
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s a unit\tof %s\t%s\n", rank, d.Key.Zone, d.Key.Type, verdicts[d.Verdict], took,
				money.FormatMicros(d.UnitPrice), stock, notes)
		}
		table.Flush()
	}
	fmt.Fprintf(&out, "in all %d instances, %v units, %s an hour instead of %s\n", p.Instances, money.UnitsOf(p.Placed),
		money.FormatMicros(p.Cost), money.FormatMicros(p.ListCost))
	if p.Interruptions > 0 {
		fmt.Fprintf(&out, "%v interruptions a day\n", float64(p.Interruptions)/1000)
	}
	var trimmed []string
	for line := range strings.Lines(out.String()) {
		trimmed = append(trimmed, strings.TrimRight(line, " \n"))
	}
	return strings.Join(trimmed, "\n")
}

func lines(input string) []string {
	var all []string
	for line := range strings.Lines(input) {
		if line = strings.TrimSpace(line); line != "" {
			all = append(all, line)
		}
	}
	return all
}

// split separates the first words of a line from its options.
func (s script) split(line string, n int) (words []string, options map[string]string) {
	fields := strings.Fields(line)
	if len(fields) < n {
		s.t.Fatalf("%s: %q needs %d words", s.at, line, n)
	}
	options = map[string]string{}
	for _, field := range fields[n:] {
		name, value, ok := strings.Cut(field, "=")
		if !ok {
			s.t.Fatalf("%s: %q is not an option", s.at, field)
		}
		options[name] = value
	}
	return fields[:n], options
}

func (s script) number(text string) float64 {
	if text == "" {
		return 0
	}
	value, err := strconv.ParseFloat(text, 64)
	if err != nil {
		s.t.Fatalf("%s: %v", s.at, err)
	}
	return value
}

func (s script) units(text string, otherwise float64) int64 {
	if text == "" {
		return money.MilliunitsOf(otherwise)
	}
	return money.MilliunitsOf(s.number(text))
}

func (s script) price(text string) int64 { return int64(s.number(text)*money.MicrosPerUnit + 0.5) }

func (s script) stock(text string) int32 {
	if text == "unknown" {
		return place.Unknown
	}
	return int32(s.number(text))
}

// minute is a time, told in minutes after some origin.
func (s script) minute(text string) time.Time {
	if text == "" {
		return time.Time{}
	}
	return time.Unix(0, 0).Add(time.Duration(s.number(text)) * time.Minute)
}
