package fleetsim_test

import (
	"errors"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/seed-198b1370/muster/pkg/clock"
	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim"
)

// A driven cloud lives in the calls that are made of it and nowhere else.
func TestDriven(t *testing.T) {
	if _, err := fleetsim.New(fleetsim.Config{Driven: true, DataDir: t.TempDir()}, fleetsim.Deps{}); err == nil {
		t.Error("it would keep a data directory")
	}
	now := clock.NewVirtual(origin)
	cloud, err := fleetsim.New(fleetsim.Config{Driven: true, Volatility: new(0.0)}, fleetsim.Deps{Clock: now})
	if err != nil {
		t.Fatal(err)
	}
	validator, err := rpc.NewValidator()
	if err != nil {
		t.Fatal(err)
	}
	conn := rpc.NewDirect(validator, slog.New(slog.DiscardHandler))
	cloud.Register(conn)
	client := fleetv1.NewFleetServiceClient(conn)
	wanted := launch("web", 2)
	if _, err := client.RunInstances(t.Context(), wanted); err != nil {
		t.Fatal(err)
	}
	next, err := cloud.Tick(t.Context())
	if err != nil || !next.After(now.Now()) || next.After(now.Now().Add(time.Minute)) {
		t.Errorf("next is %v, %v", next, err)
	}
	now.Advance(time.Hour)
	listed, err := client.ListInstances(t.Context(), &fleetv1.ListInstancesRequest{})
	if err != nil || len(listed.GetInstances()) != 2 || listed.GetInstances()[0].GetStatus() != fleetv1.InstanceStatus_INSTANCE_STATUS_RUNNING {
		t.Errorf("listed %v, %v", listed, err)
	}
	stream, err := client.WatchInstances(t.Context(), &fleetv1.WatchInstancesRequest{})
	if err != nil {
		t.Fatal(err)
	}
	var told []*fleetv1.InstanceTransition
	for {
		response, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		told = append(told, response.GetTransitions()...)
	}
	if len(told) < 4 {
		t.Errorf("told of %d transitions of two instances that were created and run", len(told))
	}
	if err := cloud.Close(); err != nil {
		t.Error(err)
	}
}
