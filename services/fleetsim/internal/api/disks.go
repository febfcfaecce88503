package api

import (
	"context"

	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// diskList is the kind of list that page tokens of disks name.
const diskList = "fleet.disks"

// ListDisks implements the contract.
func (f *fleet) ListDisks(ctx context.Context, req *fleetv1.ListDisksRequest) (*fleetv1.ListDisksResponse, error) {
	query := world.DiskQuery{
		AccountID: accountOf(ctx), Instance: instanceNumber(req.GetInstanceId()), OnlyDetached: req.GetOnlyDetached(),
		Limit: rpc.PageSize(req.GetPageSize()),
	}
	last, ok := rpc.DecodePageToken(diskList, req.GetPageToken())
	if after := diskOf(last); last != "" {
		query.After, ok = &after, ok && after != world.DiskID{}
	}
	if !ok {
		return nil, invalidToken("page_token", req.GetPageToken())
	}
	if req.GetInstanceId() != "" && query.Instance == 0 { // no instance has such an id
		return &fleetv1.ListDisksResponse{}, nil
	}
	type page struct {
		disks []world.Disk
		next  *world.DiskID
	}
	found, err := look(ctx, f.Engine, func(w *world.World) page {
		disks, next := w.Disks(query)
		return page{disks, next}
	})
	if err != nil {
		return nil, err
	}
	resp := &fleetv1.ListDisksResponse{}
	for i := range found.disks {
		resp.Disks = append(resp.Disks, toDisk(&found.disks[i]))
	}
	if found.next != nil {
		resp.NextPageToken = rpc.EncodePageToken(diskList, diskID(*found.next))
	}
	return resp, nil
}

// AttachDisk implements the contract.
func (f *fleet) AttachDisk(ctx context.Context, req *fleetv1.AttachDiskRequest) (*fleetv1.AttachDiskResponse, error) {
	disk, err := f.changeDisk(ctx, req.GetDiskId(), world.AttachDisk{
		AccountID: accountOf(ctx), Disk: diskOf(req.GetDiskId()),
		Number: instanceNumber(req.GetInstanceId()), Keep: req.GetKeepAfterRelease(),
	}, req.GetInstanceId())
	if err != nil {
		return nil, err
	}
	return &fleetv1.AttachDiskResponse{Disk: disk}, nil
}

// DetachDisk implements the contract.
func (f *fleet) DetachDisk(ctx context.Context, req *fleetv1.DetachDiskRequest) (*fleetv1.DetachDiskResponse, error) {
	disk, err := f.changeDisk(ctx, req.GetDiskId(), world.DetachDisk{AccountID: accountOf(ctx), Disk: diskOf(req.GetDiskId())})
	if err != nil {
		return nil, err
	}
	return &fleetv1.DetachDiskResponse{Disk: disk}, nil
}

// changeDisk has a command about a disk obeyed and tells the disk after it.
func (f *fleet) changeDisk(ctx context.Context, id string, command world.Command, instanceIDs ...string) (*fleetv1.Disk, error) {
	of := subject{account: accountOf(ctx), instances: instanceIDs, disk: id}
	if _, err := f.Engine.Apply(ctx, command); err != nil {
		return nil, f.refuse(err, of)
	}
	disk, err := look(ctx, f.Engine, func(w *world.World) *world.Disk {
		if disk, ok := w.DiskOf(of.account, diskOf(id)); ok {
			return &disk
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case disk == nil: // gone since
		return nil, f.refuse(&world.DiskNotFoundError{Disk: diskOf(id)}, of)
	default:
		return toDisk(disk), nil
	}
}

// DeleteDisk implements the contract.
func (f *fleet) DeleteDisk(ctx context.Context, req *fleetv1.DeleteDiskRequest) (*fleetv1.DeleteDiskResponse, error) {
	account := accountOf(ctx)
	if _, err := f.Engine.Apply(ctx, world.DeleteDisk{AccountID: account, Disk: diskOf(req.GetDiskId())}); err != nil {
		return nil, f.refuse(err, subject{account: account, disk: req.GetDiskId()})
	}
	return &fleetv1.DeleteDiskResponse{}, nil
}
