package cli

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/seed-198b1370/muster/pkg/money"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

type diskCommand struct {
	List   diskList   `cmd:"" default:"withargs" help:"List disks: those of instances, and kept ones. The default."`
	Attach diskAttach `cmd:"" help:"Attach a disk that is attached to nothing to an instance of its zone."`
	Detach diskDetach `cmd:"" help:"Detach a disk, which then stays until it is deleted."`
	Delete diskDelete `cmd:"" help:"Delete a disk that is attached to nothing."`
}

type diskList struct {
	client
	limited
	Instance string `placeholder:"ID" help:"Only disks attached to this instance."`
	Detached bool   `help:"Only disks that are attached to nothing."`
}

// Run lists disks, page by page.
func (c *diskList) Run(ctx context.Context, on console) error {
	if err := c.check(); err != nil {
		return err
	}
	if c.Detached {
		if err := checkAlone("--detached", given{"--instance", c.Instance != ""}); err != nil {
			return err
		}
	}
	request := &fleetv1.ListDisksRequest{InstanceId: c.Instance, OnlyDetached: c.Detached}
	return c.fleet(func(fleet fleetv1.FleetServiceClient) error {
		all := &fleetv1.ListDisksResponse{}
		var err error
		all.NextPageToken, err = c.eachPage(mostPage, func(token string, size int32) (int, string, error) {
			request.PageToken, request.PageSize = token, size
			page, err := fleet.ListDisks(ctx, request)
			all.Disks = append(all.Disks, page.GetDisks()...)
			return len(all.Disks), page.GetNextPageToken(), err
		})
		if err != nil {
			return err
		}
		if len(all.GetDisks()) == 0 {
			say(on.err, "no disks match")
		}
		return c.showPriced(ctx, fleet, on.out, all, func(w pricedTable) {
			if len(all.GetDisks()) > 0 {
				diskTable(w, all.GetDisks())
			}
			c.more(w.table, all.GetNextPageToken())
		})
	})
}

func diskTable(w pricedTable, disks []*fleetv1.Disk) {
	row(w, "DISK", "CATEGORY", "GIB", "ZONE", "INSTANCE", "SYSTEM", "KEPT", "PRICE/H")
	for _, disk := range disks {
		row(w, disk.GetDiskId(), word(disk.GetCategory()), disk.GetSizeGib(), disk.GetZoneId(), orDash(disk.GetInstanceId()),
			yesOrDash(disk.GetSystem()), yesOrDash(disk.GetKeepAfterRelease()), money.FormatMicros(disk.GetPriceMicrosPerHour()))
	}
	w.sayPrices()
}

// changed is the answer to a change of a disk.
type changed interface {
	proto.Message
	GetDisk() *fleetv1.Disk
}

// changeDisk changes a disk and shows it.
func (c client) changeDisk(ctx context.Context, on console, do func(fleetv1.FleetServiceClient) (changed, error)) error {
	return c.fleet(func(fleet fleetv1.FleetServiceClient) error {
		answer, err := do(fleet)
		if err != nil {
			return err
		}
		return c.showPriced(ctx, fleet, on.out, answer, func(w pricedTable) { diskTable(w, []*fleetv1.Disk{answer.GetDisk()}) })
	})
}

type diskAttach struct {
	client
	Disk     string `arg:"" name:"disk" help:"Id of the disk."`
	Instance string `arg:"" name:"instance" help:"Id of the instance."`
	Keep     bool   `help:"Keep the disk when the instance is released; without it the disk goes with it."`
}

// Run attaches the disk.
func (c *diskAttach) Run(ctx context.Context, on console) error {
	return c.changeDisk(ctx, on, func(fleet fleetv1.FleetServiceClient) (changed, error) {
		return fleet.AttachDisk(ctx, &fleetv1.AttachDiskRequest{DiskId: c.Disk, InstanceId: c.Instance, KeepAfterRelease: c.Keep})
	})
}

type diskDetach struct {
	client
	Disk string `arg:"" name:"disk" help:"Id of the disk."`
}

// Run detaches the disk.
func (c *diskDetach) Run(ctx context.Context, on console) error {
	return c.changeDisk(ctx, on, func(fleet fleetv1.FleetServiceClient) (changed, error) {
		return fleet.DetachDisk(ctx, &fleetv1.DetachDiskRequest{DiskId: c.Disk})
	})
}

type diskDelete struct {
	client
	Disk string `arg:"" name:"disk" help:"Id of the disk. One that is already gone is no error."`
}

// Run deletes the disk.
func (c *diskDelete) Run(ctx context.Context, on console) error {
	return c.fleet(func(fleet fleetv1.FleetServiceClient) error {
		deleted, err := fleet.DeleteDisk(ctx, &fleetv1.DeleteDiskRequest{DiskId: c.Disk})
		if err != nil {
			return err
		}
		return c.show(on.out, deleted, func(w table) { w.say(fmt.Sprintf("Disk %s is deleted.", c.Disk)) })
	})
}
