// Package api owns how placements travel: it turns a validated PlaceRequest
// into what package place decides on, and the decision into the answer. It
// decides nothing.
package api
