// Package simulation runs the whole of Muster in one goroutine, under a virtual
// clock, from a seed: the simulated cloud, the allocator, two replicas of the
// group service on one store, the judge of health, and the users of two
// accounts. Everything that can go wrong does, drawn from the seed. What the
// cloud and the users see is held against the invariants of docs/invariants.md.
//
// It owns the world around the services and the checks. It must not know how a
// service decides: it sees calls, instances and groups as anybody does.
package simulation
