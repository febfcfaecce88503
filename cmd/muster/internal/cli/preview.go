package cli

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/seed-198b1370/muster/pkg/money"
	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

type previewCommand struct {
	client
	File string `short:"f" required:"" help:"YAML file of a CreateGroup request; - reads standard input."`
}

// Run asks what the file's group would launch and shows each pool considered.
func (c *previewCommand) Run(ctx context.Context, on console) error {
	file, err := readGroupFile(c.File, on.in)
	if err != nil {
		return err
	}
	return c.groups(func(groups groupv1.GroupServiceClient) error {
		preview, err := groups.PreviewGroup(ctx, &groupv1.PreviewGroupRequest{Spec: file.request.GetSpec()})
		if err != nil {
			return file.locate(err)
		}
		return c.show(on.out, preview, func(w *tabwriter.Writer) { previewTable(w, preview) })
	})
}

func previewTable(w io.Writer, preview *groupv1.PreviewGroupResponse) {
	for _, placement := range preview.GetPlacements() {
		row(w, fmt.Sprintf("%s: %s of %s units placed", word(placement.GetBillingMethod()),
			units(money.UnitsOf(placement.GetPlacedMilliunits())), units(money.UnitsOf(placement.GetWantedMilliunits()))))
		row(w, "RANK", "TYPE", "ZONE", "LAUNCH", "WEIGHT", "PRICE/H", "PER UNIT/H", "STOCK", "WHY")
		for _, pool := range placement.GetPools() {
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
	row(w, fmt.Sprintf("%d instances, %s units, %s per hour; all pay-as-you-go it would be %s.", totals.GetInstances(),
		units(money.UnitsOf(totals.GetPlacedMilliunits())), money.FormatMicros(totals.GetCostMicrosPerHour()),
		money.FormatMicros(totals.GetPayAsYouGoCostMicrosPerHour())))
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
