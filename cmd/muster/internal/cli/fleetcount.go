package cli

import (
	"context"

	"github.com/seed-198b1370/muster/cmd/muster/internal/cli/value"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

type fleetCount struct {
	client
	kinds
}

// Run counts instances.
func (c *fleetCount) Run(ctx context.Context, on console) error {
	tags, err := value.Tags(c.Tag)
	if err != nil {
		return of("--tag", err)
	}
	return c.fleet(func(fleet fleetv1.FleetServiceClient) error {
		counted, err := fleet.CountInstances(ctx, &fleetv1.CountInstancesRequest{
			Tags: tags, ZoneId: c.Zone, InstanceType: c.Type, BillingMethod: billingMethod(c.Billing),
		})
		if err != nil {
			return err
		}
		if len(counted.GetCounts()) == 0 {
			say(on.err, "no instances match")
		}
		return c.show(on.out, counted, func(w table) { countTable(w, counted.GetCounts()) })
	})
}

func countTable(w table, counts []*fleetv1.InstanceCount) {
	if len(counts) == 0 {
		return
	}
	sum := int64(0)
	row(w, "TYPE", "ZONE", "BILLING", "STATUS", "HEALTH", "NOTICED", "INSTANCES")
	for _, count := range counts {
		sum += count.GetInstances()
		row(w, count.GetInstanceType(), count.GetZoneId(), word(count.GetBillingMethod()), word(count.GetStatus()), word(count.GetHealth()),
			yesOrDash(count.GetNoticed()), count.GetInstances())
	}
	row(w, "all", "", "", "", "", "", sum)
}

type fleetStatus struct {
	client
	limited
	Instance []string `arg:"" optional:"" name:"id" help:"Only these instances, at most 100."`
	Status   []string `placeholder:"STATUS" enum:"pending,starting,running,stopping,stopped" help:"Only instances of these statuses: ${enum}."`
	Health   string   `enum:"ok,impaired,warning,maintaining,initializing,insufficient-data,not-applicable,any" default:"any" help:"Only instances of this health: ${enum}."`
}

// Run lists status, health and system events, page by page.
func (c *fleetStatus) Run(ctx context.Context, on console) error {
	if err := c.check(); err != nil {
		return err
	}
	if err := checkIDs("ID", c.Instance); err != nil {
		return err
	}
	request := &fleetv1.ListInstanceStatusesRequest{
		InstanceIds: c.Instance, Statuses: statuses(c.Status),
		Health: fleetv1.InstanceHealth(fleetv1.InstanceHealth_value["INSTANCE_HEALTH_"+enumName(c.Health)]),
	}
	return c.fleet(func(fleet fleetv1.FleetServiceClient) error {
		all := &fleetv1.ListInstanceStatusesResponse{}
		var err error
		all.NextPageToken, err = c.eachPage(mostPage, func(token string, size int32) (int, string, error) {
			request.PageToken, request.PageSize = token, size
			page, err := fleet.ListInstanceStatuses(ctx, request)
			all.Statuses = append(all.Statuses, page.GetStatuses()...)
			return len(all.Statuses), page.GetNextPageToken(), err
		})
		if err != nil {
			return err
		}
		if len(all.GetStatuses()) == 0 {
			say(on.err, "no instances match")
		}
		return c.show(on.out, all, func(w table) {
			statusTable(w, all.GetStatuses())
			c.more(w, all.GetNextPageToken())
		})
	})
}

func statusTable(w table, statuses []*fleetv1.InstanceFullStatus) {
	if len(statuses) == 0 {
		return
	}
	row(w, "INSTANCE", "STATUS", "HEALTH", "SYSTEM EVENT", "SINCE")
	for _, status := range statuses {
		event, since := "-", "-"
		for i, one := range status.GetSystemEvents() {
			if i > 0 { // the rows of an instance stand together
				row(w, status.GetInstanceId(), word(status.GetStatus()), word(status.GetHealth()), event, since)
			}
			event, since = one.GetEventType(), stamp(one.GetPublishTime())
		}
		row(w, status.GetInstanceId(), word(status.GetStatus()), word(status.GetHealth()), event, since)
	}
}
