package journal

import (
	"fmt"

	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/fleetsim/storage/v1"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// dictionary collects what the records of a chunk share, as it is written.
type dictionary struct {
	message    *storagev1.Dictionary
	tagSets    map[*world.TagSet]uint32
	accounts   map[string]uint32
	attributes map[*world.Attributes]uint32   // from 1
	diskSets   map[*world.DiskSet]uint32      // from 1
	options    map[world.SharedOptions]uint32 // from 1
}

func newDictionary() *dictionary {
	return &dictionary{
		&storagev1.Dictionary{}, map[*world.TagSet]uint32{}, map[string]uint32{},
		map[*world.Attributes]uint32{}, map[*world.DiskSet]uint32{}, map[world.SharedOptions]uint32{{}: 0},
	}
}

func (d *dictionary) instance(i *world.Instance) *storagev1.StoredInstance {
	tagSet, ok := d.tagSets[i.Tags]
	if !ok {
		tagSet = uint32(len(d.message.GetTagSets()))
		d.tagSets[i.Tags] = tagSet
		d.message.TagSets = append(d.message.TagSets, &storagev1.TagSet{Tags: i.Tags.Map()})
	}
	account, ok := d.accounts[i.Account.ID()]
	if !ok {
		account = uint32(len(d.message.GetAccountIds()))
		d.accounts[i.Account.ID()] = account
		d.message.AccountIds = append(d.message.AccountIds, i.Account.ID())
	}
	return &storagev1.StoredInstance{
		Number: i.Number, AccountIndex: account, Pool: poolRef(world.Pool{Offer: i.Offer, Spot: i.Spot}), TagSetIndex: tagSet,
		Status: int32(i.Status), CreatedUnixNanos: int64(i.Created), StartedUnixNanos: int64(i.Started), NoticedUnixNanos: int64(i.Noticed),
		PurchasePriceMicrosPerHour: i.PurchasePrice, MaxPriceMicrosPerHour: i.MaxPrice, Transitions: i.Transitions,
		Unprotected: i.Unprotected, ReclaimOrdered: i.ReclaimOrdered, NoticeReason: int32(i.NoticeReason),
		SinceUnixNanos: int64(i.Since), DueUnixNanos: int64(i.Due), StatusReason: int32(i.Why), Health: int32(i.Health), Charged: i.Charged,
		AttributesIndex: d.attributesOf(i.Attributes), DiskSetIndex: d.diskSetOf(i.Disks),
		StopOnReclaim: i.StopOnReclaim, Economical: i.Economical, FinancialLock: i.FinancialLock,
	}
}

func (d *dictionary) attributesOf(a *world.Attributes) uint32 {
	if a == nil {
		return 0
	}
	index, ok := d.attributes[a]
	if !ok {
		stored := encodeAttributes(*a)
		stored.OptionsIndex = d.optionsOf(a.Options)
		d.message.Attributes = append(d.message.Attributes, stored)
		index = uint32(len(d.message.GetAttributes()))
		d.attributes[a] = index
	}
	return index
}

func (d *dictionary) diskSetOf(s *world.DiskSet) uint32 {
	if s == nil {
		return 0
	}
	index, ok := d.diskSets[s]
	if !ok {
		record := s.Record()
		stored := &storagev1.StoredDiskSet{FromSecond: record.From, Base: record.Base}
		for _, disk := range record.Disks {
			stored.Disks = append(stored.Disks, &storagev1.StoredHeldDisk{
				Place: uint32(disk.Place), Category: int32(disk.Category), SizeGib: disk.SizeGiB, Keep: disk.Keep, System: disk.System,
			})
		}
		d.message.DiskSets = append(d.message.DiskSets, stored)
		index = uint32(len(d.message.GetDiskSets()))
		d.diskSets[s] = index
	}
	return index
}

// terms is a dictionary as it is read.
type terms struct {
	tagSets    []*world.TagSet
	accounts   []*world.Account
	attributes []*world.Attributes // from 1
	diskSets   []*world.DiskSet    // from 1
}

// outside stands for attributes that refer outside of their dictionary.
var outside = &world.Attributes{}

func readDictionary(message *storagev1.Dictionary) terms {
	t := terms{attributes: []*world.Attributes{nil}, diskSets: []*world.DiskSet{nil}}
	for _, set := range message.GetTagSets() {
		t.tagSets = append(t.tagSets, world.NewTagSet(set.GetTags()))
	}
	for _, id := range message.GetAccountIds() {
		t.accounts = append(t.accounts, world.NewAccount(id))
	}
	options := []world.SharedOptions{{}} // from 1
	for _, stored := range message.GetOptions() {
		options = append(options, decodeOptions(stored))
	}
	for _, stored := range message.GetAttributes() {
		attributes := decodeAttributes(stored)
		at := int(stored.GetOptionsIndex())
		if at >= len(options) {
			t.attributes = append(t.attributes, outside)
			continue
		}
		attributes.Options = options[at]
		t.attributes = append(t.attributes, &attributes)
	}
	for _, stored := range message.GetDiskSets() {
		record := world.DiskSetRecord{From: stored.FromSecond, Base: stored.GetBase()}
		for _, disk := range stored.GetDisks() {
			record.Disks = append(record.Disks, world.HeldDisk{
				Place: uint8(disk.GetPlace()), Category: world.DiskCategory(disk.GetCategory()), SizeGiB: disk.GetSizeGib(),
				Keep: disk.GetKeep(), System: disk.GetSystem(),
			})
		}
		t.diskSets = append(t.diskSets, record.Set())
	}
	return t
}

func (t terms) instance(i *storagev1.StoredInstance) (world.Instance, error) {
	if int(i.GetTagSetIndex()) >= len(t.tagSets) || int(i.GetAccountIndex()) >= len(t.accounts) ||
		int(i.GetAttributesIndex()) >= len(t.attributes) || t.attributes[i.GetAttributesIndex()] == outside || int(i.GetDiskSetIndex()) >= len(t.diskSets) {
		return world.Instance{}, fmt.Errorf("instance %d refers outside of the dictionary", i.GetNumber())
	}
	pool := poolOf(i.GetPool())
	return world.Instance{
		Number: i.GetNumber(), Account: t.accounts[i.GetAccountIndex()], Tags: t.tagSets[i.GetTagSetIndex()],
		Created: world.Instant(i.GetCreatedUnixNanos()), Started: world.Instant(i.GetStartedUnixNanos()), Noticed: world.Instant(i.GetNoticedUnixNanos()),
		PurchasePrice: i.GetPurchasePriceMicrosPerHour(), MaxPrice: i.GetMaxPriceMicrosPerHour(),
		Offer: pool.Offer, Spot: pool.Spot, Transitions: i.GetTransitions(), Status: world.Status(i.GetStatus()),
		NoticeReason: world.Reason(i.GetNoticeReason()), Unprotected: i.GetUnprotected(), ReclaimOrdered: i.GetReclaimOrdered(),
		Since: world.Instant(i.GetSinceUnixNanos()), Due: world.Instant(i.GetDueUnixNanos()), Why: world.Reason(i.GetStatusReason()),
		Health: world.Health(i.GetHealth()), Charged: i.GetCharged(),
		Attributes: t.attributes[i.GetAttributesIndex()], Disks: t.diskSets[i.GetDiskSetIndex()],
		StopOnReclaim: i.GetStopOnReclaim(), Economical: i.GetEconomical(), FinancialLock: i.GetFinancialLock(),
	}, nil
}
