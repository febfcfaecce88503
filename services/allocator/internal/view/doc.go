// Package view owns the allocator's picture of the market: it follows the
// fleet's stream of pools and keeps the latest state of each, when each was last
// restocked and how much stock has gone from it, and it knows what the instance
// types are like. It must not know what the picture is used for.
//
// One goroutine follows the stream, one the types; any number read. Readers take
// a [Snapshot], or the [Types], which never change, without waiting for anyone.
package view
