package market

import "github.com/seed-198b1370/muster/services/fleetsim/catalog"

// The scopes of noise: what moves together.
const (
	ofRegion = iota // all offers
	ofFamily        // a family in its zone
	ofType          // a type in all zones
	ofOffer         // one offer
	scopes
)

// Which streams of a scope are for what; the sums take one for each wave.
const (
	slowStreams    = 0
	fastStreams    = 24
	shortageStream = 48
	squeezeStream  = 49
	priceStream    = 50
)

// Places of what is drawn once from an offer's own stream.
const (
	drawBase = -1 - iota
	drawRestless
	drawShortages
)

// A wave is noise of one time scale, in millionths of the capacity: from
// -height to height, of which it reaches half on average.
type wave struct {
	scope          int
	period, height int64
}

// kind is how the demand and the prices of one kind of offer move.
type kind struct {
	slow, fast []wave
	// How much of the rhythm shows, in millionths.
	rhythm int64
	// The most demand without a shortage, in millionths of the capacity.
	most int64
	// How many percent of itself a price rises with a point of utilisation, in
	// millionths.
	gain int64
	// From so much over its mean on, utilisation drives the price to the list
	// price, which it reaches a span later.
	knee, span int64
}

// plentiful is the kind of offers without GPUs: much is free, and only
// shortages take it all.
func plentiful() *kind {
	return &kind{
		slow: []wave{
			{ofRegion, 50 * day, 8_000}, {ofRegion, 6 * day, 1_500},
			{ofFamily, 30 * day, 12_500}, {ofFamily, 5 * day, 2_500},
			{ofType, 35 * day, 15_000}, {ofType, 6 * day, 5_000},
			{ofOffer, 45 * day, 30_000}, {ofOffer, 8 * day, 13_500}, {ofOffer, 36 * hour, 2_500},
		},
		fast: []wave{
			{ofRegion, 30 * hour, 30_000},
			{ofFamily, 20 * hour, 70_000}, {ofFamily, 5 * hour, 30_000},
			{ofOffer, 14 * hour, 35_000}, {ofOffer, 3 * hour, 25_000}, {ofOffer, 40 * hour / 60, 8_000},
		},
		rhythm: million,
		most:   plentyMost,
		gain:   3_200_000, knee: 80_000, span: 200_000,
	}
}

// setPlentiful gives an offer its demand. Where spot is dear, less is free: 30 %
// to 70 % of the capacity is taken, and up to 5 points more or less.
func (o *offer) setPlentiful(of catalog.Offer, k *kind) {
	own := o.streams[ofOffer]
	o.kind = k
	o.mean = 300_000 + 400*(of.SpotBasePermille-100)*1000/900 + centred(own, drawBase)/20
	o.calm = o.mean
	// Most have a shortage in some months, a few of them several a week.
	r := uniform(own, drawRestless)
	o.restless = 300_000 + 2*scale(scale(r, r), r)
	u := uniform(own, drawShortages)
	o.shortages = 2_000 + scale(scale(scale(u, u), scale(u, u)), scale(u, u))/2
}

// scarcely is the kind of offers with GPUs: demand swings around the capacity
// itself, on all time scales, so that there is stock for minutes or for days.
func scarcely() *kind {
	return &kind{
		slow: []wave{
			{ofFamily, 20 * day, 50_000}, {ofType, 30 * day, 50_000},
			{ofOffer, 40 * day, 80_000}, {ofOffer, 9 * day, 110_000}, {ofOffer, 50 * hour, 80_000},
		},
		fast: []wave{
			{ofRegion, 30 * hour, 120_000}, {ofRegion, 5 * hour, 120_000}, {ofRegion, hour, 120_000},
			{ofFamily, 16 * hour, 120_000}, {ofFamily, 2 * hour, 100_000},
			{ofType, 24 * hour, 220_000}, {ofType, 7 * hour, 190_000}, {ofType, 3 * hour, 150_000}, {ofType, hour / 2, 190_000},
			{ofOffer, 26 * hour, 160_000}, {ofOffer, 8 * hour, 170_000}, {ofOffer, 3 * hour, 160_000},
			{ofOffer, hour, 150_000}, {ofOffer, hour / 4, 150_000},
		},
		rhythm: 1_700_000,
		most:   mostDemand,
		gain:   500_000, knee: 400_000, span: 300_000,
	}
}

// scarceSpread is the standard deviation of the demand of offers with GPUs, in
// millionths of the capacity.
const scarceSpread = 310_000

// setScarce gives an offer its demand. Where spot is dear, stock is rare: from
// 93 % of the time at a tenth of the list price to 15 % of it at the list
// price, up to 8 points more or less.
func (o *offer) setScarce(of catalog.Offer, k *kind) {
	o.kind, o.restless = k, million
	available := 930_000 - 780*(of.SpotBasePermille-100)*1000/900 + centred(o.streams[ofOffer], drawBase)*8/100
	o.mean = million - scale(scarceSpread, quantile(min(max(available, 150_000), 950_000)))
	o.calm = min(o.mean, plentyMost)
}

// quantile is how many standard deviations, in millionths, demand has to stay
// below to do so for a share of the time, from 50,000 to 950,000 millionths.
func quantile(share int64) int64 {
	// Of the normal distribution, at each twentieth.
	at := [...]int64{-1645, -1282, -1036, -842, -674, -524, -385, -253, -126, 0, 126, 253, 385, 524, 674, 842, 1036, 1282, 1645, 1645}
	const step = million / 20
	i := share/step - 1
	return 1000*at[i] + (at[i+1]-at[i])*1000*(share%step)/step
}

// price is the level of a price, in millionths of the list price, by its mean
// and how far utilisation is from its own. It may lie out of bounds.
func (k *kind) price(mean, moved int64) int64 {
	level := mean + scale(mean, scale(k.gain, moved))
	if moved > k.knee {
		// Slowly at first: prices move in small steps.
		excess := min(moved-k.knee, k.span) * million / k.span
		level += scale(scale(excess, excess), max(million-level, 0))
	}
	return level
}
