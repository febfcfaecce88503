package cli

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

// powered is what the commands that start and stop instances have in common.
type powered struct {
	client
	Instance   []string `arg:"" name:"id" help:"Ids of the instances, 1 to 100."`
	BestEffort bool     `help:"Do it to those that can be; without it to all or none. The exit code is 1 when some were left."`
	DryRun     bool     `help:"Only tell what would become of each, and change none."`
	RequestID  string   `name:"request-id" placeholder:"ID" help:"Client token: the same call again does nothing more. Without it one is made, unless --best-effort or --dry-run is given."`
}

// token is what makes the call idempotent: none when its outcomes tell what
// stands.
func (c *powered) token() (token, error) {
	if c.BestEffort {
		if err := checkAlone("--best-effort", given{"--request-id", c.RequestID != ""}); err != nil {
			return token{}, err
		}
	}
	if c.RequestID == "" && (c.BestEffort || c.DryRun) {
		return token{}, nil
	}
	return tokenOf(c.RequestID, "")
}

// outcomes is the answer about many instances.
type outcomes interface {
	proto.Message
	GetOutcomes() []*fleetv1.InstanceOutcome
}

// call makes the call with a token, and shows what became of each instance.
func (c *powered) call(on console, do func(fleet fleetv1.FleetServiceClient, requestID string) (outcomes, error)) error {
	token, err := c.token()
	if err := errors.Join(err, checkIDs("ID", c.Instance)); err != nil {
		return err
	}
	return c.fleet(func(fleet fleetv1.FleetServiceClient) error {
		answer, err := do(fleet, token.id)
		if err != nil {
			return token.failed(err)
		}
		if err := c.show(on.out, answer, func(w table) { c.outcomeTable(w, answer.GetOutcomes()) }); err != nil {
			return err
		}
		return left(answer.GetOutcomes())
	})
}

func (c *powered) outcomeTable(w table, outcomes []*fleetv1.InstanceOutcome) {
	row(w, "INSTANCE", "BEFORE", "AFTER", "ERROR")
	for _, outcome := range outcomes {
		problem := "-"
		if outcome.GetErrorReason() != fleetv1.ErrorReason_ERROR_REASON_UNSPECIFIED {
			problem = plainWords(outcome.GetErrorMessage()) + " (" + enumName(word(outcome.GetErrorReason())) + ")"
		}
		row(w, outcome.GetInstanceId(), word(outcome.GetPreviousStatus()), word(outcome.GetCurrentStatus()), problem)
	}
	if c.DryRun {
		w.say("Nothing was changed.")
	}
}

// left is an error when some instances were left as they were.
func left(outcomes []*fleetv1.InstanceOutcome) error {
	kept := 0
	for _, outcome := range outcomes {
		if outcome.GetErrorReason() != fleetv1.ErrorReason_ERROR_REASON_UNSPECIFIED {
			kept++
		}
	}
	if kept == 0 {
		return nil
	}
	return fmt.Errorf("%d of %s left as they are", kept, counted(len(outcomes), "instance is", "instances are"))
}

type fleetStart struct{ powered }

// Run starts the instances.
func (c *fleetStart) Run(ctx context.Context, on console) error {
	return c.call(on, func(fleet fleetv1.FleetServiceClient, id string) (outcomes, error) {
		return fleet.StartInstances(ctx, &fleetv1.StartInstancesRequest{
			InstanceIds: c.Instance, RequestId: id, BestEffort: c.BestEffort, DryRun: c.DryRun,
		})
	})
}

type fleetStop struct {
	powered
	Economical bool `help:"Give the stock back and pay for disks only; without it they keep their stock and go on being charged for."`
}

// Run stops the instances.
func (c *fleetStop) Run(ctx context.Context, on console) error {
	mode := fleetv1.StoppedMode_STOPPED_MODE_KEEP_CHARGING
	if c.Economical {
		mode = fleetv1.StoppedMode_STOPPED_MODE_STOP_CHARGING
	}
	return c.call(on, func(fleet fleetv1.FleetServiceClient, id string) (outcomes, error) {
		return fleet.StopInstances(ctx, &fleetv1.StopInstancesRequest{
			InstanceIds: c.Instance, RequestId: id, BestEffort: c.BestEffort, DryRun: c.DryRun, StoppedMode: mode,
		})
	})
}

type fleetReboot struct{ powered }

// Run boots the instances again.
func (c *fleetReboot) Run(ctx context.Context, on console) error {
	return c.call(on, func(fleet fleetv1.FleetServiceClient, id string) (outcomes, error) {
		return fleet.RebootInstances(ctx, &fleetv1.RebootInstancesRequest{
			InstanceIds: c.Instance, RequestId: id, BestEffort: c.BestEffort, DryRun: c.DryRun,
		})
	})
}
