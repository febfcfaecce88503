package main

import (
	"fmt"
	"os"
	"strings"
)

// The figures stand between these lines of the document.
const (
	beginMark = "<!-- figures: written by `make market-doc`, do not edit -->"
	endMark   = "<!-- end of figures -->"
)

// writeDocument puts the figures into the document.
func writeDocument(path string, f *findings) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read document: %w", err)
	}
	before, rest, begun := strings.Cut(string(content), beginMark)
	_, after, ended := strings.Cut(rest, endMark)
	if !begun || !ended {
		return fmt.Errorf("%s must have a line %q and a line %q after it", path, beginMark, endMark)
	}
	text := before + beginMark + "\n\n" + f.tables() + endMark + after
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil { //nolint:gosec // part of the documents, which all may read
		return fmt.Errorf("write document: %w", err)
	}
	return nil
}

// tables is the figures.
func (f *findings) tables() string {
	var b strings.Builder
	f.priceTable(&b)
	f.stockTable(&b)
	f.plentyTable(&b)
	return b.String()
}

// row writes a row of a table.
func row(b *strings.Builder, cells ...string) {
	fmt.Fprintf(b, "| %s |\n", strings.Join(cells, " | "))
}

// quantiles writes quantiles of values.
func quantiles(format string, values []float64, at ...float64) string {
	var all []string
	for _, q := range at {
		all = append(all, fmt.Sprintf(format, quantile(values, q)))
	}
	return strings.Join(all, ", ")
}

func percent(share float64) string { return fmt.Sprintf("%.1f %%", 100*share) }

func (f *findings) priceTable(b *strings.Builder) {
	m, r := f.modelPrices, f.realPrices
	fmt.Fprintf(b, "### Prices\n\nModel: seed 1, %d offers, %d days. AWS: us-east-1, %d pools, 90 days of 2021. Alibaba Cloud: %d pools of all regions, one moment of 2024.\n\n",
		len(f.modelPools), priceDays, len(f.realPools), len(f.crossSection))
	row(b, "", "model", "AWS 2021", "Alibaba Cloud 2024")
	row(b, "---", "---", "---", "---")
	deciles := []float64{.1, .25, .5, .75, .9}
	row(b, "spot / pay-as-you-go price, 10, 25, 50, 75, 90 % of pools below", quantiles("%.3f", m.level, deciles...), quantiles("%.3f", r.level, deciles...), quantiles("%.3f", f.crossSection, deciles...))
	row(b, "the same, mean", fmt.Sprintf("%.3f", mean(m.level)), fmt.Sprintf("%.3f", mean(r.level)), fmt.Sprintf("%.3f", mean(f.crossSection)))
	row(b, "at the lowest price (AWS: 30 % of list; others: 10 %), of pools and time", percent(m.atFloor), percent(r.atFloor), percent(share(f.crossSection, func(v float64) bool { return v <= .101 })))
	row(b, "at the pay-as-you-go price, of pools and time", percent(m.atList), percent(r.atList), percent(share(f.crossSection, func(v float64) bool { return v >= .995 })))
	row(b, "price changes a pool and day, mean", fmt.Sprintf("%.2f", mean(m.changes)), fmt.Sprintf("%.2f", mean(r.changes)), "")
	row(b, "the same, 10, 25, 50, 75, 90 % of pools below", quantiles("%.2f", m.changes, deciles...), quantiles("%.2f", r.changes, deciles...), "")
	row(b, "hours between changes, 1, 10, 50, 90 %", quantiles("%.1f", m.gaps, .01, .1, .5, .9), quantiles("%.1f", r.gaps, .01, .1, .5, .9), "")
	row(b, "size of a change (\\|log step\\|), 50, 90, 99, 99.9 %", quantiles("%.4f", m.logSteps, .5, .9, .99, .999), quantiles("%.4f", r.logSteps, .5, .9, .99, .999), "")
	row(b, "the same, types over 10 CNY an hour", quantiles("%.4f", f.dearSteps, .5, .9, .99, .999), "", "")
	row(b, "highest / lowest price in 90 days, 50, 90 % of pools", quantiles("%.2f", m.swing, .5, .9), quantiles("%.2f", r.swing, .5, .9), "")
	row(b, "correlation of daily returns: same type, other zone", fmt.Sprintf("%.3f", m.sameType), fmt.Sprintf("%.3f", r.sameType), "")
	row(b, "same family and zone, other size", fmt.Sprintf("%.3f", m.sameFamilyZone), fmt.Sprintf("%.3f", r.sameFamilyZone), "")
	row(b, "others", fmt.Sprintf("%.3f", m.other), fmt.Sprintf("%.3f", r.other), "")
	b.WriteString("\n")
}

