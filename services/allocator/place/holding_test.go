package place_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/seed-198b1370/muster/pkg/money"
	"github.com/seed-198b1370/muster/services/allocator/place"
)

// What is held is written in scripts as
//
//	held ZONE TYPE spot|pay-as-you-go N [weight=UNITS] price=PRICE
//
// and a `rebalance` block may have
//
//	remove N

var reasons = map[place.Reason]string{
	place.NoCandidate: "no candidate", place.Dearest: "dearest", place.LowestPriority: "lowest priority",
	place.FullestZone: "fullest zone", place.MostInterrupted: "most interrupted", place.LastInOrder: "last in order",
	place.LeastCost: "least cost",
}

// holding reads the lines of a block that tell what is held and how many may be
// given up; the others are a request.
func (s script) holding(input string) (request place.Request, held []place.HeldPool, remove int32) {
	var rest []string
	remove = 1_000_000
	for _, line := range lines(input) {
		switch kind, words, _ := strings.Cut(line, " "); kind {
		case "held":
			words, options := s.split(words, 4)
			held = append(held, place.HeldPool{
				Key: place.Key{Zone: words[0], Type: words[1]}, Billing: one(s, billings, words[2]),
				Instances: int32(s.number(words[3])), Weight: s.units(options["weight"], 1), Price: s.price(options["price"]),
			})
		case "remove":
			remove = int32(s.number(words))
		default:
			rest = append(rest, line)
		}
	}
	return s.request(strings.Join(rest, "\n")), held, remove
}

func (s script) scaleIn(input string, market market) string {
	request, held, _ := s.holding(input)
	decisions, err := place.ScaleIn(place.Keep{Candidates: request.Candidates, Demands: request.Demands, Held: held}, market)
	if err != nil {
		s.t.Fatalf("%s: %v", s.at, err)
	}
	var out strings.Builder
	table := tabwriter.NewWriter(&out, 0, 1, 2, ' ', tabwriter.AlignRight)
	for _, d := range decisions {
		h := held[d.Held]
		fmt.Fprintf(table, "%d\t%s\t%s\tgives up %d of %d\t%s a unit\t%s\t\n", d.Rank, h.Key.Zone, h.Key.Type, d.Remove, h.Instances,
			money.FormatMicros(d.UnitPrice), reasons[d.Reason])
	}
	table.Flush()
	for _, demand := range request.Demands {
		var stays int64
		for _, d := range decisions {
			if h := held[d.Held]; h.Billing == demand.Billing {
				stays += int64(d.Stay) * h.Weight
			}
		}
		fmt.Fprintf(&out, "%v units stay of %v wanted\n", money.UnitsOf(stays), money.UnitsOf(demand.Wanted))
	}
	return trimLines(out.String())
}

func (s script) rebalance(input string, market market) string {
	request, held, remove := s.holding(input)
	result, err := place.Rebalance(place.Rebalancing{
		Candidates: request.Candidates, Demands: request.Demands, Held: held, Exclusions: request.Exclusions, Promised: request.Promised, MaxRemoved: remove,
	}, market)
	if err != nil {
		s.t.Fatalf("%s: %v", s.at, err)
	}
	var out strings.Builder
	for _, m := range result.Moves {
		from, to := held[m.Held].Key, request.Candidates[m.Candidate].Key
		sign := ""
		if m.Saving < 0 {
			sign, m.Saving = "-", -m.Saving
		}
		fmt.Fprintf(&out, "launch %d %s %s, give up %d %s %s, saves %s%s\n", m.Launch, to.Zone, to.Type, m.Remove, from.Zone, from.Type,
			sign, money.FormatMicros(m.Saving))
	}
	fmt.Fprintf(&out, "%d moves, %s an hour instead of %s, %s interruptions a day instead of %s", len(result.Moves),
		money.FormatMicros(result.CostAfter), money.FormatMicros(result.CostBefore),
		strconv.FormatFloat(float64(result.InterruptionsAfter)/1000, 'f', -1, 64),
		strconv.FormatFloat(float64(result.InterruptionsBefore)/1000, 'f', -1, 64))
	return trimLines(out.String())
}

func trimLines(text string) string {
	all := slices.Collect(strings.Lines(text))
	for i := range all {
		all[i] = strings.TrimRight(all[i], " \n")
	}
	return strings.Join(all, "\n")
}
