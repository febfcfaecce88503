package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/seed-198b1370/muster/cmd/muster/internal/cli/value"
	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

type fleetWatch struct {
	client
	Tag       []string `sep:"none" placeholder:"KEY=VALUE" help:"Only transitions of instances with this tag; with all of them when given more than once."`
	Cursor    string   `placeholder:"CURSOR" help:"Go on from this cursor; -o json shows it."`
	FromStart bool     `help:"Begin with the oldest transition that is kept, not with the next one to come."`
}

// Run follows transitions until the user ends it. A stream that was there and
// broke is taken up where it ended.
func (c *fleetWatch) Run(ctx context.Context, on console) error {
	tags, err := value.Tags(c.Tag)
	if err != nil {
		return of("--tag", err)
	}
	if c.Cursor != "" {
		if err := checkAlone("--cursor", given{"--from-start", c.FromStart}); err != nil {
			return err
		}
	}
	return c.fleet(func(fleet fleetv1.FleetServiceClient) error {
		request := &fleetv1.WatchInstancesRequest{Cursor: c.Cursor, Tags: tags}
		if c.Cursor == "" && !c.FromStart {
			now, err := fleet.CountInstances(ctx, &fleetv1.CountInstancesRequest{Tags: tags})
			if err != nil {
				return err
			}
			request.Cursor = now.GetCursor()
		}
		f := follower{
			what: "the stream of transitions", err: on.err, away: outage{err: on.err, what: "the stream of transitions of " + c.Server},
			follow: func(ctx context.Context, alive func()) error { return c.follow(ctx, on.out, fleet, request, alive) },
			lost:   func(err error) string { return restart(request, err) },
		}
		return f.run(ctx)
	})
}

// follow shows transitions until their stream ends, and moves the cursor of the
// request on.
func (c *fleetWatch) follow(ctx context.Context, out io.Writer, fleet fleetv1.FleetServiceClient, request *fleetv1.WatchInstancesRequest, alive func()) error {
	transitions, err := fleet.WatchInstances(ctx, request)
	if err != nil {
		return err
	}
	return receive(transitions, func(next *fleetv1.WatchInstancesResponse) error {
		alive()
		request.Cursor = next.GetCursor()
		if len(next.GetTransitions()) == 0 {
			return nil // a sign of life
		}
		if c.Output == "json" {
			return writeJSON(out, next)
		}
		for _, transition := range next.GetTransitions() {
			if err := showTransition(out, transition); err != nil {
				return err
			}
		}
		return nil
	})
}

// restart begins anew when the cursor of a request is refused, and says so.
func restart(request *fleetv1.WatchInstancesRequest, err error) string {
	switch {
	case rpc.HasReason(err, fleetv1.ErrorReason_ERROR_REASON_INVALID_TOKEN):
		request.Cursor = ""
		return anew
	case rpc.HasReason(err, fleetv1.ErrorReason_ERROR_REASON_CURSOR_COMPACTED):
		request.Cursor = ""
		return "has moved on: some transitions are no longer kept; going on from the oldest that is"
	default:
		return ""
	}
}

func showTransition(out io.Writer, transition *fleetv1.InstanceTransition) error {
	i := transition.GetInstance()
	note := ""
	if transition.GetReason() != fleetv1.TransitionReason_TRANSITION_REASON_UNSPECIFIED {
		note = " (" + word(transition.GetReason()) + ")"
	}
	switch transition.GetKind() {
	case fleetv1.TransitionKind_TRANSITION_KIND_INTERRUPTION_NOTICE:
		what := "released"
		if i.GetInterruptionBehavior() == fleetv1.InterruptionBehavior_INTERRUPTION_BEHAVIOR_STOP {
			what = "stopped"
		}
		note += ", " + what + " at " + stamp(i.GetReleaseTime())
	case fleetv1.TransitionKind_TRANSITION_KIND_HEALTH:
		note += ", now " + word(i.GetHealth())
	default:
	}
	_, err := fmt.Fprintf(out, "%s  %-19s  %s  %s %s %s%s\n", stamp(transition.GetTime()), word(transition.GetKind()), i.GetInstanceId(),
		i.GetInstanceType(), i.GetZoneId(), word(i.GetBillingMethod()), note)
	return err
}
