package trouble

import (
	"slices"
	"time"

	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// A Call is what is known of a call before it is done.
type Call struct {
	// Method is its name without that of the service, for example RunInstances.
	Method string
	// Number is its place among all calls of the process, from 1.
	Number uint64
}

// A Disturbance is what is done to a call. The zero value is nothing.
type Disturbance struct {
	// Latency is how long its answer is held back, in real time.
	Latency time.Duration
	// Outcome is what else happens to it, by the numbers of the contract's
	// CallOutcome; 0 for nothing.
	Outcome int32
	// FaultID is the fault that decided the outcome; empty without one.
	FaultID string
}

// OfCall decides what the faults do to a call. Each that hits it adds to that:
// the longest latency counts, and the outcome of the first, by id, that has
// one. Take is asked once for each fault that hits and is limited to a number of
// calls; false means that the number is used up, and the fault passes the call
// by.
func OfCall(faults []world.Fault, call Call, seed uint64, take func(*world.Fault, int32) bool) Disturbance {
	var d Disturbance
	for i := range faults {
		fault := &faults[i]
		e, ok := fault.Effect.(world.CallTrouble)
		if !ok || len(e.Methods) > 0 && !slices.Contains(e.Methods, call.Method) ||
			!hits(e.SharePermille, seed, fault.ID, call.Number) ||
			e.MaxCalls > 0 && !take(fault, e.MaxCalls) {
			continue
		}
		d.Latency = max(d.Latency, e.Latency)
		if d.Outcome == 0 && e.Outcome != 0 {
			d.Outcome, d.FaultID = e.Outcome, fault.ID
		}
	}
	return d
}
