// Package share owns which replica of the health service publishes the events
// of which instances, and how far along the fleet's stream each share of them
// is published. It must not know how events are made or published.
//
// Instances fall into 64 partitions by their ids. One table in a JetStream
// key-value bucket names the owner and the place of every partition; replicas
// change it by compare and swap, a second apart. A replica that has not renewed
// its part for [Lease] has lost it to the others. Places are written with the
// table, so a replica that was paused can not put a place back: the table has
// moved on.
//
// Nothing depends on leases being exact. A replica publishes each partition
// without gaps from the place that it took over, so when two of them publish
// the same partition for a moment, each event still comes after those before
// it, and what comes twice has the same id.
package share
