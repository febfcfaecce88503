package cli

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"strings"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

type snapshotCommand struct {
	Create  snapshotCreate  `cmd:"" help:"Keep the state as of now under a name; a snapshot of the same name is replaced. At most 16 are kept."`
	List    snapshotList    `cmd:"" help:"List snapshots."`
	Restore snapshotRestore `cmd:"" help:"Put the state of a snapshot in place of the present one, its time included."`
	Delete  snapshotDelete  `cmd:"" help:"Delete a snapshot. One that is already gone is no error."`
}

// named is what commands about one snapshot have in common.
type named struct {
	client
	Snapshot string `arg:"" name:"name" help:"Name of the snapshot: 1 to 64 of A-Z a-z 0-9 _ -."`
}

// snapshotName is what the name of a snapshot looks like.
var snapshotName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

func (c *named) check() error {
	if !snapshotName.MatchString(c.Snapshot) {
		return misuse("NAME must be 1 to 64 of A-Z a-z 0-9 _ -, got %q", c.Snapshot)
	}
	return nil
}

func snapshotTable(w table, snapshots ...*fleetv1.Snapshot) {
	if len(snapshots) == 0 {
		return
	}
	row(w, "SNAPSHOT", "TIME", "INSTANCES", "SIZE/KIB")
	for _, snapshot := range snapshots {
		const kib = 1 << 10
		row(w, snapshot.GetSnapshotId(), stamp(snapshot.GetTime()), snapshot.GetInstances(), (snapshot.GetSizeBytes()+kib-1)/kib)
	}
}

type snapshotCreate struct{ named }

// Run makes the snapshot.
func (c *snapshotCreate) Run(ctx context.Context, on console) error {
	if err := c.check(); err != nil {
		return err
	}
	return c.simulation(func(simulation fleetv1.SimulationServiceClient) error {
		created, err := simulation.CreateSnapshot(ctx, &fleetv1.CreateSnapshotRequest{SnapshotId: c.Snapshot})
		if err != nil {
			return err
		}
		return c.show(on.out, created, func(w table) { snapshotTable(w, created.GetSnapshot()) })
	})
}

type snapshotList struct{ client }

// Run lists the snapshots.
func (c *snapshotList) Run(ctx context.Context, on console) error {
	return c.simulation(func(simulation fleetv1.SimulationServiceClient) error {
		listed, err := simulation.ListSnapshots(ctx, &fleetv1.ListSnapshotsRequest{})
		if err != nil {
			return err
		}
		if len(listed.GetSnapshots()) == 0 {
			say(on.err, "there are no snapshots")
		}
		return c.show(on.out, listed, func(w table) { snapshotTable(w, listed.GetSnapshots()...) })
	})
}

type snapshotRestore struct{ named }

// Run restores the snapshot.
func (c *snapshotRestore) Run(ctx context.Context, on console) error {
	if err := c.check(); err != nil {
		return err
	}
	return c.simulation(func(simulation fleetv1.SimulationServiceClient) error {
		restored, err := simulation.RestoreSnapshot(ctx, &fleetv1.RestoreSnapshotRequest{SnapshotId: c.Snapshot})
		if err != nil {
			return err
		}
		return c.show(on.out, restored, func(w table) {
			w.say(fmt.Sprintf("The cloud is as it was; it is %s again.", stamp(restored.GetSnapshot().GetTime())))
		})
	})
}

type snapshotDelete struct{ named }

// Run deletes the snapshot.
func (c *snapshotDelete) Run(ctx context.Context, on console) error {
	if err := c.check(); err != nil {
		return err
	}
	return c.simulation(func(simulation fleetv1.SimulationServiceClient) error {
		deleted, err := simulation.DeleteSnapshot(ctx, &fleetv1.DeleteSnapshotRequest{SnapshotId: c.Snapshot})
		if err != nil {
			return err
		}
		return c.show(on.out, deleted, func(w table) { w.say(fmt.Sprintf("Snapshot %s is deleted.", c.Snapshot)) })
	})
}

type fleetScenario struct{ client }

// Run shows the scenario as it was given.
func (c *fleetScenario) Run(ctx context.Context, on console) error {
	return c.simulation(func(simulation fleetv1.SimulationServiceClient) error {
		got, err := simulation.GetScenario(ctx, &fleetv1.GetScenarioRequest{})
		if err != nil {
			return err
		}
		if c.Output == "json" {
			return writeJSON(on.out, got)
		}
		say(on.err, "muster: the cloud began at "+stamp(got.GetStartTime()))
		if got.GetYaml() == "" {
			say(on.err, "muster: it was begun without a scenario")
			return nil
		}
		_, err = io.WriteString(on.out, strings.TrimSuffix(got.GetYaml(), "\n")+"\n")
		return err
	})
}
