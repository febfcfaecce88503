package cli

import (
	"context"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

type failCommand struct {
	client
	selector
	How      string   `arg:"" name:"how" enum:"crash,hang,impair,slow,recover" help:"crash: they stop, and go on being charged for; hang: nothing is heard from them until they are booted again; impair or slow: their health is impaired or a warning until then; recover: they work again."`
	Instance []string `placeholder:"ID" help:"These instances instead of those of pools, at most 100."`
	Billing  string   `help:"Only pools of this billing method: ${enum}." enum:"spot,pay-as-you-go,both" default:"both"`
	Max      int32    `placeholder:"N" help:"At most so many, oldest first; 0, the default, means all."`
}

// Run makes the instances fail or recover.
func (c *failCommand) Run(ctx context.Context, on console) error {
	request, err := c.request()
	if err != nil {
		return err
	}
	return c.simulation(func(simulation fleetv1.SimulationServiceClient) error {
		failed, err := simulation.FailInstances(ctx, request)
		if err != nil {
			return err
		}
		return c.show(on.out, failed, func(w table) {
			w.say("Changed " + counted(failed.GetChangedInstances(), "instance", "instances") + "; those that do not run are passed over.")
			missed(w, failed.GetMissingInstanceIds())
		})
	})
}

// request is what the command line asks for, or what is wrong with it.
func (c *failCommand) request() (*fleetv1.FailInstancesRequest, error) {
	if c.Max < 0 {
		return nil, misuse("--max must be 0 or more, got %d", c.Max)
	}
	request := &fleetv1.FailInstancesRequest{
		MaxInstances: c.Max, Failure: fleetv1.InstanceFailure(fleetv1.InstanceFailure_value["INSTANCE_FAILURE_"+enumName(c.How)]),
	}
	if len(c.Instance) > 0 {
		if err := checkIDs("--instance", c.Instance); err != nil {
			return nil, err
		}
		request.Target = &fleetv1.FailInstancesRequest_Instances{Instances: &fleetv1.InstanceIds{InstanceIds: c.Instance}}
		return request, checkAlone("--instance", given{"--zone", c.Zone != ""}, given{"--type", c.Type != ""}, given{"--all", c.All})
	}
	pools, err := c.pools(billingMethod(c.Billing))
	request.Target = &fleetv1.FailInstancesRequest_Pools{Pools: pools}
	return request, err
}
