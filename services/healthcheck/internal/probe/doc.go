// Package probe owns how instances are asked whether they work: over TCP, HTTP
// and gRPC, how often, and how many at a time. It tells what each was answered
// and must not know what an answer means for an instance.
package probe
