// Package webhook owns how events get to HTTP endpoints of users: which
// endpoints there are, who is sent what, how often it is tried and what becomes
// of an event that nobody takes. It must not know where events come from.
//
// All state is in JetStream, so that any replica delivers: a key-value bucket
// of webhooks, a durable consumer for each of them on each stream of events,
// and a stream of dead letters. An event is sent at least once; events of one
// instance may overtake each other.
package webhook
