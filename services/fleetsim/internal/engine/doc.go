// Package engine owns the running world: one goroutine that takes commands in
// batches, lets simulated time pass, journals what happened and only then
// answers and publishes it. It owns what readers look at, too: the feed of
// transitions and the board of pools. It must not know the wire, nor decide
// what happens.
//
// A batch is one moment of simulated time and one commit, so that callers who
// come together share a sync. Nothing that anyone was told, an answer or a
// transition, is taken back by a kill at any moment: on the next start the
// journal is replayed by the same code, to the same transitions under the same
// numbers.
//
// Readers never hold the engine up: the feed is a log that each reads at its
// own pace until it has fallen out of it, and the board shows only the latest
// state.
//
// All exported methods are safe for use by several goroutines, but for
// [Engine.Run] and [Engine.Close], which are called once.
package engine
