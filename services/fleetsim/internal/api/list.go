package api

import (
	"context"

	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// instanceList is the kind of list that page tokens of instances name.
const instanceList = "fleet.instances"

// ListInstances implements the contract.
func (f *fleet) ListInstances(ctx context.Context, req *fleetv1.ListInstancesRequest) (*fleetv1.ListInstancesResponse, error) {
	after, err := instanceAfter(instanceList, req.GetPageToken())
	if err != nil {
		return nil, err
	}
	query := world.Query{
		AccountID: accountOf(ctx), AllAccounts: req.GetAllAccounts(), Numbers: instanceNumbers(req.GetInstanceIds()), ByNumber: len(req.GetInstanceIds()) > 0,
		Tags: fromTags(req.GetTags()), Pools: selectorOf(req.GetZoneId(), req.GetInstanceType(), req.GetBillingMethod()),
		Family: req.GetFamily(), Statuses: fromStatuses(req.GetStatuses()), Lock: world.Lock(req.GetOperationLock()),
		NamePattern: req.GetInstanceName(), After: after, Limit: rpc.PageSize(req.GetPageSize()),
	}
	type page struct {
		world.Page
		cursor   string
		position int64
		history  string
		total    *int64
	}
	found, err := look(ctx, f.Engine, func(w *world.World) page {
		found := page{w.List(query), cursorOf(f.Engine.FleetID(), w.Sequence()), positionOf(w.Sequence()), historyOf(f.Engine.FleetID()), nil}
		if req.GetCountTotal() {
			if total, known := w.Total(query); known {
				found.total = &total
			}
		}
		return found
	})
	if err != nil {
		return nil, err
	}
	resp := &fleetv1.ListInstancesResponse{
		Cursor: found.cursor, Position: found.position, HistoryId: found.history, NextPageToken: tokenAfter(instanceList, found.Next),
		TotalSize: found.total,
	}
	for i := range found.Listed {
		resp.Instances = append(resp.Instances, f.toListed(&found.Listed[i]))
	}
	return resp, nil
}

// instanceAfter is the number that the page of a token comes after.
func instanceAfter(list, token string) (uint64, error) {
	last, ok := rpc.DecodePageToken(list, token)
	after := instanceNumber(last)
	if !ok || last != "" && after == 0 {
		return 0, invalidToken("page_token", token)
	}
	return after, nil
}

// tokenAfter is the token of the page that comes after a number; none for 0.
func tokenAfter(list string, number uint64) string {
	if number == 0 {
		return ""
	}
	return rpc.EncodePageToken(list, instanceID(number))
}
