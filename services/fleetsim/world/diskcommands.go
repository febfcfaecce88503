package world

import "slices"

func (w *World) attachDisk(c AttachDisk) (Answer, error) {
	if _, ok := w.DiskOf(c.AccountID, c.Disk); !ok {
		return Answer{}, &DiskNotFoundError{Disk: c.Disk}
	}
	i, ok := w.live(c.AccountID, c.Number)
	if !ok {
		return Answer{}, &NotFoundError{}
	}
	disk, loose := w.disks.loose[c.Disk]
	switch {
	case !loose || disk.Instance != 0 && disk.Instance != c.Number:
		return Answer{}, &DiskStatusError{Disk: c.Disk, Why: "is attached already"}
	case disk.ZoneID != w.catalog.Offers()[i.Offer].ZoneID:
		return Answer{}, &DiskStatusError{Disk: c.Disk, Why: "is in zone " + disk.ZoneID + ", the instance is not"}
	case disk.Instance == c.Number && disk.Keep == c.Keep:
		return Answer{}, nil
	case disk.Instance == 0 && len(w.DisksOf(i)) >= MaxDisks:
		return Answer{}, &LimitError{What: "disks of the instance", Limit: MaxDisks}
	}
	if disk.Instance == 0 {
		disk.Instance = c.Number
		w.disks.attached[c.Number] = append(w.disks.attached[c.Number], c.Disk)
	}
	disk.Keep = c.Keep
	w.record(i, KindUpdated, ReasonRequested)
	return Answer{Changed: true}, nil
}

func (w *World) detachDisk(c DetachDisk) (Answer, error) {
	shown, ok := w.DiskOf(c.AccountID, c.Disk)
	switch {
	case !ok:
		return Answer{}, &DiskNotFoundError{Disk: c.Disk}
	case shown.System:
		return Answer{}, &DiskStatusError{Disk: c.Disk, Why: "is the system disk of its instance"}
	case shown.Instance == 0:
		return Answer{}, nil
	}
	i := w.instances.at(shown.Instance)
	if disk, loose := w.disks.loose[c.Disk]; loose {
		w.disks.detach(disk)
	} else {
		w.settleDisks(i)
		i.Disks.disks = slices.DeleteFunc(slices.Clone(i.Disks.disks), func(held HeldDisk) bool { return held.Place == c.Disk.Place })
		shown.Instance = 0
		w.disks.add(&looseDisk{shown, w.second()})
	}
	w.record(i, KindUpdated, ReasonRequested)
	return Answer{Changed: true}, nil
}

func (w *World) deleteDisk(c DeleteDisk) (Answer, error) {
	shown, ok := w.DiskOf(c.AccountID, c.Disk)
	switch {
	case !ok:
		return Answer{}, nil
	case shown.Instance != 0:
		return Answer{}, &DiskStatusError{Disk: c.Disk, Why: "is attached"}
	}
	w.removeDisk(w.disks.loose[c.Disk])
	return Answer{Changed: true}, nil
}

// Disks lists disks in order of their ids. The place to go on after is nil when
// there are no more; a page can be short of its limit all the same.
func (w *World) Disks(q DiskQuery) (page []Disk, next *DiskID) {
	if q.Instance != 0 {
		i, ok := w.live(q.AccountID, q.Instance)
		if !ok || q.OnlyDetached {
			return nil, nil
		}
		return w.DisksOf(i), nil // never more than MaxDisks
	}
	after := DiskID{}
	if q.After != nil {
		after = *q.After
	}
	number := after.Number
	for range scanLimit {
		for _, disk := range w.disksNamed(q.AccountID, number, q.OnlyDetached) {
			if q.After != nil && number == after.Number && disk.ID.Place <= after.Place {
				continue
			}
			if len(page) == q.Limit {
				return page, &page[len(page)-1].ID
			}
			page = append(page, disk)
		}
		following, ok := w.nextDiskNumber(q.AccountID, number, q.OnlyDetached)
		if !ok {
			return page, nil
		}
		number = following
	}
	return page, &DiskID{number - 1, MaxDisks}
}

// disksNamed is the disks whose ids have a number, by place.
func (w *World) disksNamed(accountID string, number uint64, onlyDetached bool) (disks []Disk) {
	for place := range uint8(MaxDisks) {
		disk, ok := w.DiskOf(accountID, DiskID{number, place})
		if ok && (!onlyDetached || disk.Instance == 0) {
			disks = append(disks, disk)
		}
	}
	return disks
}

// nextDiskNumber is the next number, after one, that ids of disks can have.
func (w *World) nextDiskNumber(accountID string, after uint64, onlyDetached bool) (next uint64, ok bool) {
	consider := func(number uint64) bool {
		if !ok || number < next {
			next, ok = number, true
		}
		return false
	}
	if loose := w.disks.numbers[accountID]; loose != nil {
		loose.after(after, consider)
	}
	if owner := w.accounts[accountID]; owner != nil && !onlyDetached {
		owner.live.after(after, consider)
	}
	return next, ok
}
