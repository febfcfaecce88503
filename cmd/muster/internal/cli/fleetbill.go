package cli

import (
	"context"

	"github.com/seed-198b1370/muster/cmd/muster/internal/cli/value"
	"github.com/seed-198b1370/muster/pkg/money"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

type fleetBill struct {
	client
	Instance string `placeholder:"ID" help:"Only what this instance has cost; it may be released."`
	Pool     string `placeholder:"ZONE/TYPE/BILLING" help:"Only what the instances of this pool have cost, such as cn-shenzhen-d/ecs.c6.large/spot."`
	Tag      string `placeholder:"KEY=VALUE" help:"Only what instances have cost while they carried this tag. The key must be a cost tag: muster fleet account show tells which are."`
}

// Run shows the bill: without a flag of everything.
func (c *fleetBill) Run(ctx context.Context, on console) error {
	request, err := c.request()
	if err != nil {
		return err
	}
	return c.billing(func(billing fleetv1.BillingServiceClient, fleet fleetv1.FleetServiceClient) error {
		got, err := billing.GetBill(ctx, request)
		if err != nil {
			return err
		}
		return c.showPriced(ctx, fleet, on.out, got, func(w pricedTable) { billTable(w, got.GetBill()) })
	})
}

// request is what the command line asks for, or what is wrong with it.
func (c *fleetBill) request() (*fleetv1.GetBillRequest, error) {
	pool, tag := given{"--pool", c.Pool != ""}, given{"--tag", c.Tag != ""}
	switch {
	case c.Instance != "":
		return &fleetv1.GetBillRequest{Subject: &fleetv1.GetBillRequest_InstanceId{InstanceId: c.Instance}}, checkAlone("--instance", pool, tag)
	case pool.is:
		if err := checkAlone("--pool", tag); err != nil {
			return nil, err
		}
		billed, err := value.Pool(c.Pool)
		return &fleetv1.GetBillRequest{Subject: &fleetv1.GetBillRequest_Pool{Pool: billed}}, of("--pool", err)
	case tag.is:
		key, tagged, err := value.Tag(c.Tag)
		return &fleetv1.GetBillRequest{Subject: &fleetv1.GetBillRequest_Tag{Tag: &fleetv1.BilledTag{Key: key, Value: tagged}}}, of("--tag", err)
	default:
		return &fleetv1.GetBillRequest{}, nil
	}
}

func billTable(w pricedTable, bill *fleetv1.Bill) {
	row(w, "Cost so far:", money.FormatMicros(bill.GetCostMicros()))
	row(w, "  computing:", money.FormatMicros(bill.GetComputeCostMicros()))
	row(w, "  disks:", money.FormatMicros(bill.GetDiskCostMicros()))
	row(w, "Cost now:", money.FormatMicros(bill.GetPriceMicrosPerHour())+" per hour")
	row(w, "Instances now:", bill.GetInstances())
	row(w, "Counted up to:", stamp(bill.GetAsOfTime()))
	w.sayAmounts()
}
