package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/seed-198b1370/muster/cmd/muster/internal/cli/wrap"
	"github.com/seed-198b1370/muster/pkg/money"
	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

// Bounds of what a preview shows of many.
const (
	mostPassedOver = 10 // pools that are not taken
	mostMatching   = 20 // types that a candidate stands for
	mostExamples   = 2  // types that lack the same
	widestText     = 100
)

// poolTable shows pools in the order of the strategy: those taken, and so many
// of those passed over. The others are counted. Columns that say nothing are
// left out, and so is a table without pools.
func poolTable(w pricedTable, placement *allocatorv1.DemandPlacement, most int) {
	pools := byRank(placement.GetPools())
	if len(pools) == 0 {
		return
	}
	taken := 0
	for taken < len(pools) && pools[taken].GetVerdict() == allocatorv1.Verdict_VERDICT_TAKEN {
		taken++
	}
	shown := pools[:min(len(pools), taken+most)]
	weighed := slices.ContainsFunc(shown, func(p *allocatorv1.PoolDecision) bool { return p.GetWeightMilliunits() != money.MilliunitsPerUnit })
	rated := slices.ContainsFunc(shown, func(p *allocatorv1.PoolDecision) bool { return p.InterruptionPermille != nil })
	columns := func(launch, instanceType, zone, price, perUnit, stock, interrupted, why string) []any {
		cells := []any{launch, instanceType, zone, price}
		if weighed {
			cells = append(cells, perUnit)
		}
		cells = append(cells, stock)
		if rated {
			cells = append(cells, interrupted)
		}
		return append(cells, why)
	}
	row(w, columns("LAUNCH", "TYPE", "ZONE", "PRICE/H", "PER UNIT", "STOCK", "INT/H", "WHY")...)
	for _, pool := range shown {
		price, perUnit, stocked, interrupted := "-", "-", "-", "-"
		if pool.GetVerdict() != allocatorv1.Verdict_VERDICT_NOT_ON_SALE { // what is not sold has no price
			price, perUnit = briefPrice(pool.GetPriceMicrosPerHour()), briefPrice(pool.GetUnitPriceMicrosPerHour())
		}
		if pool.AvailableInstances != nil {
			stocked = fmt.Sprint(pool.GetAvailableInstances())
		}
		if pool.InterruptionPermille != nil {
			interrupted = percentText(pool.GetInterruptionPermille())
		}
		row(w, columns(launches(pool), pool.GetInstanceType(), pool.GetZoneId(), price, perUnit, stocked, interrupted, why(pool))...)
	}
	if rest := pools[len(shown):]; len(rest) > 0 {
		w.say(fmt.Sprintf("and %s: %s; --all shows them", counted(len(rest), "more pool", "more pools"), verdictCounts(rest)))
	}
}

// launches says how many instances to launch, and which part of what is placed
// they are.
func launches(pool *allocatorv1.PoolDecision) string {
	if pool.GetInstances() == 0 {
		return "-"
	}
	if pool.GetSharePermille() == 0 {
		return fmt.Sprint(pool.GetInstances())
	}
	return fmt.Sprintf("%d (%s)", pool.GetInstances(), percentText(pool.GetSharePermille()/10*10))
}

// briefPrice writes a price with at most four decimal places, rounded.
func briefPrice(micros int64) string {
	const step = 100
	rest := micros % step
	if rest >= step/2 {
		return money.FormatMicros(micros - rest + step)
	}
	return money.FormatMicros(micros - rest)
}

// verdictCounts counts pools by what was decided about them.
func verdictCounts(pools []*allocatorv1.PoolDecision) string {
	counts := map[allocatorv1.Verdict]int{}
	var verdicts []allocatorv1.Verdict
	for _, pool := range pools {
		if counts[pool.GetVerdict()] == 0 {
			verdicts = append(verdicts, pool.GetVerdict())
		}
		counts[pool.GetVerdict()]++
	}
	slices.SortStableFunc(verdicts, func(a, b allocatorv1.Verdict) int { return cmp.Compare(counts[b], counts[a]) })
	var parts []string
	for _, verdict := range verdicts {
		parts = append(parts, fmt.Sprintf("%d %s", counts[verdict], verdictText(verdict)))
	}
	return strings.Join(parts, ", ")
}

