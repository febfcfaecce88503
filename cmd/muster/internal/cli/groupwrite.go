package cli

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

// A token makes a call idempotent.
type token struct {
	id   string
	made bool // by this command: nobody else knows it
}

// tokenBytes is how many random bytes a token is made of.
const tokenBytes = 12

// tokenOf is the client token of a call: that of the flag, else that of the
// file, else one that is made for it.
func tokenOf(flag, inFile string) (token, error) {
	switch {
	case flag != "":
		return token{id: flag}, checkRequestID(flag)
	case inFile != "":
		return token{id: inFile}, nil
	default:
		random := make([]byte, tokenBytes)
		_, _ = rand.Read(random) // never fails
		return token{id: "cli-" + hex.EncodeToString(random), made: true}, nil
	}
}

// failed adds to the error of a call how to repeat it, when it may have been
// carried out nevertheless and its token is not known.
func (t token) failed(err error) error { return t.failedWith("--request-id", err) }

// failedWith is failed for a call whose token has another flag.
func (t token) failedWith(flag string, err error) error {
	if err == nil || !t.made || !isPassing(err) && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return &repeatableError{flag: flag + " " + t.id, cause: err}
}

type groupCreate struct {
	client
	groupSource
	DryRun    bool   `help:"Tell what it would launch now, and why, and create nothing."`
	RequestID string `name:"request-id" field:"request_id" placeholder:"ID" help:"Client token; wins over the file's. Without either one is made."`
}

// Run creates the group.
func (c *groupCreate) Run(ctx context.Context, on console) error {
	file, err := c.read(on)
	if err != nil {
		return err
	}
	if c.DryRun {
		if err := c.put(ctx, c.client, file.request.GetSpec()); err != nil {
			return err
		}
		asked := preview{client: c.client, request: &groupv1.PreviewGroupRequest{Spec: file.request.GetSpec()}, locate: file.locate, most: mostPassedOver}
		return asked.run(ctx, on)
	}
	token, err := tokenOf(c.RequestID, file.request.GetRequestId())
	if err != nil {
		return err
	}
	file.request.RequestId = token.id
	if err := c.put(ctx, c.client, file.request.GetSpec()); err != nil {
		return err
	}
	return c.groups(func(groups groupv1.GroupServiceClient, fleet regions) error {
		created, err := groups.CreateGroup(ctx, file.request)
		if err != nil {
			return token.failed(file.locate(err))
		}
		if err := token.usedUp(created.GetGroup()); err != nil {
			return err
		}
		return c.showPriced(ctx, fleet, on.out, created, func(w pricedTable) { createdTable(w, created) })
	})
}

// usedUp tells of a group that answers a token and is gone: whoever creates a
// group wants one that lives.
func (t token) usedUp(group *groupv1.Group) error {
	var gone string
	switch group.GetLifecycle() {
	case groupv1.Lifecycle_LIFECYCLE_DELETED:
		gone = "is deleted"
	case groupv1.Lifecycle_LIFECYCLE_DELETE_RUNNING:
		gone = "is being deleted"
	default:
		return nil
	}
	return fmt.Errorf("request id %q was used for %s, which %s; choose another with --request-id", t.id, group.GetGroupId(), gone)
}

// createdTable writes a new group and, for one that was delivered at once, what
// came of it.
func createdTable(w pricedTable, created *groupv1.CreateGroupResponse) {
	group := created.GetGroup()
	groupTable(w, group)
	if len(created.GetLaunchResults()) > 0 {
		row(w)
		launchTable(w, group.GetSpec(), created.GetLaunchResults())
	}
	if group.GetSpec().GetType() != groupv1.GroupType_GROUP_TYPE_INSTANT {
		return // delivery has only begun
	}
	for _, condition := range group.GetConditions() {
		if condition.GetType() == groupv1.ConditionType_CONDITION_TYPE_FULFILLED && !condition.GetHolds() {
			row(w)
			w.say("The target is not met: " + condition.GetMessage())
		}
	}
}

// enumName writes a word of the command line as an enum value spells it.
func enumName(word string) string { return strings.ToUpper(strings.ReplaceAll(word, "-", "_")) }
