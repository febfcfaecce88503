package system

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

// Transitions reads the fleet's own record of a group's instances, from the
// oldest transition that it keeps to now.
func (s *System) Transitions(t testing.TB, groupID string) []*fleetv1.InstanceTransition {
	t.Helper()
	// The cursor of a list that is made now tells where to stop.
	end, err := s.Fleet.ListInstances(context.Background(), &fleetv1.ListInstancesRequest{PageSize: 1})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	watch, err := s.Fleet.WatchInstances(ctx, &fleetv1.WatchInstancesRequest{Tags: map[string]string{GroupTag: groupID}})
	if err != nil {
		t.Fatal(err)
	}
	var all []*fleetv1.InstanceTransition
	for {
		next, err := watch.Recv()
		if errors.Is(err, io.EOF) || status.Code(err) == codes.DeadlineExceeded {
			t.Fatalf("the watch ended before it reached cursor %q: %v", end.GetCursor(), err)
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, next.GetTransitions()...)
		if reached(t, next.GetCursor(), end.GetCursor()) {
			return all
		}
	}
}

// reached compares cursors. Clients must not look into them; a test of the
// simulator that made them may rely on what they decode to being ordered.
func reached(t testing.TB, cursor, end string) bool {
	t.Helper()
	at, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		t.Fatal(err)
	}
	last, err := base64.RawURLEncoding.DecodeString(end)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Compare(at, last) >= 0
}
