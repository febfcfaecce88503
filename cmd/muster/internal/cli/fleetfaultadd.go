package cli

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"regexp"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/seed-198b1370/muster/cmd/muster/internal/cli/value"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

type faultAdd struct {
	PriceShock     addPriceShock    `cmd:"" help:"Multiply the spot price of pools. It stays within 10 % and 100 % of the list price."`
	ZoneOutage     addZoneOutage    `cmd:"" help:"Make a zone fail: it refuses launches and starts, and the health of what runs there is impaired."`
	SlowLaunch     addSlowLaunch    `cmd:"" help:"Make instances that are launched or started meanwhile take longer to come up."`
	RefuseLaunches addRefusal       `cmd:"" help:"Make launches fail for a reason, whatever the stock."`
	DiskShortage   addDiskShortage  `cmd:"" help:"Take a category of disks off offer."`
	Calls          addCallTrouble   `cmd:"" help:"Make calls of the fleet slow, fail, or lose their answers."`
	Streams        addStreamTrouble `cmd:"" help:"Make streams of transitions repeat or hold back entries. Cursors stay right."`
}

// Bounds of faults, in time.
const (
	mostFault   = 366 * 24 * time.Hour
	mostLatency = 10 * time.Minute
)

// lasting is what commands that begin a fault have in common.
type lasting struct {
	client
	For string `placeholder:"DURATION" help:"How long it lasts, in simulated time, such as 90s, 5m, 24h or 7d, up to 366d; by default until it is cleared."`
	ID  string `name:"id" placeholder:"ID" help:"Id of the fault: 1 to 64 of A-Z a-z 0-9 . _ -. The same fault under the same id again changes nothing. Without it one is made."`
}

// faultID is what the id of a fault looks like.
var faultID = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// begin begins a fault with an effect, and shows it. What is wrong with the
// flags of the effect is handed in, so that all of it is told at once.
func (c *lasting) begin(ctx context.Context, on console, fault *fleetv1.Fault, wrong ...error) error {
	if c.For != "" {
		length, err := value.Within(c.For, mostFault)
		fault.Duration = durationpb.New(length)
		wrong = append(wrong, of("--for", err))
	}
	token := c.token()
	if !faultID.MatchString(token.id) {
		wrong = append(wrong, misuse("--id must be 1 to 64 of A-Z a-z 0-9 . _ -, got %q", c.ID))
	}
	if err := errors.Join(wrong...); err != nil {
		return err
	}
	fault.FaultId = token.id
	return c.simulation(func(simulation fleetv1.SimulationServiceClient) error {
		injected, err := simulation.InjectFault(ctx, &fleetv1.InjectFaultRequest{Fault: fault})
		if err != nil {
			return token.failedWith("--id", err)
		}
		return c.show(on.out, injected, func(w table) { faultTable(w, injected.GetFault()) })
	})
}

// madeBytes is how many random bytes the id of a fault is made of: few, for
// people type it.
const madeBytes = 4

// token is the id of the fault, which makes the call idempotent.
func (c *lasting) token() token {
	if c.ID != "" {
		return token{id: c.ID}
	}
	random := make([]byte, madeBytes)
	_, _ = rand.Read(random) // never fails
	return token{id: "fault-" + hex.EncodeToString(random), made: true}
}

type addPriceShock struct {
	lasting
	selector
	Factor string `required:"" placeholder:"N" help:"What to multiply prices with, 0.001 to 100, such as 2.5."`
}

// Run begins the price shock.
func (c *addPriceShock) Run(ctx context.Context, on console) error {
	pools, err := c.pools(fleetv1.BillingMethod_BILLING_METHOD_UNSPECIFIED)
	factor, factorErr := value.Factor(c.Factor, 1, 100_000)
	return c.begin(ctx, on, &fleetv1.Fault{Effect: &fleetv1.Fault_PriceShock{
		PriceShock: &fleetv1.PriceShock{Pools: pools, FactorPermille: factor},
	}}, err, of("--factor", factorErr))
}

type addZoneOutage struct {
	lasting
	Zone string `required:"" placeholder:"ZONE" help:"The zone that fails."`
}

// Run begins the outage.
func (c *addZoneOutage) Run(ctx context.Context, on console) error {
	return c.begin(ctx, on, &fleetv1.Fault{Effect: &fleetv1.Fault_ZoneOutage{ZoneOutage: &fleetv1.ZoneOutage{ZoneId: c.Zone}}})
}

type addSlowLaunch struct {
	lasting
	selector
	Billing string `help:"Only pools of this billing method: ${enum}." enum:"spot,pay-as-you-go,both" default:"both"`
	Factor  string `required:"" placeholder:"N" help:"How many times as long it takes, 1.001 to 1000, such as 10."`
}

// Run begins to make launches slow.
func (c *addSlowLaunch) Run(ctx context.Context, on console) error {
	pools, err := c.pools(billingMethod(c.Billing))
	factor, factorErr := value.Factor(c.Factor, 1_001, 1_000_000)
	return c.begin(ctx, on, &fleetv1.Fault{Effect: &fleetv1.Fault_SlowLaunch{
		SlowLaunch: &fleetv1.SlowLaunch{Pools: pools, FactorPermille: factor},
	}}, err, of("--factor", factorErr))
}

type addRefusal struct {
	lasting
	selector
	Billing string `help:"Only pools of this billing method: ${enum}." enum:"spot,pay-as-you-go,both" default:"both"`
	Reason  string `enum:"no-instance-stock,quota-exceeded,insufficient-balance,zone-not-on-sale,disk-category-not-available,price-below-market,throttled" default:"no-instance-stock" help:"Why: ${enum}."`
}

// Run begins to refuse launches.
func (c *addRefusal) Run(ctx context.Context, on console) error {
	pools, err := c.pools(billingMethod(c.Billing))
	return c.begin(ctx, on, &fleetv1.Fault{Effect: &fleetv1.Fault_LaunchRefusal{LaunchRefusal: &fleetv1.LaunchRefusal{
		Pools: pools, Reason: fleetv1.ErrorReason(fleetv1.ErrorReason_value["ERROR_REASON_"+enumName(c.Reason)]),
	}}}, err)
}

type addDiskShortage struct {
	lasting
	Zone     string `placeholder:"ZONE" help:"Only in this zone; by default in all."`
	Category string `required:"" placeholder:"CATEGORY" help:"Which disks: cloud, efficiency, ssd or essd."`
}

// Run begins the shortage.
func (c *addDiskShortage) Run(ctx context.Context, on console) error {
	category, err := value.Category(c.Category)
	return c.begin(ctx, on, &fleetv1.Fault{Effect: &fleetv1.Fault_DiskShortage{
		DiskShortage: &fleetv1.DiskShortage{ZoneId: c.Zone, Category: category},
	}}, of("--category", err))
}
