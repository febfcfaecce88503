// Package market owns what nobody in the simulated cloud decides: how much of
// each stock other tenants want, and what spot instances cost. Both are
// functions of seed, offer and time, computed anew at each look, so that a year
// of history takes no memory and any moment of it can be asked for. It must not
// know who holds which instances.
//
// Demand is a part of the capacity of an offer (a type in a zone): a base
// level, a daily and a weekly rhythm, smooth noise that the region, the family
// in its zone and the offer itself add, and shortages that arrive seldom, in an
// offer or in a whole family of a zone, and pass within hours. The spot price
// follows the same demand around the offer's long-run level, later and in
// steps, so that most prices change a few times a day.
//
// All arithmetic is in integers, so that a seed gives the same market on every
// machine.
package market
