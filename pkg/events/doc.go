// Package events owns how events travel: the streams that hold them, how an
// event looks on one, and how events are published, consumed and watched. It
// must not know where events come from or what anyone does about them.
//
// There are events of instances and events of groups, each with a [Schema]: a
// stream, its subjects and its message. Subjects are
//
//	muster.v1.events.<account>.<group or _>.<instance>.<kind>
//	muster.v1.groupevents.<account>.<group>.<kind>
//
// Each event is one message, a CloudEvent 1.0: in binary mode its headers are
// the attributes and its body is the protobuf message, in JSON all of it is the
// body. The message id is the event's id, so JetStream drops what comes twice
// within the stream's window. Consumers read both.
package events

//go:generate go run ./catalogue
