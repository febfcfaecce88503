// Package judge decides what is told of an instance: which event, if any, a
// transition of it gives, and whether the instance can be counted on. It is data
// in, data out: facts, answers of probes, a policy and a time give a verdict and
// the time of the next look. It must not know where transitions come from, how
// instances are asked, or who reads events and verdicts.
package judge
