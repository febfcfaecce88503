package cloudtest

import (
	"context"
	"maps"
	"slices"

	"google.golang.org/protobuf/types/known/timestamppb"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

func poolOf(i *fleetv1.Instance) Pool {
	return Pool{i.GetZoneId(), i.GetInstanceType(), i.GetBillingMethod()}
}

// Reclaim takes an instance back, as what follows five minutes after its notice:
// it is stopped in economical mode if it was made so, else released.
func (c *Cloud) Reclaim(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := c.find(id)
	if at < 0 || c.instances[at].GetInterruptionBehavior() != fleetv1.InterruptionBehavior_INTERRUPTION_BEHAVIOR_STOP {
		c.release(id)
		return
	}
	instance := c.instances[at]
	c.stock[poolOf(instance)]++
	instance.Status, instance.StatusTime = fleetv1.InstanceStatus_INSTANCE_STATUS_STOPPED, timestamppb.New(c.Clock.Now())
	instance.StoppedMode = fleetv1.StoppedMode_STOPPED_MODE_STOP_CHARGING
	instance.InterruptionNoticeTime, instance.ReleaseTime, instance.PriceMicrosPerHour = nil, nil, 0
}

// StartInstances implements FleetService, of each instance for itself.
func (c *Cloud) StartInstances(ctx context.Context, req *fleetv1.StartInstancesRequest) (*fleetv1.StartInstancesResponse, error) {
	return do(ctx, c, "StartInstances", func() (*fleetv1.StartInstancesResponse, error) {
		response := &fleetv1.StartInstancesResponse{}
		for _, id := range req.GetInstanceIds() {
			outcome := &fleetv1.InstanceOutcome{InstanceId: id}
			if at := c.find(id); at < 0 {
				outcome.ErrorReason = fleetv1.ErrorReason_ERROR_REASON_INSTANCE_NOT_FOUND
			} else {
				c.powerOn(c.instances[at], outcome)
			}
			response.Outcomes = append(response.Outcomes, outcome)
		}
		return response, nil
	})
}

func (c *Cloud) powerOn(instance *fleetv1.Instance, outcome *fleetv1.InstanceOutcome) {
	outcome.PreviousStatus, outcome.CurrentStatus = instance.GetStatus(), instance.GetStatus()
	pool := poolOf(instance)
	switch bid := instance.GetMaxPriceMicrosPerHour(); {
	case instance.GetStatus() != fleetv1.InstanceStatus_INSTANCE_STATUS_STOPPED:
		outcome.ErrorReason = fleetv1.ErrorReason_ERROR_REASON_INCORRECT_INSTANCE_STATUS
	case c.stock[pool] == 0:
		outcome.ErrorReason = fleetv1.ErrorReason_ERROR_REASON_NO_INSTANCE_STOCK
	case bid > 0 && bid < c.price(pool):
		outcome.ErrorReason = fleetv1.ErrorReason_ERROR_REASON_PRICE_BELOW_MARKET
	default:
		c.stock[pool]--
		c.started++
		instance.Status, instance.StatusTime = fleetv1.InstanceStatus_INSTANCE_STATUS_RUNNING, timestamppb.New(c.Clock.Now())
		instance.StoppedMode, instance.PriceMicrosPerHour = fleetv1.StoppedMode_STOPPED_MODE_UNSPECIFIED, c.price(pool)
		outcome.CurrentStatus = instance.GetStatus()
	}
}

// Started tells how many instances were ever started again.
func (c *Cloud) Started() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.started
}

// SetPrice sets the list price of a type, also for the instances that there are.
func (c *Cloud) SetPrice(instanceType string, price int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.prices[instanceType] = price
	for _, instance := range c.instances {
		if instance.GetInstanceType() == instanceType && instance.GetStoppedMode() != fleetv1.StoppedMode_STOPPED_MODE_STOP_CHARGING {
			instance.PriceMicrosPerHour = c.price(poolOf(instance))
		}
	}
}

// ListPools implements FleetService, on one page.
func (c *Cloud) ListPools(ctx context.Context, req *fleetv1.ListPoolsRequest) (*fleetv1.ListPoolsResponse, error) {
	return do(ctx, c, "ListPools", func() (*fleetv1.ListPoolsResponse, error) {
		response := &fleetv1.ListPoolsResponse{}
		for pool := range maps.Keys(c.stock) {
			if slices.Contains(req.GetZoneIds(), pool.Zone) && slices.Contains(req.GetInstanceTypes(), pool.Type) && pool.Method == req.GetBillingMethod() {
				response.Pools = append(response.Pools, &fleetv1.Pool{
					ZoneId: pool.Zone, InstanceType: pool.Type, BillingMethod: pool.Method, PriceMicrosPerHour: c.price(pool),
				})
			}
		}
		return response, nil
	})
}
