// Package catalog owns what the simulated cloud sells: the instance types of
// one region, the zones that sell them, their list prices, the long-run level
// of their spot prices and how much stock there is. It ships the catalog of one
// real region. It must not know what anything costs now or who holds what.
//
// The shipped catalog holds public list prices of one day in October 2024, in
// CNY, for cn-shenzhen. Capacities are not public: they are plausible numbers
// that the generator makes. `ecs.s6-c1m1.small` is not in the price data
// either; its price is estimated from the other shared-core types of one vCPU
// to one GiB (half of what their two-vCPU sizes cost, on average).
//
// The category and the level of a family are in no table. They are told by its
// name, as the public documentation names families; a catalog that knows better
// says so in columns of its own.
//
// All values are safe for use by several goroutines: nothing changes after
// [Parse] or [New].
package catalog
