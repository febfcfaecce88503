// Package match owns the decision which instance types attributes stand for:
// given what a type must be like and the types that a region sells, it tells
// those of a zone that meet it, what each weighs, and of every other one the
// first rule that it does not meet. The same input gives the same answer.
//
// It must not know what anything costs or how much of it there is, who asks, or
// how the types became known.
package match
