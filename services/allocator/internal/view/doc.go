// Package view owns the allocator's picture of the market: it follows the
// fleet's stream of pools and keeps the latest state of each, and when each was
// last restocked. It must not know what the picture is used for.
//
// One goroutine follows; any number read. Readers take a [Snapshot], which
// never changes, without waiting for anyone.
package view
