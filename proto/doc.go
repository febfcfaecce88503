// Package proto holds Muster's contracts: the sources lie in muster/, the Go
// code generated from them in gen/. It owns what services say to each other and
// to their users; it must not know how any of them does what it says.
//
// `make generate` makes gen/ anew; `buf breaking` holds every change against
// the last release.
package proto
