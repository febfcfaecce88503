package cli

import (
	"context"
	"fmt"
	"strings"

	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

// groupPrefix begins the id of a group.
const groupPrefix = "apg-"

// namedGroup is what commands about one group have in common.
type namedGroup struct {
	client
	Group string `arg:"" field:"group_id" help:"Id of the group, or its name if only one has it."`
}

// on runs a function with the group service and the id of the group.
func (c namedGroup) on(ctx context.Context, do func(groups groupv1.GroupServiceClient, fleet regions, id string) error) error {
	return c.groups(func(groups groupv1.GroupServiceClient, fleet regions) error {
		id, err := groupID(ctx, groups, c.Group)
		if err != nil {
			return err
		}
		return do(groups, fleet, id)
	})
}

// groupID is the id of the group that a user names by id or by name. No group is
// taken for another: ids win, and a name that several have names none.
func groupID(ctx context.Context, groups groupv1.GroupServiceClient, named string) (string, error) {
	if named == "" || strings.HasPrefix(named, groupPrefix) {
		return named, nil
	}
	var found []string
	for request := (&groupv1.ListGroupsRequest{Name: named}); ; {
		page, err := groups.ListGroups(ctx, request)
		if err != nil {
			return "", err
		}
		for _, group := range page.GetGroups() {
			found = append(found, group.GetGroupId())
		}
		if request.PageToken = page.GetNextPageToken(); request.PageToken == "" || len(found) > 1 {
			break
		}
	}
	switch len(found) {
	case 0:
		return "", fmt.Errorf("there is no group called %q; see: muster group list", named)
	case 1:
		return found[0], nil
	default:
		return "", fmt.Errorf("more than one group is called %q: name one by its id, such as %s or %s", named, found[0], found[1])
	}
}
