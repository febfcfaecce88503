// Package place owns the decision where to launch from: given what is needed,
// which pools may be used and what they cost and hold, it chooses pools and
// counts, and says of every pool why it was taken or not. The same input gives
// the same answer. docs/strategies.md has the rule of each strategy.
//
// It must not know who asks, how the market is followed, or who launches.
package place
