package api

import (
	"context"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// RunInstances implements the contract.
func (f *fleet) RunInstances(ctx context.Context, req *fleetv1.RunInstancesRequest) (*fleetv1.RunInstancesResponse, error) {
	offer, err := findOffer(f.Catalog, "", req.GetZoneId(), req.GetInstanceType())
	if err != nil {
		return nil, err
	}
	launch := launchOf(req)
	launch.AccountID, launch.Pool.Offer = accountOf(ctx), offer
	answer, err := f.Engine.Apply(ctx, launch)
	if err != nil {
		return nil, f.refuse(err, subject{account: launch.AccountID, requestID: launch.RequestID, launch: &launch, method: "RunInstances"})
	}
	resp := &fleetv1.RunInstancesResponse{}
	if launch.DryRun {
		return resp, nil
	}
	resp.InstanceIds = instanceIDs(answer.First, answer.Launched)
	return resp, nil
}

// launchOf is the command of a request, but for account and offer.
func launchOf(req *fleetv1.RunInstancesRequest) world.Launch {
	spot := req.GetBillingMethod() == fleetv1.BillingMethod_BILLING_METHOD_SPOT
	launch := world.Launch{
		RequestID: req.GetRequestId(), Pool: world.Pool{Spot: spot},
		Amount: req.GetAmount(), MinAmount: req.GetMinAmount(), MaxPrice: req.GetMaxPriceMicrosPerHour(),
		Unprotected:   spot && req.GetSpotProtection() == fleetv1.SpotProtection_SPOT_PROTECTION_NONE,
		StopOnReclaim: req.GetInterruptionBehavior() == fleetv1.InterruptionBehavior_INTERRUPTION_BEHAVIOR_STOP,
		Tags:          req.GetTags(), DryRun: req.GetDryRun(),
		Attributes: world.Attributes{
			Name: req.GetInstanceName(), Description: req.GetDescription(), DeletionProtection: req.GetDeletionProtection(),
			UniqueSuffix: req.GetUniqueSuffix(), Options: fromOptions(req.GetOptions(), req.GetUserData()),
		},
	}
	if launch.MinAmount == 0 {
		launch.MinAmount = launch.Amount
	}
	if disk := req.GetSystemDisk(); disk != nil {
		launch.Disks = append(launch.Disks, fromDisk(disk, true))
	}
	for _, disk := range req.GetDataDisks() {
		launch.Disks = append(launch.Disks, fromDisk(disk, false))
	}
	return launch
}

func fromDisk(disk *fleetv1.DiskRequest, system bool) world.DiskRequest {
	wanted := world.DiskRequest{SizeGiB: disk.GetSizeGib(), Keep: disk.GetKeepAfterRelease(), System: system}
	for _, category := range disk.GetCategories() {
		wanted.Categories = append(wanted.Categories, world.DiskCategory(category))
	}
	return wanted
}

// DeleteInstances implements the contract.
func (f *fleet) DeleteInstances(ctx context.Context, req *fleetv1.DeleteInstancesRequest) (*fleetv1.DeleteInstancesResponse, error) {
	account, ids := accountOf(ctx), req.GetInstanceIds()
	answer, err := f.Engine.Apply(ctx, world.Release{
		AccountID: account, Numbers: instanceNumbers(ids), OnlyStopped: req.GetOnlyStopped(), DryRun: req.GetDryRun(),
	})
	if err != nil {
		return nil, f.refuse(err, subject{account: account, instances: ids})
	}
	return &fleetv1.DeleteInstancesResponse{MissingInstanceIds: missingOf(ids, answer.Missing)}, nil
}

// missingOf is the ids at some places of a request.
func missingOf(ids []string, places []int) []string {
	var missing []string
	for _, place := range places {
		missing = append(missing, ids[place])
	}
	return missing
}
