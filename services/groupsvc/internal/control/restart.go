package control

import (
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

// isReclaimed tells whether a reclaim stopped an instance, so that it can be
// started again. The fleet does not tell what stopped it. An instance made to be
// stopped by a reclaim, stopped as a reclaim does it, is taken for one: to start
// it again is right also when its account was overdue, or when somebody stopped
// it in this way.
func isReclaimed(instance *fleetv1.Instance) bool {
	return instance.GetBillingMethod() == fleetv1.BillingMethod_BILLING_METHOD_SPOT &&
		instance.GetInterruptionBehavior() == fleetv1.InterruptionBehavior_INTERRUPTION_BEHAVIOR_STOP &&
		instance.GetStoppedMode() == fleetv1.StoppedMode_STOPPED_MODE_STOP_CHARGING
}
