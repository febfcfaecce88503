package journal

import (
	"fmt"

	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/fleetsim/storage/v1"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// Encode makes the record of a command.
func Encode(command world.Command) *storagev1.Command {
	switch c := command.(type) {
	case world.Launch:
		return &storagev1.Command{Command: &storagev1.Command_Launch{Launch: &storagev1.Launch{
			AccountId: c.AccountID, RequestId: c.RequestID, Pool: poolRef(c.Pool), Amount: c.Amount, MinAmount: c.MinAmount,
			MaxPriceMicrosPerHour: c.MaxPrice, Unprotected: c.Unprotected, Tags: c.Tags,
		}}}
	case world.Release:
		return &storagev1.Command{Command: &storagev1.Command_Release{Release: &storagev1.Release{
			AccountId: c.AccountID, InstanceNumbers: c.Numbers,
		}}}
	case world.Retag:
		return &storagev1.Command{Command: &storagev1.Command_Retag{Retag: &storagev1.Retag{
			AccountId: c.AccountID, InstanceNumbers: c.Numbers, SetTags: c.Set, RemoveTagKeys: c.Remove,
		}}}
	case world.Reclaim:
		reclaim := &storagev1.Reclaim{InstanceNumbers: c.Numbers, ByPool: c.ByPool, MaxInstances: c.Max}
		for _, offer := range c.Offers {
			reclaim.OfferIndexes = append(reclaim.OfferIndexes, uint32(offer))
		}
		return &storagev1.Command{Command: &storagev1.Command_Reclaim{Reclaim: reclaim}}
	case world.SetDrained:
		drained := &storagev1.SetDrained{Drained: c.Drained}
		for _, pool := range c.Pools {
			drained.Pools = append(drained.Pools, poolRef(pool))
		}
		return &storagev1.Command{Command: &storagev1.Command_SetDrained{SetDrained: drained}}
	default:
		return &storagev1.Command{}
	}
}

// Decode makes the command of a record.
func Decode(record *storagev1.Command) (world.Command, error) {
	switch c := record.GetCommand().(type) {
	case *storagev1.Command_Launch:
		return world.Launch{
			AccountID: c.Launch.GetAccountId(), RequestID: c.Launch.GetRequestId(), Pool: poolOf(c.Launch.GetPool()),
			Amount: c.Launch.GetAmount(), MinAmount: c.Launch.GetMinAmount(), MaxPrice: c.Launch.GetMaxPriceMicrosPerHour(),
			Unprotected: c.Launch.GetUnprotected(), Tags: c.Launch.GetTags(),
		}, nil
	case *storagev1.Command_Release:
		return world.Release{AccountID: c.Release.GetAccountId(), Numbers: c.Release.GetInstanceNumbers()}, nil
	case *storagev1.Command_Retag:
		return world.Retag{
			AccountID: c.Retag.GetAccountId(), Numbers: c.Retag.GetInstanceNumbers(),
			Set: c.Retag.GetSetTags(), Remove: c.Retag.GetRemoveTagKeys(),
		}, nil
	case *storagev1.Command_Reclaim:
		reclaim := world.Reclaim{Numbers: c.Reclaim.GetInstanceNumbers(), ByPool: c.Reclaim.GetByPool(), Max: c.Reclaim.GetMaxInstances()}
		for _, offer := range c.Reclaim.GetOfferIndexes() {
			reclaim.Offers = append(reclaim.Offers, int32(offer))
		}
		return reclaim, nil
	case *storagev1.Command_SetDrained:
		drained := world.SetDrained{Drained: c.SetDrained.GetDrained()}
		for _, ref := range c.SetDrained.GetPools() {
			drained.Pools = append(drained.Pools, poolOf(ref))
		}
		return drained, nil
	default:
		return nil, fmt.Errorf("command of unknown kind %T", c)
	}
}

func poolRef(pool world.Pool) *storagev1.PoolRef {
	return &storagev1.PoolRef{OfferIndex: uint32(pool.Offer), Spot: pool.Spot}
}

func poolOf(ref *storagev1.PoolRef) world.Pool {
	return world.Pool{Offer: int32(ref.GetOfferIndex()), Spot: ref.GetSpot()}
}

// dictionary collects what the records of a chunk share, as it is written.
type dictionary struct {
	message  *storagev1.Dictionary
	tagSets  map[*world.TagSet]uint32
	accounts map[string]uint32
}

func newDictionary() *dictionary {
	return &dictionary{&storagev1.Dictionary{}, map[*world.TagSet]uint32{}, map[string]uint32{}}
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
	}
}

// terms is a dictionary as it is read.
type terms struct {
	tagSets  []*world.TagSet
	accounts []*world.Account
}

func readDictionary(message *storagev1.Dictionary) terms {
	var t terms
	for _, set := range message.GetTagSets() {
		t.tagSets = append(t.tagSets, world.NewTagSet(set.GetTags()))
	}
	for _, id := range message.GetAccountIds() {
		t.accounts = append(t.accounts, world.NewAccount(id))
	}
	return t
}

func (t terms) instance(i *storagev1.StoredInstance) (world.Instance, error) {
	if int(i.GetTagSetIndex()) >= len(t.tagSets) || int(i.GetAccountIndex()) >= len(t.accounts) {
		return world.Instance{}, fmt.Errorf("instance %d refers outside of the dictionary", i.GetNumber())
	}
	pool := poolOf(i.GetPool())
	return world.Instance{
		Number: i.GetNumber(), Account: t.accounts[i.GetAccountIndex()], Tags: t.tagSets[i.GetTagSetIndex()],
		Created: world.Instant(i.GetCreatedUnixNanos()), Started: world.Instant(i.GetStartedUnixNanos()), Noticed: world.Instant(i.GetNoticedUnixNanos()),
		PurchasePrice: i.GetPurchasePriceMicrosPerHour(), MaxPrice: i.GetMaxPriceMicrosPerHour(),
		Offer: pool.Offer, Spot: pool.Spot, Transitions: i.GetTransitions(), Status: world.Status(i.GetStatus()),
		NoticeReason: world.Reason(i.GetNoticeReason()), Unprotected: i.GetUnprotected(), ReclaimOrdered: i.GetReclaimOrdered(),
	}, nil
}
