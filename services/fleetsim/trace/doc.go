// Package trace owns recorded markets: files of prices and availability over
// time, and a market that replays them. It must not know who holds which
// instances, nor what a scenario is.
//
// [Parse] reads four forms of CSV, plain or gzipped, told apart by their header:
//
//	t_s,POOL,POOL,...                                            availability, wide
//	pool,t_s,spot_price_usd_per_h                                prices, as changes
//	instance_type,az,epoch_s,spot_usd_per_h                      prices, as changes
//	time,zone,instance_type,price_per_hour,available             both, either may be absent
//
// In the first form a cell is how many instances could be had, an empty cell
// holds the value before it, and rows follow each other at the step of the
// first two. In the last form the columns may stand in any order, time is
// RFC 3339 or whole seconds, `capacity` may stand for `available` (both mean how
// many instances could be ours), and an empty cell says nothing. Prices are in
// the currency of the catalog they are replayed with, to at most six decimals,
// and are read exactly.
//
// What a file holds is [Series], each a step function named by its column, its
// pool, or its type and zone ("ecs.c6.large cn-shenzhen-d").
//
// A [Replay] gives the offers of a catalog such series; for all others it asks
// another market. At each of its ticks it gives the value of the row that is in
// force when the tick begins; before the first and after the last row of a
// series it gives the nearest, unless the trace is repeated.
//
// All values are safe for use by several goroutines: nothing changes after it
// is made.
package trace
