// Package publish owns how events get into the stream: it publishes batches in
// order, those of them that are this replica's share, and only then says which
// place in the fleet's stream is reached. A crash in between repeats events,
// under the ids they had, and never skips one. It must not know how batches are
// made.
package publish
