// Package trouble owns the decision which calls and which entries of streams
// the faults of the simulated cloud disturb, and how. It is data and a seed in,
// decision out: it must not know how calls are served, nor wait, nor answer.
package trouble
