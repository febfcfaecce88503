package cli

import (
	"google.golang.org/grpc"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

type fleetCommand struct {
	List   fleetList   `cmd:"" help:"List instances."`
	Show   fleetShow   `cmd:"" help:"Show everything about an instance."`
	Count  fleetCount  `cmd:"" help:"Count instances by pool, status and health."`
	Status fleetStatus `cmd:"" help:"Show status, health and system events of instances."`
	Watch  fleetWatch  `cmd:"" help:"Follow every transition of instances."`

	Run    fleetRun    `cmd:"" help:"Launch instances."`
	Start  fleetStart  `cmd:"" help:"Start stopped instances."`
	Stop   fleetStop   `cmd:"" help:"Stop running instances."`
	Reboot fleetReboot `cmd:"" help:"Boot running instances again."`
	Delete fleetDelete `cmd:"" help:"Release instances at once."`
	Tag    fleetTag    `cmd:"" help:"Set and remove tags of instances."`
	Update fleetUpdate `cmd:"" help:"Change name, description or deletion protection of an instance."`

	Disk    diskCommand    `cmd:"" help:"Work with disks; lists them without a subcommand."`
	Account accountCommand `cmd:"" help:"Work with accounts: quotas, call rates, balances."`
	Bill    fleetBill      `cmd:"" help:"Show what instances have cost and cost now."`

	Reclaim  reclaimCommand  `cmd:"" help:"Reclaim spot instances: notice now, or when their protection ends; release five minutes later."`
	Drain    drainCommand    `cmd:"" help:"Make pools refuse launches as if sold out."`
	Restore  restoreCommand  `cmd:"" help:"Take back a drain."`
	Fail     failCommand     `cmd:"" help:"Make instances fail, or work again."`
	Fault    faultCommand    `cmd:"" help:"Bring the simulated cloud into trouble that lasts."`
	Snapshot snapshotCommand `cmd:"" help:"Keep the state of the simulated cloud, and go back to it."`
	Scenario fleetScenario   `cmd:"" help:"Show the scenario that the simulated cloud was begun with, as YAML."`
	Audit    fleetAudit      `cmd:"" help:"Recount the simulated cloud and hold it against what must always be true."`
}

// fleet runs a function with the fleet service.
func (c client) fleet(do func(fleetv1.FleetServiceClient) error) error {
	return c.call(func(conn grpc.ClientConnInterface) error { return do(fleetv1.NewFleetServiceClient(conn)) })
}

// billing runs a function with the billing service, and the fleet service, which
// knows the currency.
func (c client) billing(do func(fleetv1.BillingServiceClient, fleetv1.FleetServiceClient) error) error {
	return c.call(func(conn grpc.ClientConnInterface) error {
		return do(fleetv1.NewBillingServiceClient(conn), fleetv1.NewFleetServiceClient(conn))
	})
}

// accounts runs a function with the simulation service, and the fleet service,
// which knows the currency.
func (c client) accounts(do func(fleetv1.SimulationServiceClient, fleetv1.FleetServiceClient) error) error {
	return c.call(func(conn grpc.ClientConnInterface) error {
		return do(fleetv1.NewSimulationServiceClient(conn), fleetv1.NewFleetServiceClient(conn))
	})
}

// simulation runs a function with the simulation service.
func (c client) simulation(do func(fleetv1.SimulationServiceClient) error) error {
	return c.call(func(conn grpc.ClientConnInterface) error { return do(fleetv1.NewSimulationServiceClient(conn)) })
}
