package api

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim/internal/trouble"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// longestSilence is how long a call that is never answered waits, in real time,
// unless its deadline comes first.
const longestSilence = 10 * time.Minute

// injectedWait is how long a caller is told to wait, in real time, when a fault
// says that it calls too often.
const injectedWait = time.Second

// disturb does a call, and to it what the faults of now say.
func (g *gate) disturb(ctx context.Context, method, account string, call func() (any, error)) (any, error) {
	d := g.disturbance(method)
	if d == (trouble.Disturbance{}) {
		return call()
	}
	outcome := fleetv1.CallOutcome(d.Outcome)
	if before := failsBefore(outcome); before != codes.OK {
		if err := g.hold(ctx, d.Latency); err != nil {
			return nil, err
		}
		if before == codes.ResourceExhausted {
			return nil, throttled(account, method, injectedWait)
		}
		return nil, injected(before, d.FaultID, "and did nothing")
	}
	resp, err := call()
	if held := g.hold(ctx, d.Latency); held != nil {
		return nil, held
	}
	switch outcome {
	case fleetv1.CallOutcome_CALL_OUTCOME_UNAVAILABLE_AFTER:
		return nil, injected(codes.Unavailable, d.FaultID, "after it was done")
	case fleetv1.CallOutcome_CALL_OUTCOME_INTERNAL_AFTER:
		return nil, injected(codes.Internal, d.FaultID, "after it was done")
	case fleetv1.CallOutcome_CALL_OUTCOME_NO_ANSWER_AFTER:
		if err := g.hold(ctx, longestSilence); err != nil {
			return nil, err
		}
		return nil, injected(codes.DeadlineExceeded, d.FaultID, "after it was done, and gave no answer")
	default:
		return resp, err
	}
}

// failsBefore is how a call fails that is not done at all; OK for others.
func failsBefore(outcome fleetv1.CallOutcome) codes.Code {
	switch outcome {
	case fleetv1.CallOutcome_CALL_OUTCOME_UNAVAILABLE_BEFORE:
		return codes.Unavailable
	case fleetv1.CallOutcome_CALL_OUTCOME_INTERNAL_BEFORE:
		return codes.Internal
	case fleetv1.CallOutcome_CALL_OUTCOME_THROTTLED:
		return codes.ResourceExhausted
	default:
		return codes.OK
	}
}

// disturbance decides what the faults do to the next call.
func (g *gate) disturbance(method string) trouble.Disturbance {
	number := g.calls.Add(1)
	faults := g.Engine.Facts().Faults
	if len(faults) == 0 {
		return trouble.Disturbance{}
	}
	return trouble.OfCall(faults, trouble.Call{Method: method, Number: number}, g.Seed, func(fault *world.Fault, limit int32) bool {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.budget.Forget(faults)
		return g.budget.Take(fault, limit)
	})
}

// injected is the error of a call that a fault made fail.
func injected(code codes.Code, faultID, when string) error {
	return rpc.Error(code, fleetv1.ErrorReason_ERROR_REASON_INJECTED, map[string]string{"fault_id": faultID},
		fmt.Sprintf("fault %s of the simulation made the call fail, %s", rpc.Quote(faultID), when))
}

// hold waits so long in real time. It fails when the caller or the engine has
// gone.
func (d *Deps) hold(ctx context.Context, realTime time.Duration) error {
	if realTime <= 0 {
		return nil
	}
	timer := d.Wall.NewTimer(d.Wall.Now().Add(realTime))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
	case <-d.Engine.Done():
	}
	return ended(ctx)
}
