// Package engine owns the running world: one goroutine takes commands in batches
// and lets simulated time pass, another journals what happened and only then
// answers and publishes it. It owns what readers look at, too: the feed of
// transitions and the board of pools; and it can put another state in the place
// of the present one. It must not know the wire, nor decide what happens.
//
// A batch is one moment of simulated time and one record, and the records that
// have come together while the disk was busy share its next sync. Nothing that anyone was told, an answer or a
// transition, is taken back by a kill at any moment: on the next start the
// journal is replayed by the same code, to the same transitions under the same
// numbers.
//
// Now and then a snapshot takes the place of the journal. The world stands still
// only while its state is copied, a fraction of a second for a million
// instances; a third goroutine writes it while the world goes on.
//
// Readers never hold the engine up: the feed is a log that each reads at its
// own pace until it has fallen out of it, and the board shows only the latest
// state.
//
// All exported methods are safe for use by several goroutines, but for
// [Engine.Run] and [Engine.Close], which are called once.
package engine
