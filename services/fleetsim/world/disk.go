package world

import "slices"

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

// disk prices are estimates of public list prices per month, in micro-units of
// the currency per GiB and hour.
func diskPrice(category DiskCategory, sizeGiB int32) int64 {
	perGiB := map[DiskCategory]int64{DiskCloud: 417, DiskCloudEfficiency: 486, DiskCloudSSD: 1_389, DiskCloudESSD: 1_389}
	return perGiB[category] * int64(sizeGiB)
}

// A DiskSet is the disks that an instance was created with and still has.
// Instances of one launch share one, as long as they keep all of them.
type DiskSet struct {
	disks []HeldDisk
	// from is the second from which on they are not charged for yet.
	from int64
	// base is what the instance was charged for disks before, in micro-units of
	// the currency per hour times seconds.
	base int64
}

// fromCreation stands for the creation of the instance.
const fromCreation = -1 << 63

// A HeldDisk is a disk of a [DiskSet].
type HeldDisk struct {
	// Place is its place among the disks that its instance was created with.
	Place uint8
	// Category is its kind.
	Category DiskCategory
	// SizeGiB is its size.
	SizeGiB int32
	// Keep is true to keep it when its instance is released.
	Keep bool
	// System is true for the disk that the instance boots from.
	System bool
}

// price is what the disks cost, in micro-units of the currency per hour.
func (s *DiskSet) price() (sum int64) {
	if s == nil {
		return 0
	}
	for _, disk := range s.disks {
		sum += diskPrice(disk.Category, disk.SizeGiB)
	}
	return sum
}

// unsettledDisks is what disks of an instance have cost since they were charged
// for last, in micro-units of the currency per hour times seconds.
func (w *World) unsettledDisks(i *Instance) int64 {
	if i.Disks == nil {
		return 0
	}
	from := i.Disks.from
	if from == fromCreation {
		from = w.secondOf(i.Created)
	}
	return i.Disks.price() * (w.second() - from)
}

// diskCharge is what disks of an instance have cost in all.
func (w *World) diskCharge(i *Instance) int64 {
	if i.Disks == nil {
		return 0
	}
	return i.Disks.base + w.unsettledDisks(i)
}

// settleDisks charges an instance for its disks up to now.
func (w *World) settleDisks(i *Instance) {
	if i.Disks == nil {
		return
	}
	due := w.unsettledDisks(i)
	i.Disks = &DiskSet{disks: i.Disks.disks, from: w.second(), base: i.Disks.base + due}
	w.accounts[i.Account.id].closeDisks(w, i, due)
}

// looseDisk is a disk that has left the instance that it was created with.
type looseDisk struct {
	Disk
	from int64 // the second from which on it is not charged for yet
}

// diskTable is the disks that are not in the set of an instance.
type diskTable struct {
	loose    map[DiskID]*looseDisk
	attached map[uint64][]DiskID   // by instance, in order of attachment
	numbers  map[string]*numberSet // by account: the numbers in ids of loose disks
}

func newDiskTable() diskTable {
	return diskTable{loose: map[DiskID]*looseDisk{}, attached: map[uint64][]DiskID{}, numbers: map[string]*numberSet{}}
}

func (t *diskTable) add(disk *looseDisk) {
	t.loose[disk.ID] = disk
	numbers, ok := t.numbers[disk.AccountID]
	if !ok {
		numbers = &numberSet{}
		t.numbers[disk.AccountID] = numbers
	}
	numbers.add(disk.ID.Number)
	if disk.Instance != 0 {
		t.attached[disk.Instance] = append(t.attached[disk.Instance], disk.ID)
	}
}

func (t *diskTable) detach(disk *looseDisk) {
	rest := slices.DeleteFunc(t.attached[disk.Instance], func(id DiskID) bool { return id == disk.ID })
	if t.attached[disk.Instance] = rest; len(rest) == 0 {
		delete(t.attached, disk.Instance)
	}
	disk.Instance = 0
}

// remove ends a disk that is attached to nothing.
func (w *World) removeDisk(disk *looseDisk) {
	owner := w.accounts[disk.AccountID]
	owner.closed.disks.add(disk.PriceMicros * (w.second() - disk.from))
	w.runDisks(owner, -disk.PriceMicros)
	delete(w.disks.loose, disk.ID)
	for place := range uint8(MaxDisks) {
		if _, ok := w.disks.loose[DiskID{disk.ID.Number, place}]; ok {
			return
		}
	}
	w.disks.numbers[disk.AccountID].remove(disk.ID.Number)
}

// looseCharges is what an account's loose disks owe, and what they cost now.
func (w *World) looseCharges(accountID string) (owed totals, price int64) {
	numbers, ok := w.disks.numbers[accountID]
	if !ok {
		return totals{}, 0
	}
	numbers.after(0, func(number uint64) bool {
		for place := range uint8(MaxDisks) {
			if disk, ok := w.disks.loose[DiskID{number, place}]; ok {
				owed.disks.add(disk.PriceMicros * (w.second() - disk.from))
				price += disk.PriceMicros
			}
		}
		return true
	})
	return owed, price
}

// keepDisks sees to the disks of an instance that is being released: those to
// keep become loose, the others end.
func (w *World) keepDisks(i *Instance) {
	for _, id := range slices.Clone(w.disks.attached[i.Number]) {
		disk := w.disks.loose[id]
		w.disks.detach(disk)
		if !disk.Keep {
			w.removeDisk(disk)
		}
	}
	if i.Disks == nil {
		return
	}
	w.settleDisks(i)
	for _, held := range i.Disks.disks {
		disk := w.diskOf(i, held)
		if !held.Keep {
			w.runDisks(w.accounts[i.Account.id], -disk.PriceMicros)
			continue
		}
		disk.Instance, disk.System = 0, false
		w.disks.add(&looseDisk{disk, w.second()})
	}
}

// diskOf is a disk of an instance's set as it is shown.
func (w *World) diskOf(i *Instance, held HeldDisk) Disk {
	return Disk{
		ID: DiskID{i.Number, held.Place}, AccountID: i.Account.id, ZoneID: w.catalog.Offers()[i.Offer].ZoneID,
		Category: held.Category, SizeGiB: held.SizeGiB, Keep: held.Keep, System: held.System,
		Instance: i.Number, Created: i.Created, PriceMicros: diskPrice(held.Category, held.SizeGiB),
	}
}

// DisksOf tells the disks of an instance, the system disk first, then in order
// of attachment.
func (w *World) DisksOf(i *Instance) []Disk {
	var disks []Disk
	if i.Disks != nil {
		for _, held := range i.Disks.disks {
			disks = append(disks, w.diskOf(i, held))
		}
	}
	for _, id := range w.disks.attached[i.Number] {
		disks = append(disks, w.disks.loose[id].Disk)
	}
	return disks
}

// DiskOf tells about one disk of an account.
func (w *World) DiskOf(accountID string, id DiskID) (Disk, bool) {
	if disk, ok := w.disks.loose[id]; ok {
		return disk.Disk, disk.AccountID == accountID
	}
	i, ok := w.live(accountID, id.Number)
	if !ok || i.Disks == nil {
		return Disk{}, false
	}
	for _, held := range i.Disks.disks {
		if held.Place == id.Place {
			return w.diskOf(i, held), true
		}
	}
	return Disk{}, false
}