func (f *findings) stockTable(b *strings.Builder) {
	facts := []stockFacts{f.modelStock, f.v100, f.gpus2022}
	each := func(name string, of func(stockFacts) string) {
		cells := []string{name}
		for _, s := range facts {
			cells = append(cells, of(s))
		}
		row(b, cells...)
	}
	fmt.Fprintf(b, "### Stock of types with GPUs\n\nModel: %d offers (seeds 1 to %d), %d days, whether one instance can be had. V100: nine zones, 45 days of 2023. GPUs: four types in two zones, 27 days of 2022.\n\n",
		len(f.modelStock.available), seeds, stockDays)
	row(b, "", "model", "V100 2023", "GPUs 2022")
	row(b, "---", "---", "---", "---")
	each("share of time with stock, mean", func(s stockFacts) string { return fmt.Sprintf("%.2f", mean(s.available)) })
	each("the same, least, 25, 50, 75 %, most", func(s stockFacts) string { return quantiles("%.2f", s.available, 0, .25, .5, .75, 1) })
	each("shortages a pool and day", func(s stockFacts) string { return fmt.Sprintf("%.2f", mean(s.outagesADay)) })
	each("length of a shortage in hours, 25, 50, 75, 90, 99 %", func(s stockFacts) string { return quantiles("%.2f", s.outages, .25, .5, .75, .9, .99) })
	each("length of stock in hours, 25, 50, 75, 90, 99 %", func(s stockFacts) string { return quantiles("%.2f", s.ups, .25, .5, .75, .9, .99) })
	for _, hours := range []float64{.25, .5, 1, 2, 4, 8, 16, 24} {
		each(fmt.Sprintf("stock, shortage longer than %g h", hours), func(s stockFacts) string {
			longer := func(v float64) bool { return v > hours }
			return fmt.Sprintf("%.3f, %.3f", share(s.ups, longer), share(s.outages, longer))
		})
	}
	each("lost within 10 minutes of a loss elsewhere in the region; of any moment", func(s stockFacts) string { return fmt.Sprintf("%.3f; %.3f", s.together, s.alone) })
	each("correlation of stock of one moment in two pools of a region", func(s stockFacts) string { return fmt.Sprintf("%.2f", s.zones) })
	each("stock in any of 1, 2 pools of a region", func(s stockFacts) string { return fmt.Sprintf("%.2f, %.2f", s.anyOf[1], s.anyOf[2]) })
	each("stock in the best and the worst hour of day", func(s stockFacts) string {
		return fmt.Sprintf("%.2f, %.2f", quantile(s.byHour[:], 1), quantile(s.byHour[:], 0))
	})
	row(b, "correlation over pools of the share of time with stock and the mean price", fmt.Sprintf("%.2f", f.modelByPrice), fmt.Sprintf("%.2f", f.v100ByPrice), "")
	cells := []string{"autocorrelation of stock after 1, 4, 24 h"}
	for _, points := range [][]point{f.modelAutocorrelation, f.v100Autocorrelation, f.gpusAutocorrelation} {
		cells = append(cells, fmt.Sprintf("%.2f, %.2f, %.2f", at(points, 1), at(points, 4), at(points, 24)))
	}
	row(b, cells...)
	b.WriteString("\n")
}

// at is the value of points at a place.
func at(points []point, x float64) float64 {
	for _, p := range points {
		if p.x == x {
			return p.y
		}
	}
	return 0
}

func (f *findings) plentyTable(b *strings.Builder) {
	p := f.modelPlenty
	fmt.Fprintf(b, "### Stock of types without GPUs\n\nModel: seed 1, %d offers, %d days.\n\n", len(p.available), stockDays)
	row(b, "", "model")
	row(b, "---", "---")
	row(b, "share of time with stock, mean; least, 1, 10, 50 % of pools", fmt.Sprintf("%.4f; %s", mean(p.available), quantiles("%.3f", p.available, 0, .01, .1, .5)))
	row(b, "shortages a pool in 30 days, mean; 50, 90, 99 % of pools", fmt.Sprintf("%.2f; ", 30*mean(p.outagesADay))+quantiles("%.2f", times(p.outagesADay, 30), .5, .9, .99))
	row(b, "length of a shortage in hours, 25, 50, 75, 90, 99 %", quantiles("%.2f", p.outages, .25, .5, .75, .9, .99))
	row(b, "mean reversion (OU) whose autocorrelation is nearest to that of demand less its weekly rhythm", fmt.Sprintf("time constant %.2f h, at most %.2f apart", f.ouHours, f.ouError))
	b.WriteString("\n### Advice\n\nShare of offers in each band of interruption (model: of hour-long runs, over 30 days) beside the share of types and regions in each bucket of AWS's advisor (of instances, over a month; all snapshots 2021 to 2025).\n\n")
	row(b, "", "0-3 %", "3-5 %", "5-10 %", "10-100 %")
	row(b, "---", "---", "---", "---", "---")
	bands := func(name string, shares [4]float64) {
		row(b, name, percent(shares[0]), percent(shares[1]), percent(shares[2]), percent(shares[3]))
	}
	bands("model, without GPUs", f.bandsOther)
	row(b, append([]string{"their mean price, of the pay-as-you-go price"}, f.bandPrices...)...)
	bands("model, with GPUs", f.bandsGPU)
	b.WriteString("\n")
	row(b, "", "<5 %", "5-10 %", "10-15 %", "15-20 %", ">20 %")
	row(b, "---", "---", "---", "---", "---", "---")
	buckets := func(name string, s [5]float64) {
		row(b, name, percent(s[0]), percent(s[1]), percent(s[2]), percent(s[3]), percent(s[4]))
	}
	buckets("AWS, without GPUs", f.advisorOther)
	buckets("AWS, with GPUs", f.advisorGPU)
	b.WriteString("\n")
}

func times(values []float64, factor float64) (all []float64) {
	for _, v := range values {
		all = append(all, v*factor)
	}
	return all
}
