package fleetsim_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/testing/protocmp"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim"
)

// step moves the cloud's clock on.
func (c *cloud) step(by time.Duration) {
	c.t.Helper()
	c.advance(to(c.now().Add(by)))
}

func (c *cloud) keep(id string) *fleetv1.Snapshot {
	c.t.Helper()
	resp, err := c.simulation.CreateSnapshot(c.t.Context(), &fleetv1.CreateSnapshotRequest{SnapshotId: id})
	if err != nil {
		c.t.Fatal(err)
	}
	return resp.GetSnapshot()
}

func (c *cloud) snapshots() []*fleetv1.Snapshot {
	c.t.Helper()
	resp, err := c.simulation.ListSnapshots(c.t.Context(), &fleetv1.ListSnapshotsRequest{})
	if err != nil {
		c.t.Fatal(err)
	}
	return resp.GetSnapshots()
}

// TestSnapshots_unfinished holds that what a kill left of a snapshot that was
// being written goes with the next.
func TestSnapshots_unfinished(t *testing.T) {
	folder := t.TempDir()
	c := paused(t, fleetsim.Config{DataDir: folder})
	c.keep("a")
	left := filepath.Join(folder, "snapshots", "b.snapshot.tmp")
	if err := os.WriteFile(left, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.keep("c")
	if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what a kill left: %v", err)
	}
	if all := c.snapshots(); len(all) != 2 {
		t.Errorf("snapshots: %v", all)
	}
}

// TestSnapshots_bringTimeBack holds that a restored cloud is as it was, its time
// and what it remembers of requests included, that this outlives the process
// (S6), and that nobody goes on with a cursor of what never was.
func TestSnapshots_bringTimeBack(t *testing.T) {
	for name, folder := range map[string]string{"in memory": "", "on disk": t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			c := paused(t, fleetsim.Config{DataDir: folder})
			ids := c.run(launch("a", 3, withDisks(true)))
			c.step(time.Minute)
			want, _ := c.list(&fleetv1.ListInstancesRequest{})
			at := c.now()
			if kept := c.keep("before"); kept.GetInstances() != 3 || !kept.GetTime().AsTime().Equal(at) || kept.GetSizeBytes() <= 0 {
				t.Errorf("kept %v", kept)
			}
			c.step(time.Hour)
			c.must("FleetService/DeleteInstances", &fleetv1.DeleteInstancesRequest{InstanceIds: ids[:2]})
			c.run(launch("b", 5))
			_, later := c.list(&fleetv1.ListInstancesRequest{})
			open, err := c.fleet.WatchInstances(t.Context(), &fleetv1.WatchInstancesRequest{Cursor: later})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := open.Recv(); err != nil { // a sign of life
				t.Fatal(err)
			}

			c.must("SimulationService/RestoreSnapshot", &fleetv1.RestoreSnapshotRequest{SnapshotId: "before"})
			again, cursor := c.list(&fleetv1.ListInstancesRequest{})
			if diff := cmp.Diff(want, again, protocmp.Transform()); diff != "" || !c.now().Equal(at) {
				t.Errorf("it is %v, not %v: %s", c.now(), at, diff)
			}
			for err == nil {
				_, err = open.Recv()
			}
			refused(t, err, codes.OutOfRange, fleetv1.ErrorReason_ERROR_REASON_CURSOR_COMPACTED)
			stale, err := c.fleet.WatchInstances(t.Context(), &fleetv1.WatchInstancesRequest{Cursor: later})
			if err == nil {
				_, err = stale.Recv()
			}
			refused(t, err, codes.InvalidArgument, fleetv1.ErrorReason_ERROR_REASON_INVALID_TOKEN)
			if others := c.run(launch("b", 5)); len(others) != 5 {
				t.Errorf("a request that never was: %v", others)
			}
			if some, _ := c.watch(cursor, 5, nil); len(some) != 5 {
				t.Errorf("watched %v", some)
			}
			if folder == "" {
				return
			}
			c.stop()
			c = paused(t, fleetsim.Config{DataDir: folder})
			if all, _ := c.list(&fleetv1.ListInstancesRequest{}); len(all) != 8 || len(c.snapshots()) != 1 {
				t.Errorf("after a restart there are %d instances, snapshots %v", len(all), c.snapshots())
			}
		})
	}
}

func TestSnapshots_areReplacedListedAndDeleted(t *testing.T) {
	c := paused(t, fleetsim.Config{DataDir: t.TempDir()})
	for i := range 16 {
		c.keep(fmt.Sprintf("s%02d", i))
	}
	_, err := c.simulation.CreateSnapshot(t.Context(), &fleetv1.CreateSnapshotRequest{SnapshotId: "more"})
	refused(t, err, codes.ResourceExhausted, fleetv1.ErrorReason_ERROR_REASON_LIMIT_EXCEEDED)
	c.run(launch("a", 2))
	if kept := c.keep("s07"); kept.GetInstances() != 2 {
		t.Errorf("replaced by %v", kept)
	}
	for i, kept := range c.snapshots() {
		if want := map[bool]int64{true: 2}[i == 7]; kept.GetSnapshotId() != fmt.Sprintf("s%02d", i) || kept.GetInstances() != want {
			t.Errorf("%d is %v", i, kept)
		}
	}
	for range 2 { // one that is gone is no error
		c.must("SimulationService/DeleteSnapshot", &fleetv1.DeleteSnapshotRequest{SnapshotId: "s00"})
	}
	if left := c.snapshots(); len(left) != 15 {
		t.Errorf("%d are left", len(left))
	}
	_, err = c.simulation.RestoreSnapshot(t.Context(), &fleetv1.RestoreSnapshotRequest{SnapshotId: "s00"})
	refused(t, err, codes.NotFound, fleetv1.ErrorReason_ERROR_REASON_SNAPSHOT_NOT_FOUND)
}

// TestSnapshots_thatDoNotFit holds that a snapshot of another cloud, or what is
// left of one, changes nothing.
func TestSnapshots_thatDoNotFit(t *testing.T) {
	ours, theirs := t.TempDir(), t.TempDir()
	other := paused(t, fleetsim.Config{DataDir: theirs, Seed: 2})
	other.keep("theirs")
	c := paused(t, fleetsim.Config{DataDir: ours, Seed: 1})
	c.keep("ours")
	c.run(launch("a", 1))
	file := func(folder, id string) string { return filepath.Join(folder, "snapshots", id+".snapshot") }
	foreign, errForeign := os.ReadFile(file(theirs, "theirs"))
	own, errOwn := os.ReadFile(file(ours, "ours"))
	if err := errors.Join(errForeign, errOwn); err != nil {
		t.Fatal(err)
	}
	damaged := append([]byte{}, own...)
	damaged[len(damaged)/2] ^= 1
	for id, content := range map[string][]byte{"theirs": foreign, "short": own[:len(own)-1], "damaged": damaged, "empty": nil, "garbage": []byte("garbage")} {
		if err := os.WriteFile(file(ours, id), content, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := c.simulation.RestoreSnapshot(t.Context(), &fleetv1.RestoreSnapshotRequest{SnapshotId: id})
		refused(t, err, codes.FailedPrecondition, fleetv1.ErrorReason_ERROR_REASON_SNAPSHOT_UNUSABLE)
	}
	if all, _ := c.list(&fleetv1.ListInstancesRequest{}); len(all) != 1 {
		t.Errorf("%d instances", len(all))
	}
}
