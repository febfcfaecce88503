package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/seed-198b1370/muster/cmd/muster/internal/cli/value"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

// Bounds of a launch.
const (
	mostAmount = 100
	mostDisks  = 16 // besides the system disk
)

type fleetRun struct {
	client
	Type          string   `required:"" placeholder:"TYPE" help:"Instance type to launch."`
	Zone          string   `required:"" placeholder:"ZONE" help:"Zone to launch in."`
	Billing       string   `help:"How they are paid for: ${enum}." enum:"spot,pay-as-you-go" default:"spot"`
	Amount        int32    `default:"1" help:"How many to launch, 1 to 100."`
	Min           int32    `placeholder:"N" help:"The least number worth launching, when there is stock for fewer; 0, the default, means all or nothing."`
	MaxPrice      string   `placeholder:"PRICE" help:"Bid for one spot instance, in units of the currency per hour, such as 0.35; by default whatever the market price is."`
	Unprotected   bool     `help:"Launch spot instances without the hour of protection from reclaim; about 10 % cheaper."`
	StopOnReclaim bool     `help:"A reclaim stops spot instances, in economical mode, instead of releasing them."`
	Tag           []string `sep:"none" placeholder:"KEY=VALUE" help:"Tag of the instances; may be given up to 20 times."`
	Name          string   `placeholder:"NAME" help:"Name of the instances, for people."`
	Description   string   `placeholder:"TEXT" help:"Description of the instances, for people."`
	Protect       bool     `help:"Refuse to delete the instances until that is changed with: muster fleet update ID --no-protect."`
	SystemDisk    string   `placeholder:"DISK" help:"Disk to boot from, as CATEGORY[,CATEGORY...]:GIB[:keep], such as essd,ssd:40: the first category on offer is taken; keep keeps it when its instance is released. Categories: cloud, efficiency, ssd, essd; 20 to 32768 GiB. By default none that is told of or charged for."`
	DataDisk      []string `sep:"none" placeholder:"DISK" help:"Further disk, written as for --system-disk; may be given up to 16 times."`
	DryRun        bool     `help:"Check everything, stock, price and quota included, and launch nothing."`
	RequestID     string   `name:"request-id" placeholder:"ID" help:"Client token: the same call again launches nothing more. Without it one is made."`
}

// Run launches the instances.
func (c *fleetRun) Run(ctx context.Context, on console) error {
	token, err := tokenOf(c.RequestID, "")
	if err != nil {
		return err
	}
	request, err := c.request()
	if err != nil {
		return err
	}
	request.RequestId = token.id
	return c.fleet(func(fleet fleetv1.FleetServiceClient) error {
		launched, err := fleet.RunInstances(ctx, request)
		if err != nil {
			return token.failed(err)
		}
		return c.show(on.out, launched, func(w table) { c.launched(w, launched.GetInstanceIds()) })
	})
}

// request is what the command line asks for, or all that is wrong with it.
func (c *fleetRun) request() (*fleetv1.RunInstancesRequest, error) {
	tags, tagErr := value.Tags(c.Tag)
	request := &fleetv1.RunInstancesRequest{
		ZoneId: c.Zone, InstanceType: c.Type, BillingMethod: billingMethod(c.Billing), Amount: c.Amount, MinAmount: c.Min,
		Tags: tags, DryRun: c.DryRun, InstanceName: c.Name, Description: c.Description, DeletionProtection: c.Protect,
	}
	if c.Unprotected {
		request.SpotProtection = fleetv1.SpotProtection_SPOT_PROTECTION_NONE
	}
	if c.StopOnReclaim {
		request.InterruptionBehavior = fleetv1.InterruptionBehavior_INTERRUPTION_BEHAVIOR_STOP
	}
	return request, errors.Join(c.checkAmounts(), of("--tag", tagErr), c.checkSpot(), c.setPrice(request), c.setDisks(request))
}

func (c *fleetRun) checkAmounts() error {
	var wrong []error
	if c.Amount < 1 || c.Amount > mostAmount {
		wrong = append(wrong, misuse("--amount must be 1 to %d, got %d", mostAmount, c.Amount))
	}
	if c.Min < 0 || c.Min > c.Amount {
		wrong = append(wrong, misuse("--min must be 0 to the --amount of %d, got %d", c.Amount, c.Min))
	}
	return errors.Join(wrong...)
}

// checkSpot refuses for pay-as-you-go what only spot instances have.
func (c *fleetRun) checkSpot() error {
	if c.Billing == "spot" {
		return nil
	}
	return checkAlone("--billing "+c.Billing, given{"--max-price", c.MaxPrice != ""}, given{"--unprotected", c.Unprotected},
		given{"--stop-on-reclaim", c.StopOnReclaim})
}

func (c *fleetRun) setPrice(request *fleetv1.RunInstancesRequest) error {
	if c.MaxPrice == "" {
		return nil
	}
	price, err := value.Micros(c.MaxPrice)
	if err == nil && price <= 0 {
		err = fmt.Errorf("must be above 0, got %q", c.MaxPrice)
	}
	request.MaxPriceMicrosPerHour = price
	return of("--max-price", err)
}

func (c *fleetRun) setDisks(request *fleetv1.RunInstancesRequest) error {
	var wrong []error
	if c.SystemDisk != "" {
		disk, err := value.Disk(c.SystemDisk)
		request.SystemDisk = disk
		wrong = append(wrong, of("--system-disk", err))
	}
	if len(c.DataDisk) > mostDisks {
		wrong = append(wrong, misuse("--data-disk must be given at most %d times, got %d", mostDisks, len(c.DataDisk)))
	}
	for _, text := range c.DataDisk {
		disk, err := value.Disk(text)
		request.DataDisks = append(request.DataDisks, disk)
		wrong = append(wrong, of("--data-disk", err))
	}
	return errors.Join(wrong...)
}

// launched writes the ids of what was launched, and what they are.
func (c *fleetRun) launched(w table, ids []string) {
	pool := fmt.Sprintf("%s in %s, %s", c.Type, c.Zone, c.Billing)
	if c.DryRun {
		w.say(fmt.Sprintf("The launch of %d of %s would be accepted; nothing was launched.", c.Amount, pool))
		return
	}
	for _, id := range ids {
		row(w, id)
	}
	w.say(fmt.Sprintf("Launched %d of %d of %s.", len(ids), c.Amount, pool))
}
