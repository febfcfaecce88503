package journal

import (
	"fmt"

	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/fleetsim/storage/v1"
	"github.com/seed-198b1370/muster/services/fleetsim/internal/wire"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// Encode makes the record of a command.
func Encode(command world.Command) *storagev1.Command {
	switch c := command.(type) {
	case world.Launch:
		return &storagev1.Command{Command: &storagev1.Command_Launch{Launch: encodeLaunch(c)}}
	case world.Release:
		return &storagev1.Command{Command: &storagev1.Command_Release{Release: &storagev1.Release{
			AccountId: c.AccountID, InstanceNumbers: c.Numbers,
		}}}
	case world.Start:
		return &storagev1.Command{Command: &storagev1.Command_Start{Start: encodeBatch(c.Batch, false)}}
	case world.Stop:
		return &storagev1.Command{Command: &storagev1.Command_Stop{Stop: encodeBatch(c.Batch, c.Economical)}}
	case world.Reboot:
		return &storagev1.Command{Command: &storagev1.Command_Reboot{Reboot: encodeBatch(c.Batch, false)}}
	case world.Retag:
		return &storagev1.Command{Command: &storagev1.Command_Retag{Retag: &storagev1.Retag{
			AccountId: c.AccountID, InstanceNumbers: c.Numbers, SetTags: c.Set, RemoveTagKeys: c.Remove,
		}}}
	case world.Describe:
		return &storagev1.Command{Command: &storagev1.Command_Describe{Describe: &storagev1.Describe{
			AccountId: c.AccountID, InstanceNumber: c.Number,
			Name: c.Name, Description: c.Description, DeletionProtection: c.DeletionProtection,
		}}}
	case world.AttachDisk:
		return &storagev1.Command{Command: &storagev1.Command_AttachDisk{AttachDisk: &storagev1.AttachDisk{
			Disk: diskRef(c.AccountID, c.Disk), InstanceNumber: c.Number, Keep: c.Keep,
		}}}
	case world.DetachDisk:
		return &storagev1.Command{Command: &storagev1.Command_DetachDisk{DetachDisk: diskRef(c.AccountID, c.Disk)}}
	case world.DeleteDisk:
		return &storagev1.Command{Command: &storagev1.Command_DeleteDisk{DeleteDisk: diskRef(c.AccountID, c.Disk)}}
	default:
		return encodeRule(command)
	}
}

// encodeRule makes the record of a command of whoever runs the simulation.
func encodeRule(command world.Command) *storagev1.Command {
	switch c := command.(type) {
	case world.Reclaim:
		reclaim := &storagev1.Reclaim{InstanceNumbers: c.Numbers, ByPool: c.ByPool, MaxInstances: c.Max}
		for _, offer := range c.Offers {
			reclaim.OfferIndexes = append(reclaim.OfferIndexes, uint32(offer))
		}
		return &storagev1.Command{Command: &storagev1.Command_Reclaim{Reclaim: reclaim}}
	case world.SetDrained:
		return &storagev1.Command{Command: &storagev1.Command_SetDrained{SetDrained: &storagev1.SetDrained{
			Drained: c.Drained, Pools: poolRefs(c.Pools),
		}}}
	case world.Fail:
		return &storagev1.Command{Command: &storagev1.Command_Fail{Fail: &storagev1.Fail{
			InstanceNumbers: c.Numbers, ByPool: c.ByPool, Pools: poolRefs(c.Pools), MaxInstances: c.Max, Failure: int32(c.Failure),
		}}}
	case world.InjectFault:
		return &storagev1.Command{Command: &storagev1.Command_InjectFault{InjectFault: wire.ToInjection(c)}}
	case world.ClearFaults:
		return &storagev1.Command{Command: &storagev1.Command_ClearFaults{ClearFaults: &storagev1.ClearFaults{FaultIds: c.IDs}}}
	case world.SetAccount:
		return &storagev1.Command{Command: &storagev1.Command_SetAccount{SetAccount: &storagev1.SetAccount{
			AccountId: c.AccountID, Settings: encodeSettings(c.Settings),
		}}}
	case world.Deposit:
		return &storagev1.Command{Command: &storagev1.Command_Deposit{Deposit: &storagev1.Deposit{
			AccountId: c.AccountID, RequestId: c.RequestID, AmountMicros: c.Micros,
		}}}
	default:
		return &storagev1.Command{}
	}
}

// Decode makes the command of a record.
func Decode(record *storagev1.Command) (world.Command, error) {
	switch c := record.GetCommand().(type) {
	case *storagev1.Command_Launch:
		return decodeLaunch(c.Launch), nil
	case *storagev1.Command_Release:
		return world.Release{AccountID: c.Release.GetAccountId(), Numbers: c.Release.GetInstanceNumbers()}, nil
	case *storagev1.Command_Start:
		return world.Start{Batch: decodeBatch(c.Start)}, nil
	case *storagev1.Command_Stop:
		return world.Stop{Batch: decodeBatch(c.Stop), Economical: c.Stop.GetEconomical()}, nil
	case *storagev1.Command_Reboot:
		return world.Reboot{Batch: decodeBatch(c.Reboot)}, nil
	case *storagev1.Command_Retag:
		return world.Retag{
			AccountID: c.Retag.GetAccountId(), Numbers: c.Retag.GetInstanceNumbers(),
			Set: c.Retag.GetSetTags(), Remove: c.Retag.GetRemoveTagKeys(),
		}, nil
	case *storagev1.Command_Describe:
		d := c.Describe
		return world.Describe{
			AccountID: d.GetAccountId(), Number: d.GetInstanceNumber(),
			Name: d.Name, Description: d.Description, DeletionProtection: d.DeletionProtection,
		}, nil
	case *storagev1.Command_AttachDisk:
		return world.AttachDisk{
			AccountID: c.AttachDisk.GetDisk().GetAccountId(), Disk: diskOf(c.AttachDisk.GetDisk()),
			Number: c.AttachDisk.GetInstanceNumber(), Keep: c.AttachDisk.GetKeep(),
		}, nil
	case *storagev1.Command_DetachDisk:
		return world.DetachDisk{AccountID: c.DetachDisk.GetAccountId(), Disk: diskOf(c.DetachDisk)}, nil
	case *storagev1.Command_DeleteDisk:
		return world.DeleteDisk{AccountID: c.DeleteDisk.GetAccountId(), Disk: diskOf(c.DeleteDisk)}, nil
	default:
		return decodeRule(record)
	}
}

func decodeRule(record *storagev1.Command) (world.Command, error) {
	switch c := record.GetCommand().(type) {
	case *storagev1.Command_Reclaim:
		reclaim := world.Reclaim{Numbers: c.Reclaim.GetInstanceNumbers(), ByPool: c.Reclaim.GetByPool(), Max: c.Reclaim.GetMaxInstances()}
		for _, offer := range c.Reclaim.GetOfferIndexes() {
			reclaim.Offers = append(reclaim.Offers, int32(offer))
		}
		return reclaim, nil
	case *storagev1.Command_SetDrained:
		return world.SetDrained{Drained: c.SetDrained.GetDrained(), Pools: poolsOf(c.SetDrained.GetPools())}, nil
	case *storagev1.Command_Fail:
		return world.Fail{
			Numbers: c.Fail.GetInstanceNumbers(), ByPool: c.Fail.GetByPool(), Pools: poolsOf(c.Fail.GetPools()),
			Max: c.Fail.GetMaxInstances(), Failure: world.Failure(c.Fail.GetFailure()),
		}, nil
	case *storagev1.Command_InjectFault:
		return decodeInjection(c.InjectFault)
	case *storagev1.Command_ClearFaults:
		return world.ClearFaults{IDs: c.ClearFaults.GetFaultIds()}, nil
	case *storagev1.Command_SetAccount:
		return world.SetAccount{AccountID: c.SetAccount.GetAccountId(), Settings: decodeSettings(c.SetAccount.GetSettings())}, nil
	case *storagev1.Command_Deposit:
		return world.Deposit{
			AccountID: c.Deposit.GetAccountId(), RequestID: c.Deposit.GetRequestId(), Micros: c.Deposit.GetAmountMicros(),
		}, nil
	default:
		return nil, fmt.Errorf("command of unknown kind %T", c)
	}
}

func encodeLaunch(c world.Launch) *storagev1.Launch {
	launch := &storagev1.Launch{
		AccountId: c.AccountID, RequestId: c.RequestID, Pool: poolRef(c.Pool), Amount: c.Amount, MinAmount: c.MinAmount,
		MaxPriceMicrosPerHour: c.MaxPrice, Unprotected: c.Unprotected, StopOnReclaim: c.StopOnReclaim, Tags: c.Tags,
		Attributes: encodeAttributes(c.Attributes),
	}
	launch.Options = encodeOptions(c.Attributes.Options)
	for _, disk := range c.Disks {
		wish := &storagev1.DiskWish{SizeGib: disk.SizeGiB, Keep: disk.Keep, System: disk.System}
		for _, category := range disk.Categories {
			wish.Categories = append(wish.Categories, int32(category))
		}
		launch.Disks = append(launch.Disks, wish)
	}
	return launch
}

func decodeLaunch(l *storagev1.Launch) world.Launch {
	launch := world.Launch{
		AccountID: l.GetAccountId(), RequestID: l.GetRequestId(), Pool: poolOf(l.GetPool()),
		Amount: l.GetAmount(), MinAmount: l.GetMinAmount(), MaxPrice: l.GetMaxPriceMicrosPerHour(),
		Unprotected: l.GetUnprotected(), StopOnReclaim: l.GetStopOnReclaim(), Tags: l.GetTags(),
		Attributes: decodeAttributes(l.GetAttributes()),
	}
	launch.Attributes.Options = decodeOptions(l.GetOptions())
	for _, wish := range l.GetDisks() {
		disk := world.DiskRequest{SizeGiB: wish.GetSizeGib(), Keep: wish.GetKeep(), System: wish.GetSystem()}
		for _, category := range wish.GetCategories() {
			disk.Categories = append(disk.Categories, world.DiskCategory(category))
		}
		launch.Disks = append(launch.Disks, disk)
	}
	return launch
}

// encodeAttributes leaves out the options: many have the same.
func encodeAttributes(a world.Attributes) *storagev1.Attributes {
	if a == (world.Attributes{}) {
		return nil
	}
	return &storagev1.Attributes{
		Name: a.Name, Description: a.Description, DeletionProtection: a.DeletionProtection,
		UniqueSuffix: a.UniqueSuffix, FirstInstanceNumber: a.First,
	}
}

func decodeAttributes(a *storagev1.Attributes) world.Attributes {
	return world.Attributes{
		Name: a.GetName(), Description: a.GetDescription(), DeletionProtection: a.GetDeletionProtection(),
		UniqueSuffix: a.GetUniqueSuffix(), First: a.GetFirstInstanceNumber(),
	}
}

func encodeBatch(b world.Batch, economical bool) *storagev1.Batch {
	return &storagev1.Batch{
		AccountId: b.AccountID, RequestId: b.RequestID, InstanceNumbers: b.Numbers, BestEffort: b.BestEffort, Economical: economical,
	}
}

func decodeBatch(b *storagev1.Batch) world.Batch {
	return world.Batch{
		AccountID: b.GetAccountId(), RequestID: b.GetRequestId(), Numbers: b.GetInstanceNumbers(), BestEffort: b.GetBestEffort(),
	}
}

func encodeSettings(s world.AccountSettings) *storagev1.StoredSettings {
	return &storagev1.StoredSettings{
		PayAsYouGoVcpus: s.PayAsYouGoVCPUs, SpotVcpus: s.SpotVCPUs, CallsPerSecond: s.CallsPerSecond, CallBurst: s.CallBurst,
	}
}

func decodeSettings(s *storagev1.StoredSettings) world.AccountSettings {
	return world.AccountSettings{
		PayAsYouGoVCPUs: s.GetPayAsYouGoVcpus(), SpotVCPUs: s.GetSpotVcpus(),
		CallsPerSecond: s.GetCallsPerSecond(), CallBurst: s.GetCallBurst(),
	}
}

func diskRef(accountID string, id world.DiskID) *storagev1.DiskRef {
	return &storagev1.DiskRef{AccountId: accountID, Number: id.Number, Place: uint32(id.Place)}
}

func diskOf(ref *storagev1.DiskRef) world.DiskID {
	return world.DiskID{Number: ref.GetNumber(), Place: uint8(ref.GetPlace())}
}

func poolRefs(pools []world.Pool) []*storagev1.PoolRef {
	refs := make([]*storagev1.PoolRef, len(pools))
	for i, pool := range pools {
		refs[i] = poolRef(pool)
	}
	return refs
}

func poolsOf(refs []*storagev1.PoolRef) []world.Pool {
	pools := make([]world.Pool, len(refs))
	for i, ref := range refs {
		pools[i] = poolOf(ref)
	}
	return pools
}

func poolRef(pool world.Pool) *storagev1.PoolRef {
	return &storagev1.PoolRef{OfferIndex: uint32(pool.Offer), Spot: pool.Spot}
}

func poolOf(ref *storagev1.PoolRef) world.Pool {
	return world.Pool{Offer: int32(ref.GetOfferIndex()), Spot: ref.GetSpot()}
}
