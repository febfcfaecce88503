package ops

import (
	"context"
	"strconv"

	"google.golang.org/protobuf/types/known/fieldmaskpb"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/gateway/internal/table"
	"github.com/seed-198b1370/muster/services/gateway/wire"
)

// Errors of what is done to instances.
var (
	errIncorrectStatus = denied("IncorrectInstanceStatus", "The current status of the resource does not support this operation.")
	errInitializing    = denied("IncorrectInstanceStatus.Initializing", "The specified instance status does not support this operation: it is being created.")
	errProtected       = denied("InvalidOperation.DeletionProtection", "The operation is not allowed due to deletion protection.")
	errLocked          = denied("InstanceLockedForSecurity", "The instance is locked: the specified operation is denied.")
	errSoldOut         = denied("OperationDenied.NoStock", "The requested resource is sold out in the specified zone; try other types of resources or other zones.")
	errQuota           = denied("QuotaExceed.ElasticQuota", "The number of vCPUs exceeds the quota of the account.")
	errBalance         = denied("InsufficientBalance", "Your account does not have enough balance.")
	errZoneNotOnSale   = denied("Zone.NotOnSale", "The specified zone is not available for purchase.")
	errStartPrice      = denied("OperationDenied.SpotPriceLowerThanPublicPrice", "The bid of the spot instance is lower than the current market price.")
	errDryRunPassed    = bad("DRYRUN.SUCCESS", "Request validation has been passed with DryRun flag set.")
)

// powerRules are how refusals of instances are told.
func powerRules() []Rule {
	return []Rule{
		{Reason: "fleet.muster/INCORRECT_INSTANCE_STATUS", Error: errIncorrectStatus},
		{Reason: "fleet.muster/DELETION_PROTECTED", Error: errProtected},
		{Reason: "fleet.muster/INSTANCE_LOCKED", Error: errLocked},
		{Reason: "fleet.muster/NO_INSTANCE_STOCK", Error: errSoldOut},
		{Reason: "fleet.muster/QUOTA_EXCEEDED", Error: errQuota},
		{Reason: "fleet.muster/INSUFFICIENT_BALANCE", Error: errBalance},
		{Reason: "fleet.muster/ZONE_NOT_ON_SALE", Error: errZoneNotOnSale},
		{Reason: "fleet.muster/PRICE_BELOW_MARKET", Error: errStartPrice},
	}
}

// A power is what is done to instances: all of them or none, or each that can.
type power func(ctx context.Context, call *Call, ids []string, each bool) ([]*fleetv1.InstanceOutcome, error)

func start(ctx context.Context, call *Call, ids []string, each bool) ([]*fleetv1.InstanceOutcome, error) {
	done, err := call.Cloud.StartInstances(ctx, &fleetv1.StartInstancesRequest{InstanceIds: ids, BestEffort: each, DryRun: call.Flag("DryRun")})
	return done.GetOutcomes(), err
}

func stop(ctx context.Context, call *Call, ids []string, each bool) ([]*fleetv1.InstanceOutcome, error) {
	done, err := call.Cloud.StopInstances(ctx, &fleetv1.StopInstancesRequest{
		InstanceIds: ids, BestEffort: each, DryRun: call.Flag("DryRun"), StoppedMode: stoppedModes.value(call.Text("StoppedMode")),
	})
	return done.GetOutcomes(), err
}

func reboot(ctx context.Context, call *Call, ids []string, each bool) ([]*fleetv1.InstanceOutcome, error) {
	done, err := call.Cloud.RebootInstances(ctx, &fleetv1.RebootInstancesRequest{InstanceIds: ids, BestEffort: each, DryRun: call.Flag("DryRun")})
	return done.GetOutcomes(), err
}

