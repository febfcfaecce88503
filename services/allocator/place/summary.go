package place

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/seed-198b1370/muster/pkg/money"
)

// What a summary names one by one; the rest is counted.
const (
	summaryPools   = 5
	summaryReasons = 3
)

// Summary tells a placement in a few sentences, for people: what goes where,
// what it costs, how often it is likely to be interrupted, and why anything is
// missing. The placement must be that of the request.
func Summary(request Request, placement Placement) string {
	var text strings.Builder
	for i := range placement.Demands {
		summarizeDemand(&text, &request.Demands[i], &placement.Demands[i])
	}
	if placement.Instances > 0 {
		summarizeTotals(&text, request.Demands, &placement)
	}
	return strings.TrimSuffix(text.String(), " ")
}

func summarizeDemand(text *strings.Builder, demand *Demand, placed *DemandPlacement) {
	fmt.Fprintf(text, "%s: %s of %s", billingWord(demand.Billing), units(placed.Placed), counted(units(demand.Wanted), "unit"))
	taken := takenOf(placed.Decisions)
	if len(taken) == 0 {
		text.WriteString(". ")
	} else {
		text.WriteString(", ")
		for i := range taken[:min(len(taken), summaryPools)] {
			if i > 0 {
				text.WriteString(", ")
			}
			d := &taken[i]
			fmt.Fprintf(text, "%d x %s in %s (%s %%)", d.Instances, d.Key.Type, d.Key.Zone, tenths(int64(d.SharePermille)))
		}
		if more := len(taken) - summaryPools; more > 0 {
			fmt.Fprintf(text, " and from %s", counted(fmt.Sprint(more), "more pool"))
		}
		text.WriteString(". ")
	}
	if missing := demand.Wanted - placed.Placed; missing > 0 {
		fmt.Fprintf(text, "%s missing: %s. ", isOrAre(units(missing), "unit"), reasons(placed.Decisions))
	}
}

// takenOf gives the decisions on pools that are taken: they come first.
func takenOf(decisions []Decision) []Decision {
	for i := range decisions {
		if decisions[i].Verdict != Taken {
			return decisions[:i]
		}
	}
	return decisions
}

// reasons tells why a demand could not be met, what holds for most pools first.
func reasons(decisions []Decision) string {
	var counts [PriceProtected + 1]int
	for i := range decisions {
		switch d := &decisions[i]; {
		case d.Verdict != Taken:
			counts[d.Verdict]++
		case d.Instances == d.Available:
			counts[Taken]++
		default: // it has more, so it was a limit
			counts[LimitReached]++
		}
	}
	var verdicts []Verdict
	for verdict := range counts {
		if counts[verdict] > 0 {
			verdicts = append(verdicts, Verdict(verdict))
		}
	}
	if len(verdicts) == 0 {
		return "the candidates stand for no pool"
	}
	slices.SortStableFunc(verdicts, func(a, b Verdict) int { return cmp.Compare(counts[b], counts[a]) })
	var parts []string
	for _, verdict := range verdicts[:min(len(verdicts), summaryReasons)] {
		parts = append(parts, counted(fmt.Sprint(counts[verdict]), "pool")+" "+reasonWords(verdict))
	}
	if more := len(verdicts) - summaryReasons; more > 0 {
		parts = append(parts, counted(fmt.Sprint(more), "more reason"))
	}
	return strings.Join(parts, ", ")
}

// reasonWords say what is wrong with pools, whether there are one or many.
func reasonWords(verdict Verdict) string {
	switch verdict {
	case Taken:
		return "emptied"
	case NotOnSale:
		return "not on sale"
	case Excluded:
		return "excluded after a refusal"
	case PriceTooHigh:
		return "above the maximum price"
	case NoStock:
		return "without stock"
	case LimitReached:
		return "held back by a limit of the request"
	case PriceProtected:
		return "held back by price protection"
	default:
		return "not needed"
	}
}

func summarizeTotals(text *strings.Builder, demands []Demand, placement *Placement) {
	fmt.Fprintf(text, "In all %s for %s an hour", counted(fmt.Sprint(placement.Instances), "instance"), money.FormatMicros(placement.Cost))
	if placement.Cost != placement.ListCost && placement.ListCost > 0 {
		saved, word := placement.ListCost-placement.Cost, "below"
		if saved < 0 {
			saved, word = -saved, "above"
		}
		fmt.Fprintf(text, ", %s %% %s the %s of pay-as-you-go", tenths(product(saved, 1_000, 1).over(placement.ListCost)), word, money.FormatMicros(placement.ListCost))
	}
	text.WriteString(". ")
	var known, unknown int64
	for i := range demands {
		if demands[i].Billing != Spot {
			continue
		}
		for _, d := range takenOf(placement.Demands[i].Decisions) {
			if d.InterruptionPermille == Unknown {
				unknown += int64(d.Instances)
			} else {
				known += int64(d.Instances)
			}
		}
	}
	if known > 0 {
		fmt.Fprintf(text, "Expect %s a day", interruptions(placement.Interruptions))
		if unknown > 0 {
			fmt.Fprintf(text, ", not counting %s whose rate is not known", counted(fmt.Sprint(unknown), "instance"))
		}
		text.WriteString(". ")
	}
}

func billingWord(billing Billing) string {
	if billing == Spot {
		return "Spot"
	}
	return "Pay-as-you-go"
}

// counted puts a number before a word, in the plural unless it is one.
func counted(number, word string) string {
	if number != "1" {
		word += "s"
	}
	return number + " " + word
}

func isOrAre(number, word string) string {
	verb := " are"
	if number == "1" {
		verb = " is"
	}
	return counted(number, word) + verb
}

func interruptions(thousandths int64) string {
	if thousandths > 0 && thousandths < 100 {
		return "less than 0.1 interruptions"
	}
	return "about " + counted(tenths(thousandths/100), "interruption")
}

// units writes thousandths of a unit without trailing zeros.
func units(milliunits int64) string {
	text := fmt.Sprintf("%d.%03d", milliunits/money.MilliunitsPerUnit, milliunits%money.MilliunitsPerUnit)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

// tenths writes a number of tenths without trailing zeros.
func tenths(n int64) string { return units(100 * n) }
