// Package promises owns what placements in flight count on: stock that was
// placed and whose launch the market does not show yet, so that a thousand who
// ask for the last ten instances are not sent there all. Its core, the [Ledger],
// is data and time in, figures out; the [Book] lets many place by it.
//
// It must not know who places, or how the market is followed. Nothing of it must
// survive: what is forgotten costs a refused launch and no more.
package promises
