package cli

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"

	"google.golang.org/grpc"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

type fleetCommand struct {
	Reclaim reclaimCommand `cmd:"" help:"Reclaim spot instances: notice now, or when their protection ends; release five minutes later."`
	Drain   drainCommand   `cmd:"" help:"Make pools refuse launches as if sold out."`
	Restore restoreCommand `cmd:"" help:"Take back a drain."`
}

// simulation runs a function with the simulation service.
func (c client) simulation(do func(fleetv1.SimulationServiceClient) error) error {
	return c.call(func(conn *grpc.ClientConn) error { return do(fleetv1.NewSimulationServiceClient(conn)) })
}

// selector names pools on the command line.
type selector struct {
	Zone string `help:"Only pools of this zone."`
	Type string `help:"Only pools of this instance type."`
	All  bool   `help:"Every pool. Needed when neither zone nor type is named."`
}

func (s selector) pools(billing fleetv1.BillingMethod) (*fleetv1.PoolSelector, error) {
	if s.Zone == "" && s.Type == "" && !s.All {
		return nil, errors.New("name --zone, --type or both, or --all for every pool")
	}
	return &fleetv1.PoolSelector{ZoneId: s.Zone, InstanceType: s.Type, BillingMethod: billing}, nil
}

type reclaimCommand struct {
	client
	selector
	Instance []string `help:"Reclaim these instances instead of pools."`
	Max      int32    `help:"Reclaim at most so many, oldest first; 0 means all."`
}

// Run orders the reclaim.
func (c *reclaimCommand) Run(ctx context.Context, on console) error {
	request := &fleetv1.ReclaimInstancesRequest{MaxInstances: c.Max}
	if len(c.Instance) > 0 {
		request.Target = &fleetv1.ReclaimInstancesRequest_Instances{Instances: &fleetv1.InstanceIds{InstanceIds: c.Instance}}
	} else {
		pools, err := c.pools(fleetv1.BillingMethod_BILLING_METHOD_SPOT)
		if err != nil {
			return err
		}
		request.Target = &fleetv1.ReclaimInstancesRequest_Pools{Pools: pools}
	}
	return c.simulation(func(simulation fleetv1.SimulationServiceClient) error {
		reclaimed, err := simulation.ReclaimInstances(ctx, request)
		if err != nil {
			return err
		}
		return c.show(on.out, reclaimed, func(w *tabwriter.Writer) {
			row(w, fmt.Sprintf("%d instances have their notice and are released in five minutes; %d are still protected and get theirs when that ends.",
				reclaimed.GetNoticedInstances(), reclaimed.GetDeferredInstances()))
		})
	})
}

type drainCommand struct {
	client
	selector
	Billing string `help:"Only pools of this billing method: ${enum}." enum:"spot,pay-as-you-go,both" default:"both"`
}

// Run drains the pools.
func (c *drainCommand) Run(ctx context.Context, on console) error {
	pools, err := c.pools(billingMethod(c.Billing))
	if err != nil {
		return err
	}
	return c.simulation(func(simulation fleetv1.SimulationServiceClient) error {
		drained, err := simulation.DrainPools(ctx, &fleetv1.DrainPoolsRequest{Pools: pools})
		if err != nil {
			return err
		}
		return c.show(on.out, drained, func(w *tabwriter.Writer) { row(w, fmt.Sprintf("%d pools are drained.", drained.GetMatchedPools())) })
	})
}

type restoreCommand struct {
	client
	selector
	Billing string `help:"Only pools of this billing method: ${enum}." enum:"spot,pay-as-you-go,both" default:"both"`
}

// Run restores the pools.
func (c *restoreCommand) Run(ctx context.Context, on console) error {
	pools, err := c.pools(billingMethod(c.Billing))
	if err != nil {
		return err
	}
	return c.simulation(func(simulation fleetv1.SimulationServiceClient) error {
		restored, err := simulation.RestorePools(ctx, &fleetv1.RestorePoolsRequest{Pools: pools})
		if err != nil {
			return err
		}
		return c.show(on.out, restored, func(w *tabwriter.Writer) { row(w, fmt.Sprintf("%d pools sell again.", restored.GetMatchedPools())) })
	})
}

type clockCommand struct {
	client
	Speed *float64 `help:"Simulated seconds that shall pass in one real second, 0.001 to 100,000."`
}

// Run sets the speed if one is named, then shows the clock.
func (c *clockCommand) Run(ctx context.Context, on console) error {
	return c.simulation(func(simulation fleetv1.SimulationServiceClient) error {
		if c.Speed != nil {
			if _, err := simulation.SetClockSpeed(ctx, &fleetv1.SetClockSpeedRequest{Speed: *c.Speed}); err != nil {
				return err
			}
		}
		now, err := simulation.GetClock(ctx, &fleetv1.GetClockRequest{})
		if err != nil {
			return err
		}
		return c.show(on.out, now, func(w *tabwriter.Writer) {
			row(w, fmt.Sprintf("%s at speed %v", stamp(now.GetTime()), now.GetSpeed()))
		})
	})
}
