package api

import (
	"context"

	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// statusList is the kind of list that page tokens of statuses name.
const statusList = "fleet.instance_statuses"

// System events, as the cloud words them.
const (
	eventInstanceFailure = "InstanceFailure.Reboot"
	eventSystemFailure   = "SystemFailure.Reboot"
	eventUnbalanced      = "AccountUnbalanced.Stop"
)

// ListInstanceStatuses implements the contract.
func (f *fleet) ListInstanceStatuses(ctx context.Context, req *fleetv1.ListInstanceStatusesRequest) (*fleetv1.ListInstanceStatusesResponse, error) {
	after, err := instanceAfter(statusList, req.GetPageToken())
	if err != nil {
		return nil, err
	}
	query := world.Query{
		AccountID: accountOf(ctx), Numbers: instanceNumbers(req.GetInstanceIds()), ByNumber: len(req.GetInstanceIds()) > 0,
		Statuses: fromStatuses(req.GetStatuses()), Health: world.Health(req.GetHealth()),
		After: after, Limit: rpc.PageSize(req.GetPageSize()),
	}
	type page struct {
		world.Page
		facts *world.Facts
	}
	found, err := look(ctx, f.Engine, func(w *world.World) page { return page{w.List(query), w.Facts()} })
	if err != nil {
		return nil, err
	}
	resp := &fleetv1.ListInstanceStatusesResponse{NextPageToken: tokenAfter(statusList, found.Next)}
	outages := outagesOf(found.facts)
	for i := range found.Listed {
		instance := &found.Listed[i].Instance
		outage := outages[f.Catalog.Offers()[instance.Offer].ZoneID]
		resp.Statuses = append(resp.Statuses, &fleetv1.InstanceFullStatus{
			InstanceId: instanceID(instance.Number), Status: fleetv1.InstanceStatus(instance.Status),
			Health: fleetv1.InstanceHealth(instance.Health), SystemEvents: eventsOf(instance, outage),
		})
	}
	return resp, nil
}

// outagesOf tells since when zones are out, by zone.
func outagesOf(facts *world.Facts) map[string]world.Instant {
	outages := map[string]world.Instant{}
	for i := range facts.Faults {
		e, ok := facts.Faults[i].Effect.(world.ZoneOutage)
		if since, known := outages[e.ZoneID]; ok && (!known || facts.Faults[i].From < since) {
			outages[e.ZoneID] = facts.Faults[i].From
		}
	}
	return outages
}

// eventsOf is the system events of an instance whose zone is out since a time; 0
// when it is not. What has no time of its own has none here: a hang or a lock
// leaves no trace of its beginning in the instance.
func eventsOf(i *world.Instance, outage world.Instant) []*fleetv1.SystemEvent {
	var events []*fleetv1.SystemEvent
	add := func(eventType string, since world.Instant) {
		events = append(events, &fleetv1.SystemEvent{EventType: eventType, PublishTime: toTime(since)})
	}
	switch {
	case i.Status == world.Running && outage != 0:
		add(eventSystemFailure, max(outage, i.Since))
	case i.Health == world.HealthImpaired || i.Health == world.HealthInsufficientData:
		add(eventInstanceFailure, 0)
	case i.Status == world.Stopped && i.Why == world.ReasonFailure:
		add(eventInstanceFailure, i.Since)
	}
	if i.FinancialLock {
		since := world.Instant(0)
		if i.Why == world.ReasonOverdue {
			since = i.Since
		}
		add(eventUnbalanced, since)
	}
	return events
}
