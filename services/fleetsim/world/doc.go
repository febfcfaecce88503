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
//	Pending  -> Starting -> Running     1 to 3 s, then 5 to 20 s, drawn
//	Running  -> Stopping -> Stopped     by Stop; 2 to 10 s, drawn
//	Running  -> Starting -> Running     by Reboot
//	Running  -> Stopped                 by a crash
//	Stopped  -> Starting -> Running     by Start, which can be refused
//	any      -> Released                by Release, at once
//	spot     -> noticed  -> Released    five minutes after the notice,
//	                     or Stopped     as its interruption behaviour says
//
// A spot instance is noticed, once its protection (an hour, or none) is over,
// when the market price is above its bid, when others need its stock, or when a
// Reclaim orders it. While it is protected an order is remembered.
//
// # Stock
//
// Each offer has one stock for both billing methods. Instances use it until
// they are released or stopped in economical mode; other tenants use what they
// demand of the rest; what remains is free (S9). When they demand more than the
// rest, or a pay-as-you-go launch finds too little, spot instances are noticed:
// the lowest bid first, then the oldest, never more than are needed beside
// those already noticed.
//
// # Money
//
// An instance is charged by the second: the list price, or for spot the price
// of its purchase while it is protected and then the market price; nothing from
// its notice on and while it is stopped in economical mode. Its disks are
// charged for as long as they exist. A bill is the exact integral of these
// prices over whole seconds of the clock; nothing is rounded but what is shown.
// An account with a balance is settled every full hour: once it owes, its
// instances are stopped and it launches none.
package world