// placed says how much of a demand finds its place, and how much does not.
func placed(placement *allocatorv1.DemandPlacement) string {
	wanted, got := placement.GetWantedMilliunits(), placement.GetPlacedMilliunits()
	text := fmt.Sprintf("%s: %s of %s units placed", word(placement.GetBillingMethod()), units(money.UnitsOf(got)), units(money.UnitsOf(wanted)))
	if got < wanted {
		text += fmt.Sprintf("; %s could not be placed", units(money.UnitsOf(wanted-got)))
	}
	return text
}

// byRank orders pools by their rank, those taken first and those without a rank
// last.
func byRank(pools []*allocatorv1.PoolDecision) []*allocatorv1.PoolDecision {
	passedOver := func(pool *allocatorv1.PoolDecision) int {
		if pool.GetVerdict() == allocatorv1.Verdict_VERDICT_TAKEN {
			return 0
		}
		return 1
	}
	return slices.SortedStableFunc(slices.Values(pools), func(a, b *allocatorv1.PoolDecision) int {
		return cmp.Or(cmp.Compare(passedOver(a), passedOver(b)), cmp.Compare(min(b.GetRank(), 1), min(a.GetRank(), 1)),
			cmp.Compare(a.GetRank(), b.GetRank()))
	})
}

// why says what was decided about a pool, with the figure that its price was
// compared with.
func why(pool *allocatorv1.PoolDecision) string {
	switch pool.GetVerdict() {
	case allocatorv1.Verdict_VERDICT_PRICE_TOO_HIGH:
		return "above max " + money.FormatMicros(pool.GetMaxPriceMicrosPerHour())
	case allocatorv1.Verdict_VERDICT_PRICE_PROTECTED:
		return "unit max " + briefPrice(pool.GetProtectedUnitPriceMicrosPerHour())
	default:
		return verdictText(pool.GetVerdict())
	}
}

// verdictText is a verdict in as few words as say it.
func verdictText(verdict allocatorv1.Verdict) string {
	switch verdict {
	case allocatorv1.Verdict_VERDICT_PRICE_TOO_HIGH:
		return "above max price"
	case allocatorv1.Verdict_VERDICT_PRICE_PROTECTED:
		return "price-protected"
	case allocatorv1.Verdict_VERDICT_NOT_ON_SALE:
		return "not sold here"
	case allocatorv1.Verdict_VERDICT_EXCLUDED:
		return "refused lately"
	case allocatorv1.Verdict_VERDICT_LIMIT_REACHED:
		return "group is full"
	default:
		return strings.ReplaceAll(word(verdict), "-", " ")
	}
}

// matchText tells which types a candidate stands for, and what others lack: for
// each rule how many, and examples.
func matchText(w pricedTable, spec *groupv1.GroupSpec, match *allocatorv1.CandidateMatch) {
	zone := "-"
	if index := int(match.GetCandidateIndex()); index >= 0 && index < len(spec.GetCandidates()) {
		zone = spec.GetCandidates()[index].GetZoneId()
	}
	matching, lacking := match.GetInstanceTypes(), match.GetUnmatched()
	shown := strings.Join(matching[:min(len(matching), mostMatching)], ", ")
	if more := len(matching) - mostMatching; more > 0 {
		shown += fmt.Sprintf(" and %d more", more)
	}
	w.say(wrap.Text(fmt.Sprintf("candidates[%d] in %s: %d of %s match: %s", match.GetCandidateIndex(), zone, len(matching),
		counted(len(matching)+len(lacking), "instance type", "instance types"), orDash(shown)), widestText))
	for _, rule := range rulesOf(lacking) {
		others := lackingBy(lacking, rule)
		var examples []string
		for _, other := range others[:min(len(others), mostExamples)] {
			examples = append(examples, fmt.Sprintf("%s (%s)", other.GetInstanceType(), other.GetHas()))
		}
		text := fmt.Sprintf("  left out by %s: %d, such as %s", strings.ReplaceAll(word(rule), "-", " "), len(others), strings.Join(examples, ", "))
		w.say(wrap.Text(text, widestText))
	}
	row(w)
}

// rulesOf are the rules that types do not meet, in the order in which they are
// applied.
func rulesOf(lacking []*allocatorv1.UnmatchedType) []allocatorv1.MatchRule {
	var rules []allocatorv1.MatchRule
	for _, other := range lacking {
		rules = append(rules, other.GetRule())
	}
	slices.Sort(rules)
	return slices.Compact(rules)
}

func lackingBy(lacking []*allocatorv1.UnmatchedType, rule allocatorv1.MatchRule) []*allocatorv1.UnmatchedType {
	var found []*allocatorv1.UnmatchedType
	for _, other := range lacking {
		if other.GetRule() == rule {
			found = append(found, other)
		}
	}
	return found
}
