package groupsvc

import (
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

// S1: a cloud turns a caller away before it looks at the request id, so that to be
// turned away says nothing of a launch whose answer was lost before.
func TestLaunch_turnedAwayAfterLostAnswer(t *testing.T) {
	for name, turnedAway := range map[string]error{
		"throttled": rpc.Error(codes.ResourceExhausted, fleetv1.ErrorReason_ERROR_REASON_THROTTLED, nil, "too often", rpc.RetryAfter(time.Second)),
		"unknown":   status.Error(codes.Unauthenticated, "who is it?"),
		"used":      rpc.Error(codes.InvalidArgument, fleetv1.ErrorReason_ERROR_REASON_IDEMPOTENT_PARAMETER_MISMATCH, nil, "used"),
		"forbidden": status.Error(codes.PermissionDenied, "not now"),
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, "")
			b.cloud.ListDelay = 40 * time.Second // what was launched does not show while this goes on
			answers := map[string][]error{
				"after RunInstances":  {status.Error(codes.Unavailable, "lost")},
				"before RunInstances": {nil, turnedAway},
			}
			b.cloud.Fault = func(point string) error {
				if len(answers[point]) == 0 {
					return nil
				}
				err := answers[point][0]
				answers[point] = answers[point][1:]
				return err
			}
			b.create(in("zone-a", 2))
			b.settled(5 * time.Minute)
			if len(answers["before RunInstances"]) > 0 {
				t.Fatal("the launch was not made again")
			}
			if got := b.cloud.Created(); got != 2 {
				t.Errorf("%d instances were launched for a target of 2", got)
			}
		})
	}
}
