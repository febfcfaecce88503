// Package events owns the stream of instance events: what it is called, how an
// event looks on it, and how events are published, consumed and watched. It
// must not know where events come from or what anyone does about them.
//
// Each event is one message. Its subject is
//
//	muster.v1.events.<account>.<group or _>.<instance>.<kind>
//
// its headers are the attributes of a CloudEvent 1.0 in binary mode, and its
// body is a muster.health.v1.InstanceEvent. Its message id is the event's id,
// so JetStream drops what comes twice within the stream's window.
package events
