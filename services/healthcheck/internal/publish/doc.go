// Package publish owns how events get into the stream and how far they have
// got: it publishes batches in order, and only then keeps the place in the
// fleet's stream that follows them. A crash in between repeats events, under
// the ids they had, and never skips one. It must not know how batches are made.
package publish