func powerOperations() []Operation {
	dryRun := table.Param{Name: "DryRun", Kind: table.Boolean, Note: "Answers `DRYRUN.SUCCESS` when the call would be done."}
	stoppedMode := table.Param{Name: "StoppedMode", OneOf: stoppedModes.all()}
	var all []Operation
	for _, o := range []struct {
		name, done string
		do         power
		more       []table.Param
	}{
		{"Start", "Starts", start, nil},
		{"Stop", "Stops", stop, []table.Param{stoppedMode, {Name: "ForceStop", Kind: table.Boolean, Status: table.Ignored, Note: noGuests}}},
		{"Reboot", "Reboots", reboot, []table.Param{{Name: "ForceReboot", Kind: table.Boolean, Status: table.Ignored, Note: noGuests}}},
	} {
		all = append(all, powerOne(o.name+"Instance", o.done+" one instance.", o.do, append([]table.Param{dryRun}, o.more...)),
			powerMany(o.name+"Instances", o.done+" instances.", o.do, append([]table.Param{dryRun}, o.more...)))
	}
	return all
}

func powerOne(name, summary string, do power, more []table.Param) Operation {
	return Operation{
		Operation: table.Operation{
			Name: name, Summary: summary, Params: append([]table.Param{{Name: "InstanceId", Required: true, Max: 64}}, more...),
		},
		Run: func(ctx context.Context, call *Call) (wire.Object, error) {
			_, err := do(ctx, call, []string{call.Text("InstanceId")}, false)
			if err == nil && call.Flag("DryRun") {
				err = errDryRunPassed
			}
			return nil, err
		},
		Rules: powerRules(),
	}
}

func powerMany(name, summary string, do power, more []table.Param) Operation {
	return Operation{
		Operation: table.Operation{
			Name: name, Summary: summary,
			Params: append([]table.Param{
				regionParam(), idsParam(true),
				{Name: "BatchOptimization", OneOf: []string{"AllTogether", "SuccessFirst"}, Note: "`AllTogether`, the default, does all or none."},
			}, more...),
		},
		Run: func(ctx context.Context, call *Call) (wire.Object, error) {
			if err := call.Cloud.CheckRegion(ctx, call.Text("RegionId"), errRegionID); err != nil {
				return nil, err
			}
			outcomes, err := do(ctx, call, unique(call.Texts("InstanceId")), call.Text("BatchOptimization") == "SuccessFirst")
			if err != nil {
				return nil, err
			}
			if call.Flag("DryRun") {
				return nil, errDryRunPassed
			}
			list := make([]wire.Object, 0, len(outcomes))
			for _, outcome := range outcomes {
				list = append(list, outcomeObject(outcome))
			}
			return wire.Object{wire.List("InstanceResponses", "InstanceResponse", list)}, nil
		},
		Rules: powerRules(),
	}
}

func outcomeObject(outcome *fleetv1.InstanceOutcome) wire.Object {
	code, message := "200", "success"
	if outcome.GetErrorReason() != 0 {
		told := toldReason(outcome.GetErrorReason()).With(sentence(outcome.GetErrorMessage()))
		code, message = told.Code, told.Message
	}
	return wire.Object{
		wire.M("InstanceId", outcome.GetInstanceId()), wire.M("Code", code), wire.M("Message", message),
		wire.M("CurrentStatus", instanceStatuses[outcome.GetCurrentStatus()]), wire.M("PreviousStatus", instanceStatuses[outcome.GetPreviousStatus()]),
	}
}

// toldReason is the error for a reason of the cloud's.
func toldReason(reason fleetv1.ErrorReason) wire.Error {
	name := "fleet.muster/" + reason.String()[len("ERROR_REASON_"):]
	for _, rules := range [][]Rule{powerRules(), commonRules()} {
		for _, rule := range rules {
			if rule.Reason == name {
				return rule.Error
			}
		}
	}
	return errInternal
}

