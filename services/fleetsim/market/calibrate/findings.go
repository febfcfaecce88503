package main

import "math"

// findings is all that the document tells.
type findings struct {
	realPools, modelPools     []*pool
	realPrices, modelPrices   priceFacts
	crossSection              []float64
	modelMoment               []float64
	dearSteps                 []float64 // of types whose prices are hardly rounded
	v100, gpus2022            stockFacts
	modelStock, modelPlenty   stockFacts
	v100Autocorrelation       []point
	gpusAutocorrelation       []point
	modelAutocorrelation      []point
	demandAutocorrelation     []point
	ouHours                   float64 // of the mean reversion nearest to it
	ouError                   float64
	advisorGPU, advisorOther  [5]float64
	bandsGPU, bandsOther      [4]float64
	bandPrices                []string
	v100ByPrice, modelByPrice float64 // correlation of stock and price
}

// How much of the model is looked at.
const (
	priceDays = 90
	stockDays = 90
	seeds     = 2 // markets, for stock
)

// find compares the seeded market with the data of a folder.
func find(data string) (*findings, error) {
	f := &findings{}
	if err := f.findReal(data); err != nil {
		return nil, err
	}
	var scarce, plenty []*stock
	var first *model
	for seed := uint64(1); seed <= seeds; seed++ {
		m, err := newModel(seed)
		if err != nil {
			return nil, err
		}
		scarce = append(scarce, m.stocks(stockDays, true)...)
		if seed > 1 {
			continue
		}
		first = m
		plenty = m.stocks(stockDays, false)
		f.modelPools = m.pools(priceDays)
		f.bandsGPU, _ = m.bands(true)
		f.bandsOther, f.bandPrices = m.bands(false)
		f.findDemand(m)
	}
	f.modelStock, f.modelPlenty = factsOfStock(scarce), factsOfStock(plenty)
	f.modelByPrice = first.stockByPrice(f.modelPools, f.modelStock)
	f.modelAutocorrelation = stockAutocorrelations(scarce)
	f.modelPrices = factsOf(f.modelPools, .1)
	for _, p := range f.modelPools {
		f.modelMoment = append(f.modelMoment, p.at(45)/p.list)
	}
	var dear []*pool
	for _, p := range f.modelPools {
		if p.list > 10e6 {
			dear = append(dear, p)
		}
	}
	f.dearSteps = factsOf(dear, .1).logSteps
	return f, nil
}

func (f *findings) findReal(data string) (err error) {
	if f.realPools, err = realPools(data); err != nil {
		return err
	}
	f.realPrices = factsOf(f.realPools, .3)
	if f.crossSection, err = crossSection(data); err != nil {
		return err
	}
	v100, err := realStocks(data, "aws_v100_9zone_2023-02.csv.gz", "2023-02-15T22:08:16")
	if err != nil {
		return err
	}
	gpus, err := realStocks(data, "aws_gpu_uswest2_2022-10.csv.gz", "2022-10-26T22:06:03")
	if err != nil {
		return err
	}
	f.v100, f.gpus2022 = factsOfStock(v100), factsOfStock(gpus)
	if f.v100ByPrice, err = realStockByPrice(data, v100, f.v100); err != nil {
		return err
	}
	f.v100Autocorrelation, f.gpusAutocorrelation = stockAutocorrelations(v100), stockAutocorrelations(gpus)
	if f.advisorGPU, err = advisorBuckets(data, true); err != nil {
		return err
	}
	f.advisorOther, err = advisorBuckets(data, false)
	return err
}

// lags is the hours that autocorrelations are told at.
func lags() []float64 {
	return []float64{1.0 / 6, .25, .5, 1, 2, 4, 8, 12, 16, 24, 36, 48, 72, 96}
}

func stockAutocorrelations(stocks []*stock) (points []point) {
	for _, lag := range lags() {
		points = append(points, point{lag, stockAutocorrelation(stocks, lag)})
	}
	return points
}

// findDemand compares the demand of offers without GPUs, less its weekly rhythm,
// with a process that reverts to its mean.
func (f *findings) findDemand(m *model) {
	demand := m.demand(84, false)
	for _, lag := range lags() {
		var all []float64
		for i := 0; i < len(demand); i += 10 {
			if c := autocorrelation(withoutRhythm(demand[i]), int(math.Round(lag*float64(hourTicks)))); !math.IsNaN(c) {
				all = append(all, c)
			}
		}
		f.demandAutocorrelation = append(f.demandAutocorrelation, point{lag, mean(all)})
	}
	f.ouError = math.Inf(1)
	for hours := 1.0; hours < 100; hours += .25 {
		most := 0.0
		for _, at := range f.demandAutocorrelation {
			most = max(most, math.Abs(at.y-math.Exp(-at.x/hours)))
		}
		if most < f.ouError {
			f.ouHours, f.ouError = hours, most
		}
	}
}

// withoutRhythm takes the mean of its moment of the week off each value.
func withoutRhythm(values []float64) []float64 {
	const week = int(7 * dayTicks)
	moments := make([][]float64, week)
	for i, v := range values {
		moments[i%week] = append(moments[i%week], v)
	}
	rest := make([]float64, len(values))
	for i, v := range values {
		rest[i] = v - mean(moments[i%week])
	}
	return rest
}
