// Package wire owns how the world's words are written in the fleet's contract
// where more than one part of the simulated cloud does it: faults and what
// accounts may. It converts both ways and must not decide, keep or check
// anything: messages that it reads have been held against the contract's rules.
package wire
