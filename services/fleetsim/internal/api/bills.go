package api

import (
	"context"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// GetAccount implements the contract.
func (b *billing) GetAccount(ctx context.Context, _ *fleetv1.GetAccountRequest) (*fleetv1.GetAccountResponse, error) {
	account, err := b.account(ctx, accountOf(ctx))
	if err != nil {
		return nil, err
	}
	return &fleetv1.GetAccountResponse{Account: account}, nil
}

// GetBill implements the contract.
func (b *billing) GetBill(ctx context.Context, req *fleetv1.GetBillRequest) (*fleetv1.GetBillResponse, error) {
	ask, err := b.billOf(accountOf(ctx), req)
	if err != nil {
		return nil, err
	}
	type answer struct {
		bill world.Bill
		err  error
	}
	found, err := look(ctx, b.Engine, func(w *world.World) answer {
		bill, err := ask(w)
		return answer{bill, err}
	})
	switch {
	case err != nil:
		return nil, err
	case found.err != nil:
		return nil, b.refuse(found.err, subject{account: accountOf(ctx), instances: []string{req.GetInstanceId()}})
	default:
		return &fleetv1.GetBillResponse{Bill: toBill(&found.bill)}, nil
	}
}

// billOf is the question to the world that a request asks.
func (b *billing) billOf(account string, req *fleetv1.GetBillRequest) (func(*world.World) (world.Bill, error), error) {
	switch subject := req.GetSubject().(type) {
	case *fleetv1.GetBillRequest_InstanceId:
		number := instanceNumber(subject.InstanceId)
		return func(w *world.World) (world.Bill, error) { return w.BillOf(account, number) }, nil
	case *fleetv1.GetBillRequest_Pool:
		offer, err := findOffer(b.Catalog, "pool.", subject.Pool.GetZoneId(), subject.Pool.GetInstanceType())
		if err != nil {
			return nil, err
		}
		pool := world.Pool{Offer: offer, Spot: subject.Pool.GetBillingMethod() == fleetv1.BillingMethod_BILLING_METHOD_SPOT}
		return func(w *world.World) (world.Bill, error) { return w.BillOfPool(account, pool), nil }, nil
	case *fleetv1.GetBillRequest_Tag:
		tag := world.Tag{Key: subject.Tag.GetKey(), Value: subject.Tag.GetValue()}
		return func(w *world.World) (world.Bill, error) { return w.BillOfTag(account, tag) }, nil
	default:
		return func(w *world.World) (world.Bill, error) { return w.BillOfAll(account), nil }, nil
	}
}

func toBill(b *world.Bill) *fleetv1.Bill {
	return &fleetv1.Bill{
		CostMicros: b.TotalMicros, ComputeCostMicros: b.ComputeMicros, DiskCostMicros: b.DiskMicros,
		PriceMicrosPerHour: b.PriceMicros, Instances: b.Instances, AsOfTime: toTime(b.AsOf),
	}
}
