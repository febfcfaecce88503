package world

// MaxDisks is how many disks an instance can have, its system disk included.
const MaxDisks = 17

// A DiskCategory is a kind of disk. The numbers are those of the fleet's
// contract.
type DiskCategory uint8

// The categories.
const (
	// DiskCloud is the basic disk.
	DiskCloud DiskCategory = 1
	// DiskCloudEfficiency is the ultra disk.
	DiskCloudEfficiency DiskCategory = 2
	// DiskCloudSSD is the standard SSD.
	DiskCloudSSD DiskCategory = 3
	// DiskCloudESSD is the enterprise SSD.
	DiskCloudESSD DiskCategory = 4
)

// A DiskRequest is a disk that a launch asks for.
type DiskRequest struct {
	// Categories is what would do, best first.
	Categories []DiskCategory
	// SizeGiB is the size.
	SizeGiB int32
	// Keep is true to keep the disk when its instance is released.
	Keep bool
	// System is true for the disk that the instance boots from.
	System bool
}

// A DiskID names a disk: by the instance that it was created with, and its
// place among the disks of that.
type DiskID struct {
	// Number is the instance.
	Number uint64
	// Place is the place, from 0.
	Place uint8
}

// A Disk is a disk.
type Disk struct {
	// ID names it.
	ID DiskID
	// AccountID is the owner.
	AccountID string
	// ZoneID is where it is.
	ZoneID string
	// Category is its kind.
	Category DiskCategory
	// SizeGiB is its size.
	SizeGiB int32
	// Keep is true when it stays when its instance is released.
	Keep bool
	// System is true for the disk that its instance boots from.
	System bool
	// Instance is the number of the instance that it is attached to; 0 for none.
	Instance uint64
	// Created is when it was created.
	Created Instant
	// PriceMicros is what it costs, in micro-units of the currency per hour.
	PriceMicros int64
}

// A DiskQuery says which disks to list. All that it gives must match.
type DiskQuery struct {
	// AccountID is the owner.
	AccountID string
	// Instance is the instance that they are attached to; 0 for any or none.
	Instance uint64
	// OnlyDetached is true for those that are attached to nothing.
	OnlyDetached bool
	// After is the disk that the listed ones come after, by number, then place;
	// the zero value for the first page.
	After *DiskID
	// Limit is at most how many.
	Limit int
}

// Disks lists disks in order of their ids. The place to go on from is nil when
// there are no more; a page can be short of its limit all the same.
func (w *World) Disks(q DiskQuery) (page []Disk, next *DiskID) { return nil, nil }

// DiskOf tells about one disk of an account.
func (w *World) DiskOf(accountID string, id DiskID) (Disk, bool) { return Disk{}, false }

// DisksOf tells the disks of an instance, the system disk first.
func (w *World) DisksOf(i *Instance) []Disk { return nil }
