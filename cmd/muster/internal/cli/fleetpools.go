package cli

import (
	"context"
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

// selector names pools on the command line.
type selector struct {
	Zone string `placeholder:"ZONE" help:"Only pools of this zone."`
	Type string `placeholder:"TYPE" help:"Only pools of this instance type."`
	All  bool   `help:"Every pool. Needed when neither zone nor type is named."`
}

func (s selector) pools(billing fleetv1.BillingMethod) (*fleetv1.PoolSelector, error) {
	if s.All {
		return &fleetv1.PoolSelector{BillingMethod: billing}, checkAlone("--all", given{"--zone", s.Zone != ""}, given{"--type", s.Type != ""})
	}
	if s.Zone == "" && s.Type == "" {
		return nil, misuse("name --zone, --type or both, or --all for every pool")
	}
	return &fleetv1.PoolSelector{ZoneId: s.Zone, InstanceType: s.Type, BillingMethod: billing}, nil
}

type reclaimCommand struct {
	client
	selector
	Instance []string `placeholder:"ID" help:"Reclaim these instances instead of pools."`
	Max      int32    `placeholder:"N" help:"Reclaim at most so many, oldest first; 0 means all."`
}

// Run orders the reclaim.
func (c *reclaimCommand) Run(ctx context.Context, on console) error {
	request, err := c.request()
	if err != nil {
		return err
	}
	return c.simulation(func(simulation fleetv1.SimulationServiceClient) error {
		reclaimed, err := simulation.ReclaimInstances(ctx, request)
		if err != nil {
			return err
		}
		return c.show(on.out, reclaimed, func(w table) { w.say(reclaimedText(reclaimed)) })
	})
}

// request is what the command line asks for, or what is wrong with it.
func (c *reclaimCommand) request() (*fleetv1.ReclaimInstancesRequest, error) {
	if c.Max < 0 {
		return nil, misuse("--max must be 0 or more, got %d", c.Max)
	}
	if len(c.Instance) > 0 {
		return &fleetv1.ReclaimInstancesRequest{
			MaxInstances: c.Max,
			Target:       &fleetv1.ReclaimInstancesRequest_Instances{Instances: &fleetv1.InstanceIds{InstanceIds: c.Instance}},
		}, checkAlone("--instance", given{"--zone", c.Zone != ""}, given{"--type", c.Type != ""}, given{"--all", c.All})
	}
	pools, err := c.pools(fleetv1.BillingMethod_BILLING_METHOD_SPOT)
	return &fleetv1.ReclaimInstancesRequest{
		MaxInstances: c.Max, Target: &fleetv1.ReclaimInstancesRequest_Pools{Pools: pools},
	}, err
}

// reclaimedText says what comes of a reclaim.
func reclaimedText(reclaimed *fleetv1.ReclaimInstancesResponse) string {
	var parts []string
	switch noticed := reclaimed.GetNoticedInstances(); {
	case noticed == 1:
		parts = append(parts, "1 instance has its notice and is released in five minutes.")
	case noticed > 1:
		parts = append(parts, fmt.Sprintf("%d instances have their notice and are released in five minutes.", noticed))
	}
	const faster = "`muster clock --speed` makes time pass faster."
	switch deferred := reclaimed.GetDeferredInstances(); {
	case deferred == 1:
		parts = append(parts, "1 is still protected, up to an hour from its launch, and gets its notice when that ends; "+faster)
	case deferred > 1:
		parts = append(parts, fmt.Sprintf("%d are still protected, up to an hour from their launch, and get theirs when that ends; %s", deferred, faster))
	}
	if len(parts) == 0 {
		return "There is no instance to reclaim."
	}
	return strings.Join(parts, " ")
}

// matched is the answer to a drain or to its end.
type matched interface {
	proto.Message
	GetMatchedPools() int32
}

// poolsCommand is what the commands that change pools have in common.
type poolsCommand struct {
	client
	selector
	Billing string `help:"Only pools of this billing method: ${enum}." enum:"spot,pay-as-you-go,both" default:"both"`
}

// change changes the pools that are named, and says how many of them are now so.
func (c *poolsCommand) change(on console, do func(fleetv1.SimulationServiceClient, *fleetv1.PoolSelector) (matched, error), one, many string) error {
	pools, err := c.pools(billingMethod(c.Billing))
	if err != nil {
		return err
	}
	return c.simulation(func(simulation fleetv1.SimulationServiceClient) error {
		changed, err := do(simulation, pools)
		if err != nil {
			return err
		}
		return c.show(on.out, changed, func(w table) { w.say(counted(changed.GetMatchedPools(), one, many)) })
	})
}

type drainCommand struct{ poolsCommand }

// Run drains the pools.
func (c *drainCommand) Run(ctx context.Context, on console) error {
	return c.change(on, func(simulation fleetv1.SimulationServiceClient, pools *fleetv1.PoolSelector) (matched, error) {
		return simulation.DrainPools(ctx, &fleetv1.DrainPoolsRequest{Pools: pools})
	}, "pool is drained.", "pools are drained.")
}

type restoreCommand struct{ poolsCommand }

// Run restores the pools.
func (c *restoreCommand) Run(ctx context.Context, on console) error {
	return c.change(on, func(simulation fleetv1.SimulationServiceClient, pools *fleetv1.PoolSelector) (matched, error) {
		return simulation.RestorePools(ctx, &fleetv1.RestorePoolsRequest{Pools: pools})
	}, "pool is not drained (any more).", "pools are not drained (any more).")
}
