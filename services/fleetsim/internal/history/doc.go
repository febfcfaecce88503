// Package history owns what spot prices were: it lays the price shocks of the
// simulated cloud over the prices of its market. It is data in, steps out, and
// must not know who asks, nor where shocks are kept.
package history
