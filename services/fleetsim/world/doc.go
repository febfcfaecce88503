// Package world is the heart of the simulated cloud: accounts, stock, instances
// and their life cycle. It owns what happens, and in which order; it must not
// know who asks over which wire, where anything is kept, or how fast time runs.
//
// A [World] is changed by [World.Advance], which lets time pass, and
// [World.Apply], which lets time pass and then obeys a [Command]. Both are
// deterministic: the same catalog, market and seed, and the same commands at
// the same times, give the same world and the same transitions under the same
// numbers, however often time was advanced in between. What they did is
// collected and handed out by [World.Take].
//
// A World is used by one goroutine at a time. Values it hands out ([Instance],
// [Transition], [TagSet]) never change and may be read by any.
//
// # Life of an instance
//
//	Pending -> Starting -> Running          1 to 3 s, then 5 to 20 s, drawn
//	any     -> Released                     by Release, at once
//	spot    -> noticed -> Released          five minutes after the notice
//
// A spot instance is noticed, once its protection (an hour, or none) is over,
// when the market price is above its bid, when other tenants need its stock, or
// when a Reclaim orders it. While it is protected an order is remembered.
//
// # Stock
//
// Each offer has one stock for both billing methods. Instances use it until
// they are released; other tenants use what they demand of the rest; what
// remains is free (S9). When they demand more than the rest, spot instances are
// noticed: the lowest bid first, then the oldest, never more than are needed
// beside those already noticed.
package world
