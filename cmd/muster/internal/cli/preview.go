package cli

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/seed-198b1370/muster/cmd/muster/internal/cli/wrap"
	"github.com/seed-198b1370/muster/pkg/money"
	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

type previewCommand struct {
	client
	groupSource
	Market string `placeholder:"FILE" help:"Preview on the market of this file instead of the real one: CSV, or what market -o json writes, as YAML too. See docs/preview.md."`
	Types  bool   `help:"Tell also which instance types each candidate with attributes stands for, and what the others lack."`
	All    bool   `help:"Show every pool, not only the first ten that are passed over."`
}

// Run asks what the group would launch and shows the pools considered.
func (c *previewCommand) Run(ctx context.Context, on console) error {
	if c.File == "-" && c.Market == "-" {
		return misuse("--file and --market can not both be -")
	}
	file, err := c.read(on)
	if err != nil {
		return err
	}
	asked := preview{client: c.client, request: &groupv1.PreviewGroupRequest{Spec: file.request.GetSpec()}, locate: file.locate, most: mostPassedOver}
	if c.All {
		asked.most = math.MaxInt
	}
	if c.Types {
		asked.request.Explanation = allocatorv1.Explanation_EXPLANATION_POOLS_AND_TYPES
	}
	if c.Market != "" {
		imagined, err := readMarketFile(c.Market, on.in)
		if err != nil {
			return err
		}
		asked.request.WhatIf = imagined.market
		asked.locate = func(err error) error {
			return located(err, func(field string) (place, name string) {
				if inMarket, is := strings.CutPrefix(field, "what_if."); is {
					return imagined.at(inMarket)
				}
				return file.at(field)
			})
		}
	}
	if err := c.put(ctx, c.client, asked.request.GetSpec()); err != nil {
		return err
	}
	return asked.run(ctx, on)
}

// A preview is a question what a group would launch.
type preview struct {
	client  client
	request *groupv1.PreviewGroupRequest
	locate  func(error) error // says where what was refused comes from
	most    int               // how many pools that are passed over are shown
}

// run asks and shows the answer.
func (p preview) run(ctx context.Context, on console) error {
	return p.client.groups(func(groups groupv1.GroupServiceClient, fleet regions) error {
		answer, err := groups.PreviewGroup(ctx, p.request)
		if err != nil {
			return p.locate(err)
		}
		return p.client.showPriced(ctx, fleet, on.out, answer, func(w pricedTable) { p.fill(w, answer) })
	})
}

func (p preview) fill(w pricedTable, answer *groupv1.PreviewGroupResponse) {
	for _, match := range answer.GetMatches() {
		matchText(w, answer.GetSpec(), match)
	}
	for _, placement := range answer.GetPlacements() {
		w.say(placed(placement))
		poolTable(w, placement, min(p.most, len(placement.GetPools())))
		row(w)
	}
	w.say(wrap.Text(summary(answer), widestText))
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
