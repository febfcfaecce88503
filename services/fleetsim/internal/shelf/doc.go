// Package shelf owns the states of a simulated cloud that people keep under
// names, beside the one it is in: in a folder, or in memory for a cloud that
// keeps nothing. It must not know what a state holds.
package shelf
