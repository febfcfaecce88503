package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/seed-198b1370/muster/pkg/money"
	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

type previewCommand struct {
	client
	File string `short:"f" required:"" placeholder:"FILE" help:"YAML file of a CreateGroup request; - reads standard input."`
}

// Run asks what the file's group would launch and shows each pool considered.
func (c *previewCommand) Run(ctx context.Context, on console) error {
	file, err := readGroupFile(c.File, on.in)
	if err != nil {
		return err
	}
	return c.groups(func(groups groupv1.GroupServiceClient, fleet regions) error {
		preview, err := groups.PreviewGroup(ctx, &groupv1.PreviewGroupRequest{Spec: file.request.GetSpec()})
		if err != nil {
			return file.locate(err)
		}
		return c.showPriced(ctx, fleet, on.out, preview, func(w pricedTable) { previewTable(w, preview) })
	})
}

func previewTable(w pricedTable, preview *groupv1.PreviewGroupResponse) {
	for _, placement := range preview.GetPlacements() {
		w.say(placed(placement))
		row(w, "RANK", "TYPE", "ZONE", "LAUNCH", "WEIGHT", "PRICE/H", "PER UNIT/H", "STOCK", "WHY")
		for _, pool := range byRank(placement.GetPools()) {
			rank, stocked := "-", "-"
			if pool.GetRank() > 0 {
				rank = fmt.Sprint(pool.GetRank())
			}
			if pool.AvailableInstances != nil {
				stocked = fmt.Sprint(pool.GetAvailableInstances())
			}
			row(w, rank, pool.GetInstanceType(), pool.GetZoneId(), pool.GetInstances(), units(money.UnitsOf(pool.GetWeightMilliunits())),
				money.FormatMicros(pool.GetPriceMicrosPerHour()), money.FormatMicros(pool.GetUnitPriceMicrosPerHour()), stocked, why(pool))
		}
		row(w)
	}
	totals := preview.GetTotals()
	w.say(fmt.Sprintf("%s, %s units, %s per hour; all pay-as-you-go it would be %s.", counted(totals.GetInstances(), "instance", "instances"),
		units(money.UnitsOf(totals.GetPlacedMilliunits())), money.FormatMicros(totals.GetCostMicrosPerHour()),
		money.FormatMicros(totals.GetPayAsYouGoCostMicrosPerHour())))
	w.sayPrices()
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

// byRank orders pools by their rank, those without one last.
func byRank(pools []*allocatorv1.PoolDecision) []*allocatorv1.PoolDecision {
	return slices.SortedStableFunc(slices.Values(pools), func(a, b *allocatorv1.PoolDecision) int {
		if unranked := cmp.Compare(min(b.GetRank(), 1), min(a.GetRank(), 1)); unranked != 0 {
			return unranked
		}
		return cmp.Compare(a.GetRank(), b.GetRank())
	})
}

// why says what was decided about a pool, with the figures that were compared.
func why(pool *allocatorv1.PoolDecision) string {
	switch pool.GetVerdict() {
	case allocatorv1.Verdict_VERDICT_PRICE_TOO_HIGH:
		return fmt.Sprintf("price %s is above the maximum %s", money.FormatMicros(pool.GetPriceMicrosPerHour()),
			money.FormatMicros(pool.GetMaxPriceMicrosPerHour()))
	case allocatorv1.Verdict_VERDICT_NO_STOCK:
		return "no stock"
	case allocatorv1.Verdict_VERDICT_NOT_NEEDED:
		return "not needed: the target was met before its turn"
	case allocatorv1.Verdict_VERDICT_NOT_ON_SALE:
		return "not sold in this zone"
	case allocatorv1.Verdict_VERDICT_EXCLUDED:
		return "refused a launch a short while ago"
	case allocatorv1.Verdict_VERDICT_LIMIT_REACHED:
		return "no room below the limits of the group"
	default:
		return word(pool.GetVerdict())
	}
}
