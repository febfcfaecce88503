package api

import (
	"context"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// batchRequest is what the requests about the power of instances have in common.
type batchRequest interface {
	GetInstanceIds() []string
	GetRequestId() string
	GetBestEffort() bool
	GetDryRun() bool
}

// StartInstances implements the contract.
func (f *fleet) StartInstances(ctx context.Context, req *fleetv1.StartInstancesRequest) (*fleetv1.StartInstancesResponse, error) {
	outcomes, err := f.power(ctx, req, world.Start{Batch: batchOf(ctx, req)})
	if err != nil {
		return nil, err
	}
	return &fleetv1.StartInstancesResponse{Outcomes: outcomes}, nil
}

// StopInstances implements the contract.
func (f *fleet) StopInstances(ctx context.Context, req *fleetv1.StopInstancesRequest) (*fleetv1.StopInstancesResponse, error) {
	outcomes, err := f.power(ctx, req, world.Stop{
		Batch: batchOf(ctx, req), Economical: req.GetStoppedMode() == fleetv1.StoppedMode_STOPPED_MODE_STOP_CHARGING,
	})
	if err != nil {
		return nil, err
	}
	return &fleetv1.StopInstancesResponse{Outcomes: outcomes}, nil
}

// RebootInstances implements the contract.
func (f *fleet) RebootInstances(ctx context.Context, req *fleetv1.RebootInstancesRequest) (*fleetv1.RebootInstancesResponse, error) {
	outcomes, err := f.power(ctx, req, world.Reboot{Batch: batchOf(ctx, req)})
	if err != nil {
		return nil, err
	}
	return &fleetv1.RebootInstancesResponse{Outcomes: outcomes}, nil
}

func batchOf(ctx context.Context, req batchRequest) world.Batch {
	return world.Batch{
		AccountID: accountOf(ctx), RequestID: req.GetRequestId(), Numbers: instanceNumbers(req.GetInstanceIds()),
		BestEffort: req.GetBestEffort(), DryRun: req.GetDryRun(),
	}
}

// power has a batch obeyed and tells what became of each instance.
func (f *fleet) power(ctx context.Context, req batchRequest, command world.Command) ([]*fleetv1.InstanceOutcome, error) {
	of := subject{account: accountOf(ctx), requestID: req.GetRequestId(), instances: req.GetInstanceIds()}
	answer, err := f.Engine.Apply(ctx, command)
	if err != nil {
		return nil, f.refuse(err, of)
	}
	outcomes := make([]*fleetv1.InstanceOutcome, len(answer.Outcomes))
	for place, o := range answer.Outcomes {
		outcomes[place] = &fleetv1.InstanceOutcome{
			InstanceId: req.GetInstanceIds()[place], PreviousStatus: fleetv1.InstanceStatus(o.Before), CurrentStatus: fleetv1.InstanceStatus(o.After),
		}
		// A call that is not best effort has done it all. When it is repeated,
		// instances may be gone that were there.
		if o.Err != nil && req.GetBestEffort() {
			why := f.refusalOf(o.Err, of)
			outcomes[place].ErrorReason, outcomes[place].ErrorMessage = why.reason, why.message
		}
	}
	return outcomes, nil
}
