package cli

import (
	"context"
	"fmt"

	"google.golang.org/grpc"

	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
)

type healthCommand struct {
	List   healthList   `cmd:"" help:"List the unhealthy instances of a group, or the verdicts on instances, and why."`
	Set    healthSet    `cmd:"" help:"Say of an instance that it is unhealthy, or take that back."`
	Policy healthPolicy `cmd:"" help:"Work with the rules by which the instances of a group are judged."`
}

// health runs a function with the health service.
func (c client) health(do func(healthv1.HealthServiceClient) error) error {
	return c.call(func(conn grpc.ClientConnInterface) error { return do(healthv1.NewHealthServiceClient(conn)) })
}

type healthList struct {
	client
	Group    string   `arg:"" optional:"" help:"Id of the group."`
	Instance []string `placeholder:"ID" help:"The verdicts on these instances, unhealthy or not, instead of those of a group."`
}

// Run lists verdicts.
func (c *healthList) Run(ctx context.Context, on console) error {
	if (c.Group == "") == (len(c.Instance) == 0) {
		return misuse("name a group, or instances with --instance")
	}
	return c.health(func(health healthv1.HealthServiceClient) error {
		listed, err := health.ListVerdicts(ctx, &healthv1.ListVerdictsRequest{GroupId: c.Group, InstanceIds: c.Instance})
		if err != nil {
			return err
		}
		return c.show(on.out, listed, func(w table) {
			for _, zone := range listed.GetSuspectedZones() {
				w.say(fmt.Sprintf("Probes in zone %s do not count since %s (%s): %s.",
					zone.GetZoneId(), stamp(zone.GetSinceTime()), zone.GetReason(), zone.GetMessage()))
			}
			if len(listed.GetVerdicts()) == 0 {
				w.say("No instance is unhealthy.")
				return
			}
			verdictTable(w, listed.GetVerdicts()...)
		})
	})
}

func verdictTable(w table, verdicts ...*healthv1.HealthVerdict) {
	row(w, "INSTANCE", "VERDICT", "SINCE", "REASON", "WHAT WAS SEEN")
	for _, verdict := range verdicts {
		row(w, verdict.GetInstanceId(), word(verdict.GetStatus()), stamp(verdict.GetSinceTime()),
			orDash(verdict.GetReason()), orDash(verdict.GetMessage()))
	}
}

type healthSet struct {
	client
	Instance string `arg:"" help:"Id of the instance."`
	Health   string `arg:"" enum:"healthy,unhealthy" help:"unhealthy, or healthy to take that back."`
	Reason   string `placeholder:"TEXT" help:"Why, for people; at most 256 characters."`
}

// Run sets the health of the instance.
func (c *healthSet) Run(ctx context.Context, on console) error {
	request := &healthv1.SetInstanceHealthRequest{
		InstanceId: c.Instance, Status: healthv1.HealthStatus_HEALTH_STATUS_HEALTHY, Reason: c.Reason,
	}
	if c.Health == "unhealthy" {
		request.Status = healthv1.HealthStatus_HEALTH_STATUS_UNHEALTHY
	}
	return c.health(func(health healthv1.HealthServiceClient) error {
		set, err := health.SetInstanceHealth(ctx, request)
		if err != nil {
			return err
		}
		return c.show(on.out, set, func(w table) { verdictTable(w, set.GetVerdict()) })
	})
}
