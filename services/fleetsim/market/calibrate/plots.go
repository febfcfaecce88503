package main

import (
	"cmp"
	"math"
	"path/filepath"
	"slices"
)

// writePlots draws all plots into a folder.
func writePlots(folder string, f *findings) error {
	for name, p := range map[string]*plot{
		"discount.svg":        discountPlot(f),
		"steps.svg":           stepsPlot(f),
		"changes.svg":         changesPlot(f),
		"paths.svg":           pathsPlot(f),
		"survival.svg":        survivalPlot(f),
		"autocorrelation.svg": autocorrelationPlot(f),
		"rhythm.svg":          rhythmPlot(f),
	} {
		if err := p.write(filepath.Join(folder, name)); err != nil {
			return err
		}
	}
	return nil
}

func shares() []float64 { return []float64{0, .2, .4, .6, .8, 1} }

func discountPlot(f *findings) *plot {
	return &plot{
		title: "Spot price by pay-as-you-go price: share of pools at or below", x: "spot price / pay-as-you-go price", y: "share of pools", namesBelow: true,
		toX: 1.1, toY: 1, ticksX: shares(), ticksY: shares(),
		lines: []line{
			{name: "model, one moment", points: distribution(f.modelMoment)},
			{name: "Alibaba Cloud, 2024-10, all regions", points: distribution(f.crossSection), dashed: true},
			{name: "AWS us-east-1, 2021, mean of 90 days", points: distribution(f.realPrices.level), dashed: true},
		},
	}
}

func stepsPlot(f *findings) *plot {
	return &plot{
		title: "Size of a price change: share of changes at or below", x: "|log step|", y: "share of changes", logX: true, namesBelow: true,
		fromX: .0001, toX: 1, toY: 1, ticksX: []float64{.0001, .001, .01, .1, 1}, ticksY: shares(),
		lines: []line{
			{name: "model", points: distribution(f.modelPrices.logSteps)},
			{name: "model, list price over 10 CNY", points: distribution(f.dearSteps)},
			{name: "AWS us-east-1, 2021", points: distribution(f.realPrices.logSteps), dashed: true},
		},
	}
}

func changesPlot(f *findings) *plot {
	return &plot{
		title: "Price changes a day: share of pools at or below", x: "changes a day", y: "share of pools", namesBelow: true,
		toX: 5, toY: 1, ticksX: []float64{0, 1, 2, 3, 4, 5}, ticksY: shares(),
		lines: []line{
			{name: "model", points: distribution(f.modelPrices.changes)},
			{name: "AWS us-east-1, 2021", points: distribution(f.realPrices.changes), dashed: true},
		},
	}
}

// pathsPlot shows some prices of each over 90 days: of all pools in order of
// how far their price went, those at some quantiles.
func pathsPlot(f *findings) *plot {
	p := &plot{
		title: "Prices over 90 days that went far as 25, 50, 75, 97 % of pools", x: "days", y: "spot price / pay-as-you-go price", staircase: true,
		toX: 90, toY: 1, ticksX: []float64{0, 15, 30, 45, 60, 75, 90}, ticksY: shares(),
	}
	for _, of := range []struct {
		pools  []*pool
		swing  []float64
		source string
		dashed bool
	}{{f.modelPools, f.modelPrices.swing, "model", false}, {f.realPools, f.realPrices.swing, "AWS", true}} {
		order := make([]int, len(of.pools))
		for i := range order {
			order[i] = i
		}
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(of.swing[a], of.swing[b]) })
		for _, q := range []float64{.25, .5, .75, .97} {
			chosen := of.pools[order[int(q*float64(len(order)))]]
			l := line{name: of.source + " " + chosen.instanceType, dashed: of.dashed}
			for _, s := range chosen.steps {
				l.points = append(l.points, point{s.day - chosen.steps[0].day, s.price / chosen.list})
			}
			l.points = append(l.points, point{chosen.days, l.points[len(l.points)-1].y})
			p.lines = append(p.lines, l)
		}
	}
	return p
}

func survivalPlot(f *findings) *plot {
	at := []float64{.17, .25, .5, 1, 2, 4, 8, 16, 24, 48}
	return &plot{
		title: "How long GPU stock stays, and how long it is gone", x: "hours", y: "share of spells that last longer", logX: true, logY: true,
		fromX: .17, toX: 48, fromY: .002, toY: 1, ticksX: []float64{.25, .5, 1, 2, 4, 8, 16, 24, 48}, ticksY: []float64{.01, .03, .1, .3, 1}, markedPoints: true,
		lines: []line{
			{name: "model, stock", points: survival(f.modelStock.ups, at)},
			{name: "V100, nine zones 2023, stock", points: survival(f.v100.ups, at), dashed: true},
			{name: "GPUs, us-west-2 2022, stock", points: survival(f.gpus2022.ups, at), dashed: true},
			{name: "model, none", points: survival(f.modelStock.outages, at)},
			{name: "V100, nine zones 2023, none", points: survival(f.v100.outages, at), dashed: true},
			{name: "GPUs, us-west-2 2022, none", points: survival(f.gpus2022.outages, at), dashed: true},
		},
	}
}

func autocorrelationPlot(f *findings) *plot {
	p := &plot{
		title: "Autocorrelation", x: "hours", y: "correlation with so many hours later", logX: true,
		fromX: .17, toX: 96, toY: 1, ticksX: []float64{.25, .5, 1, 2, 4, 8, 16, 32, 64}, ticksY: shares(), markedPoints: true,
		lines: []line{
			{name: "GPU stock, model", points: f.modelAutocorrelation},
			{name: "V100, nine zones 2023", points: f.v100Autocorrelation, dashed: true},
			{name: "GPUs, us-west-2 2022", points: f.gpusAutocorrelation, dashed: true},
			{name: "demand without GPUs, model", points: f.demandAutocorrelation},
		},
	}
	ou := line{name: "mean reversion (OU) nearest to it", dashed: true}
	for _, at := range f.demandAutocorrelation {
		ou.points = append(ou.points, point{at.x, math.Exp(-at.x / f.ouHours)})
	}
	p.lines = append(p.lines, ou)
	return p
}

func rhythmPlot(f *findings) *plot {
	p := &plot{
		title: "GPU stock by hour of day, UTC", x: "hour", y: "share of time with stock", toX: 24, fromY: .3, toY: 1,
		ticksX: []float64{0, 4, 8, 12, 16, 20, 24}, ticksY: []float64{.3, .4, .5, .6, .7, .8, .9, 1}, markedPoints: true,
	}
	for _, of := range []struct {
		name   string
		hours  [24]float64
		dashed bool
	}{{"model (busy 1 to 14 h)", f.modelStock.byHour, false}, {"V100, nine US zones 2023", f.v100.byHour, true}, {"GPUs, us-west-2 2022", f.gpus2022.byHour, true}} {
		l := line{name: of.name, dashed: of.dashed}
		for hour, share := range of.hours {
			l.points = append(l.points, point{float64(hour) + .5, share})
		}
		p.lines = append(p.lines, l)
	}
	return p
}
