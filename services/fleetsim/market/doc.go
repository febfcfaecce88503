// Package market owns what nobody in the simulated cloud decides: how much of
// each stock other tenants want, and what spot instances cost. Both are
// functions of seed, offer and time, computed anew at each look, so that a year
// of history takes no memory and any moment of it can be asked for. It must not
// know who holds which instances.
//
// Demand is a part of the capacity of an offer (a type in a zone): a level of
// its own, a daily and a weekly rhythm, and noise on many time scales that the
// region, the family in its zone, the type in all zones and the offer itself
// add; it always comes back to its level. Offers without GPUs have plenty, but
// for shortages that arrive seldom, in an offer or in a whole family of a zone,
// and pass within hours. Demand for offers with GPUs swings around the capacity
// itself: whether there is stock changes within minutes or days.
//
// The spot price follows the slow part of the same utilisation around the
// offer's long-run level, hours later and in small steps; weeks of high
// utilisation, which are rare, drive it up to the list price.
//
// docs/market.md compares all this with real markets. [Advise] looks back at any
// [Source], seeded or not.
//
// All arithmetic is in integers, so that a seed gives the same market on every
// machine.
package market
