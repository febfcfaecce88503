package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/seed-198b1370/muster/cmd/muster/internal/cli/wrap"
	"github.com/seed-198b1370/muster/pkg/money"
	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

type previewCommand struct {
	client
	File   string `short:"f" required:"" placeholder:"FILE" help:"YAML file of a CreateGroup request; - reads standard input."`
	Market string `placeholder:"FILE" help:"Preview on the market of this file instead of the real one: CSV, or what market -o json writes, as YAML too. See docs/preview.md."`
	Types  bool   `help:"Tell also which instance types each candidate with attributes stands for, and what the others lack."`
	All    bool   `help:"Show every pool, not only the first ten that are passed over."`
	templateFlag
}

// Run asks what the file's group would launch and shows the pools considered.
func (c *previewCommand) Run(ctx context.Context, on console) error {
	if c.File == "-" && c.Market == "-" {
		return misuse("--file and --market can not both be -")
	}
	file, err := readGroupFile(c.File, on.in)
	if err != nil {
		return err
	}
	request, find := &groupv1.PreviewGroupRequest{Spec: file.request.GetSpec()}, file.at
	if c.Types {
		request.Explanation = allocatorv1.Explanation_EXPLANATION_POOLS_AND_TYPES
	}
	if c.Market != "" {
		imagined, err := readMarketFile(c.Market, on.in)
		if err != nil {
			return err
		}
		request.WhatIf = imagined.market
		find = func(field string) (place, name string) {
			if inMarket, is := strings.CutPrefix(field, "what_if."); is {
				return imagined.at(inMarket)
			}
			return file.at(field)
		}
	}
	if err := c.put(ctx, c.client, request.GetSpec()); err != nil {
		return err
	}
	return c.groups(func(groups groupv1.GroupServiceClient, fleet regions) error {
		preview, err := groups.PreviewGroup(ctx, request)
		if err != nil {
			return located(err, find)
		}
		return c.showPriced(ctx, fleet, on.out, preview, func(w pricedTable) { c.fill(w, preview) })
	})
}

func (c *previewCommand) fill(w pricedTable, preview *groupv1.PreviewGroupResponse) {
	for _, match := range preview.GetMatches() {
		matchText(w, preview.GetSpec(), match)
	}
	for _, placement := range preview.GetPlacements() {
		w.say(placed(placement))
		most := mostPassedOver
		if c.All {
			most = len(placement.GetPools())
		}
		poolTable(w, placement, most)
		row(w)
	}
	w.say(wrap.Text(summary(preview), widestText))
	w.sayPrices()
}

// summary is the preview in a few sentences.
func summary(preview *groupv1.PreviewGroupResponse) string {
	if preview.GetSummary() != "" {
		return preview.GetSummary()
	}
	totals := preview.GetTotals()
	return fmt.Sprintf("%s, %s units, %s per hour; all pay-as-you-go it would be %s.", counted(totals.GetInstances(), "instance", "instances"),
		units(money.UnitsOf(totals.GetPlacedMilliunits())), money.FormatMicros(totals.GetCostMicrosPerHour()),
		money.FormatMicros(totals.GetPayAsYouGoCostMicrosPerHour()))
}
