package journal

import (
	"iter"

	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/fleetsim/storage/v1"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// accountRecords makes the records of accounts, each with as many sums as a
// chunk can hold.
func accountRecords(accounts []world.AccountRecord) iter.Seq[*storagev1.StoredAccount] {
	return func(yield func(*storagev1.StoredAccount) bool) {
		for i := range accounts {
			a := &accounts[i]
			for charges := a.Charges; ; {
				some := charges[:min(chunkSize, len(charges))]
				charges = charges[len(some):]
				stored := &storagev1.StoredAccount{
					AccountId: a.ID, Settings: encodeSettings(a.Settings),
					HasBalance: a.HasBalance, GivenMicros: a.GivenMicros, Overdue: a.Overdue,
				}
				for _, c := range some {
					stored.Charges = append(stored.Charges, encodeCharge(c))
				}
				if !yield(stored) {
					return
				}
				if len(charges) == 0 {
					break
				}
			}
		}
	}
}

// addAccount adds what a record holds to the accounts of a state.
func addAccount(accounts []world.AccountRecord, stored *storagev1.StoredAccount) []world.AccountRecord {
	if last := len(accounts) - 1; last < 0 || accounts[last].ID != stored.GetAccountId() {
		accounts = append(accounts, world.AccountRecord{
			ID: stored.GetAccountId(), Settings: decodeSettings(stored.GetSettings()),
			HasBalance: stored.GetHasBalance(), GivenMicros: stored.GetGivenMicros(), Overdue: stored.GetOverdue(),
		})
	}
	account := &accounts[len(accounts)-1]
	for _, c := range stored.GetCharges() {
		account.Charges = append(account.Charges, decodeCharge(c))
	}
	return accounts
}

func encodeCharge(c world.ChargeRecord) *storagev1.StoredCharge {
	stored := &storagev1.StoredCharge{
		ComputeMicros: c.ComputeMicros, ComputeParts: c.ComputeParts, DiskMicros: c.DiskMicros, DiskParts: c.DiskParts,
	}
	if c.Pool != nil {
		stored.Pool = poolRef(*c.Pool)
	}
	if c.Tag != nil {
		stored.TagKey, stored.TagValue = c.Tag.Key, c.Tag.Value
	}
	return stored
}

func decodeCharge(stored *storagev1.StoredCharge) world.ChargeRecord {
	c := world.ChargeRecord{
		ComputeMicros: stored.GetComputeMicros(), ComputeParts: stored.GetComputeParts(),
		DiskMicros: stored.GetDiskMicros(), DiskParts: stored.GetDiskParts(),
	}
	if stored.GetPool() != nil {
		pool := poolOf(stored.GetPool())
		c.Pool = &pool
	}
	if stored.GetTagKey() != "" {
		c.Tag = &world.Tag{Key: stored.GetTagKey(), Value: stored.GetTagValue()}
	}
	return c
}

func encodeDisk(record *world.DiskRecord) *storagev1.StoredDisk {
	d := &record.Disk
	return &storagev1.StoredDisk{
		Disk: diskRef(d.AccountID, d.ID), ZoneId: d.ZoneID, Category: int32(d.Category), SizeGib: d.SizeGiB, Keep: d.Keep,
		InstanceNumber: d.Instance, CreatedUnixNanos: int64(d.Created), PriceMicrosPerHour: d.PriceMicros,
		FromSecond: record.From, AttachedPlace: int32(record.Attached),
	}
}

func decodeDisk(stored *storagev1.StoredDisk) world.DiskRecord {
	return world.DiskRecord{
		Disk: world.Disk{
			ID: diskOf(stored.GetDisk()), AccountID: stored.GetDisk().GetAccountId(), ZoneID: stored.GetZoneId(),
			Category: world.DiskCategory(stored.GetCategory()), SizeGiB: stored.GetSizeGib(), Keep: stored.GetKeep(),
			Instance: stored.GetInstanceNumber(), Created: world.Instant(stored.GetCreatedUnixNanos()), PriceMicros: stored.GetPriceMicrosPerHour(),
		},
		From: stored.GetFromSecond(), Attached: int(stored.GetAttachedPlace()),
	}
}
