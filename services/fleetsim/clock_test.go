package fleetsim_test

import (
	"encoding/base64"
	"encoding/binary"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim"
)

// cursorAt makes a cursor of the same fleet at another position.
func cursorAt(t *testing.T, cursor string, position int) string {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		t.Fatal(err)
	}
	binary.BigEndian.PutUint64(raw[len(raw)-8:], uint64(position))
	return base64.RawURLEncoding.EncodeToString(raw)
}

// decode tells the position of a cursor.
func decode(t *testing.T, cursor string) int {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		t.Fatal(err)
	}
	return int(binary.BigEndian.Uint64(raw[len(raw)-8:]))
}

func TestClock_followsItsSpeed(t *testing.T) {
	c := start(t, fleetsim.Config{Volatility: still(), Origin: origin, Speed: 0.001}, true)
	stream, err := c.simulation.WatchClock(t.Context(), &fleetv1.WatchClockRequest{})
	if err != nil {
		t.Fatal(err)
	}
	first, err := stream.Recv()
	if err != nil || first.GetSpeed() != 0.001 || first.GetTime().AsTime().Before(origin) || first.GetTime().AsTime().After(origin.Add(time.Second)) {
		t.Fatalf("%v, %v", first, err)
	}
	ids := c.run(launch("a", 1))
	if _, err := c.simulation.SetClockSpeed(t.Context(), &fleetv1.SetClockSpeedRequest{Speed: 100_000}); err != nil {
		t.Fatal(err)
	}
	// The change is told at once, not after two seconds at the old speed, and
	// the engine wakes for it.
	if second, err := stream.Recv(); err != nil || second.GetSpeed() != 100_000 {
		t.Errorf("%v, %v", second, err)
	}
	transitions, _ := c.watch("", 3, nil)
	if transitions[2].GetKind() != fleetv1.TransitionKind_TRANSITION_KIND_RUNNING || transitions[2].GetInstance().GetInstanceId() != ids[0] {
		t.Errorf("got %v", transitions[2])
	}
	if got, err := c.simulation.GetClock(t.Context(), &fleetv1.GetClockRequest{}); err != nil || got.GetSpeed() != 100_000 || c.Clock().Speed() != 100_000 {
		t.Errorf("%v, %v", got, err)
	}
}

func TestClock_thatWasGivenKeepsItsSpeed(t *testing.T) {
	c := start(t, fleetsim.Config{Volatility: still()}, false)
	if c.Clock() != nil {
		t.Error("the service has a clock of its own beside the given one")
	}
	if got, err := c.simulation.GetClock(t.Context(), &fleetv1.GetClockRequest{}); err != nil || !got.GetTime().AsTime().Equal(origin) || got.GetSpeed() != 1 {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := c.simulation.SetClockSpeed(t.Context(), &fleetv1.SetClockSpeedRequest{Speed: 2}); status.Code(err) != codes.FailedPrecondition {
		t.Errorf("got %v", err)
	}
}
