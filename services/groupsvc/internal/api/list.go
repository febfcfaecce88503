package api

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/seed-198b1370/muster/pkg/rpc"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
)

const (
	// readAtOnce is how many groups are read at a time in search of those that a
	// filtered list has.
	readAtOnce = 250
	// mostRead bounds how many are read for one page. A page can be shorter than
	// asked for, and empty, while there are more.
	mostRead = 2000
)

// ListGroups implements GroupService.
func (h *Handler) ListGroups(ctx context.Context, req *groupv1.ListGroupsRequest) (*groupv1.ListGroupsResponse, error) {
	resp, err := h.listGroups(ctx, req)
	if err == nil && len(resp.GetGroups()) == 0 && resp.GetNextPageToken() == "" {
		err = h.orNoAccount(ctx, nil)
	}
	if err != nil {
		return nil, err
	}
	return resp, nil
}

func (h *Handler) listGroups(ctx context.Context, req *groupv1.ListGroupsRequest) (*groupv1.ListGroupsResponse, error) {
	const list = "groups"
	after, ok := rpc.DecodePageToken(list, req.GetPageToken())
	if !ok {
		return nil, invalidToken(req.GetPageToken())
	}
	size := rpc.PageSize(req.GetPageSize())
	atOnce := size + 1 // one more than asked for tells whether there is another page
	if isFiltered(req) {
		atOnce = readAtOnce
	}
	resp := &groupv1.ListGroupsResponse{}
	for read := 0; ; {
		records, err := h.recordsAfter(ctx, after, atOnce, req)
		if err != nil {
			return nil, err
		}
		for _, record := range records {
			id := record.Group.GetGroup().GetGroupId()
			switch {
			case !isListed(record.Group.GetGroup(), req):
			case len(resp.GetGroups()) == size: // there is another page
				resp.NextPageToken = rpc.EncodePageToken(list, resp.GetGroups()[size-1].GetGroupId())
				return resp, nil
			default:
				resp.Groups = append(resp.Groups, show(record))
			}
			after = id
		}
		if read += len(records); len(records) < atOnce || len(req.GetGroupIds()) > 0 {
			return resp, nil
		}
		if read >= mostRead {
			resp.NextPageToken = rpc.EncodePageToken(list, after)
			return resp, nil
		}
	}
}

// recordsAfter reads the next groups that a list may have, in order: those that
// it names, or any.
func (h *Handler) recordsAfter(ctx context.Context, after string, limit int, req *groupv1.ListGroupsRequest) ([]store.Record, error) {
	if len(req.GetGroupIds()) == 0 {
		records, err := h.Store.List(ctx, rpc.AccountOf(ctx), after, limit, req.GetShowDeleted())
		if err != nil {
			return nil, fmt.Errorf("list groups: %w", err)
		}
		return records, nil
	}
	var records []store.Record
	for _, id := range slices.Sorted(slices.Values(req.GetGroupIds())) {
		if id <= after {
			continue
		}
		record, err := h.Store.Get(ctx, keyOf(ctx, id))
		switch {
		case errors.Is(err, store.ErrNotFound):
		case err != nil:
			return nil, fmt.Errorf("read group: %w", err)
		default:
			records = append(records, record)
		}
	}
	return records, nil
}

// isFiltered tells whether a list leaves out groups that are there.
func isFiltered(req *groupv1.ListGroupsRequest) bool {
	return req.GetName() != "" || len(req.GetTypes()) > 0 || len(req.GetLifecycles()) > 0 || len(req.GetTags()) > 0
}

// isListed tells whether a list has a group.
func isListed(group *groupv1.Group, req *groupv1.ListGroupsRequest) bool {
	spec := group.GetSpec()
	for key, value := range req.GetTags() {
		if has, ok := spec.GetTags()[key]; !ok || has != value {
			return false
		}
	}
	return (req.GetShowDeleted() || group.GetLifecycle() != groupv1.Lifecycle_LIFECYCLE_DELETED) &&
		(req.GetName() == "" || req.GetName() == spec.GetName()) &&
		anyOf(req.GetTypes(), spec.GetType()) && anyOf(req.GetLifecycles(), group.GetLifecycle())
}

// anyOf tells whether a value is among those asked for; none asks for all.
func anyOf[T comparable](asked []T, value T) bool {
	return len(asked) == 0 || slices.Contains(asked, value)
}