func releaseOperations() []Operation {
	more := []table.Param{
		{Name: "Force", Kind: table.Boolean, Note: "Releases instances that are not stopped, too."},
		{Name: "DryRun", Kind: table.Boolean, Note: "Answers `DRYRUN.SUCCESS` when the call would be done."},
		{Name: "ForceStop", Kind: table.Boolean, Status: table.Ignored, Note: noGuests},
		{Name: "TerminateSubscription", Kind: table.Boolean, Status: table.Ignored, Note: "Nothing is subscribed."},
	}
	return []Operation{
		{
			Operation: table.Operation{
				Name: "DeleteInstance", Summary: "Releases one instance.",
				Params: append([]table.Param{{Name: "InstanceId", Required: true, Max: 64}}, more...),
			},
			Run: func(ctx context.Context, call *Call) (wire.Object, error) {
				return release(ctx, call, []string{call.Text("InstanceId")})
			},
			Rules: releaseRules(),
		},
		{
			Operation: table.Operation{
				Name: "DeleteInstances", Summary: "Releases instances, all or none.",
				Params: append([]table.Param{
					regionParam(), idsParam(true),
					{Name: "ClientToken", Status: table.Ignored, Pattern: tokenPattern, Rule: "be 1 to 64 characters of ASCII", Note: "To release twice is to release once."},
				}, more...),
			},
			Run: func(ctx context.Context, call *Call) (wire.Object, error) {
				if err := call.Cloud.CheckRegion(ctx, call.Text("RegionId"), errRegionID); err != nil {
					return nil, err
				}
				return release(ctx, call, unique(call.Texts("InstanceId")))
			},
			Rules: releaseRules(),
		},
	}
}

// releaseRules tell instances that are being created apart.
func releaseRules() []Rule {
	return append([]Rule{{
		Reason: "fleet.muster/INCORRECT_INSTANCE_STATUS", Status: fleetv1.InstanceStatus_INSTANCE_STATUS_PENDING, Error: errInitializing,
	}}, powerRules()...)
}

// release releases instances. One that is not there fails the call, unless the
// call has a client token: then it may have been this call that released it.
func release(ctx context.Context, call *Call, ids []string) (wire.Object, error) {
	if !call.Has("ClientToken") {
		listed, err := call.Cloud.ListInstances(ctx, &fleetv1.ListInstancesRequest{InstanceIds: ids, PageSize: backendPage})
		if err != nil {
			return nil, err
		}
		if there, asked := len(listed.GetInstances()), len(ids); there < asked {
			return nil, errInstanceID.With(strconv.Itoa(asked-there) + " of " + strconv.Itoa(asked) + " instances do not exist.")
		}
	}
	_, err := call.Cloud.DeleteInstances(ctx, &fleetv1.DeleteInstancesRequest{InstanceIds: ids, OnlyStopped: !call.Flag("Force"), DryRun: call.Flag("DryRun")})
	if err == nil && call.Flag("DryRun") {
		err = errDryRunPassed
	}
	return nil, err
}

func modifyInstanceAttribute() Operation {
	return Operation{
		Operation: table.Operation{
			Name: "ModifyInstanceAttribute", Summary: "Changes the name, description or deletion protection of an instance.",
			Params: []table.Param{
				{Name: "InstanceId", Required: true, Max: 64},
				{Name: "InstanceName", Pattern: namePattern, Rule: nameRule},
				{Name: "Description", Max: 256},
				{Name: "DeletionProtection", Kind: table.Boolean},
				{Name: "HostName", Status: table.Ignored, Note: noGuests},
				{Name: "Password", Status: table.Ignored, Note: "Never kept."},
				{Name: "UserData", Status: table.Refused, Note: "what a launch left for an instance stays"},
				{Name: "SecurityGroupIds", List: true, Status: table.Refused, Note: noNetworks},
			},
		},
		Run: func(ctx context.Context, call *Call) (wire.Object, error) {
			mask := &fieldmaskpb.FieldMask{}
			for param, field := range map[string]string{"InstanceName": "instance_name", "Description": "description", "DeletionProtection": "deletion_protection"} {
				if call.Has(param) {
					mask.Paths = append(mask.Paths, field)
				}
			}
			if len(mask.GetPaths()) == 0 {
				_, err := call.Cloud.instance(ctx, call.Text("InstanceId"))
				return nil, err
			}
			_, err := call.Cloud.UpdateInstance(ctx, &fleetv1.UpdateInstanceRequest{
				InstanceId: call.Text("InstanceId"), UpdateMask: mask,
				Attributes: &fleetv1.InstanceAttributes{
					InstanceName: call.Text("InstanceName"), Description: call.Text("Description"), DeletionProtection: call.Flag("DeletionProtection"),
				},
			})
			return nil, err
		},
		Rules: powerRules(),
	}
}
