package api

import (
	"google.golang.org/protobuf/types/known/timestamppb"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim/internal/answer"
	"github.com/seed-198b1370/muster/services/fleetsim/internal/wire"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// toListed writes an instance of a list, which has its disks with it.
func (d *Deps) toListed(l *world.Listed) *fleetv1.Instance {
	instance := d.toInstance(&l.Instance, l.Price)
	for i := range l.Disks {
		instance.Disks = append(instance.Disks, toDisk(&l.Disks[i]))
	}
	return instance
}

func (d *Deps) toInstance(i *world.Instance, price int64) *fleetv1.Instance {
	offer := &d.Catalog.Offers()[i.Offer]
	instance := &fleetv1.Instance{
		InstanceId: instanceID(i.Number), AccountId: i.Account.ID(),
		ZoneId: offer.ZoneID, InstanceType: offer.InstanceType, BillingMethod: wire.ToBilling(i.Spot),
		Status: fleetv1.InstanceStatus(i.Status), Tags: i.Tags.Map(),
		PriceMicrosPerHour: price, MaxPriceMicrosPerHour: i.MaxPrice,
		CreateTime: toTime(i.Created), StartTime: toTime(i.Started), ProtectionEndTime: toTime(i.ProtectionEnd()),
		InterruptionNoticeTime: toTime(i.Noticed), ReleaseTime: toTime(i.ReleaseAt()), StatusTime: toTime(i.Since), StatusReason: fleetv1.TransitionReason(i.Why),
		TransitionNumber: int64(i.Transitions), InterruptionBehavior: toBehavior(i),
		StoppedMode: fleetv1.StoppedMode(i.StoppedMode()), Health: fleetv1.InstanceHealth(i.Health),
	}
	if d.Addresses {
		instance.PrivateIpAddress = answer.Address(i.Number).String()
	}
	told := i.Describe()
	instance.InstanceName, instance.Description, instance.DeletionProtection = told.Name, told.Description, told.DeletionProtection
	instance.Options = toOptions(told.Options)
	for _, lock := range i.Locks() {
		instance.OperationLocks = append(instance.OperationLocks, fleetv1.OperationLock(lock))
	}
	return instance
}

func toBehavior(i *world.Instance) fleetv1.InterruptionBehavior {
	switch {
	case !i.Spot:
		return fleetv1.InterruptionBehavior_INTERRUPTION_BEHAVIOR_UNSPECIFIED
	case i.StopOnReclaim:
		return fleetv1.InterruptionBehavior_INTERRUPTION_BEHAVIOR_STOP
	default:
		return fleetv1.InterruptionBehavior_INTERRUPTION_BEHAVIOR_TERMINATE
	}
}

func (d *Deps) toTransition(t *world.Transition) *fleetv1.InstanceTransition {
	transition := &fleetv1.InstanceTransition{
		Instance: d.toInstance(&t.Instance, t.Price),
		Kind:     fleetv1.TransitionKind(t.Kind), Reason: fleetv1.TransitionReason(t.Reason),
		Time: toTime(t.Time),
	}
	if t.Kind == world.KindReleased {
		// A request may release it before the time that its notice named.
		transition.Instance.ReleaseTime = transition.GetTime()
	}
	return transition
}

func toDisk(d *world.Disk) *fleetv1.Disk {
	disk := &fleetv1.Disk{
		DiskId: diskID(d.ID), AccountId: d.AccountID, ZoneId: d.ZoneID,
		Category: fleetv1.DiskCategory(d.Category), SizeGib: d.SizeGiB, KeepAfterRelease: d.Keep, System: d.System,
		CreateTime: toTime(d.Created), PriceMicrosPerHour: d.PriceMicros,
	}
	if d.Instance != 0 {
		disk.InstanceId = instanceID(d.Instance)
	}
	return disk
}

// toTime leaves out what has not happened.
func toTime(i world.Instant) *timestamppb.Timestamp {
	if i == 0 {
		return nil
	}
	return timestamppb.New(i.Time())
}

func fromTags(tags map[string]string) []world.Tag {
	all := make([]world.Tag, 0, len(tags))
	for key, value := range tags {
		all = append(all, world.Tag{Key: key, Value: value})
	}
	return all
}

func fromStatuses(statuses []fleetv1.InstanceStatus) []world.Status {
	all := make([]world.Status, len(statuses))
	for i, status := range statuses {
		all[i] = world.Status(status)
	}
	return all
}

// selectorOf is the pools that three filters of a request name.
func selectorOf(zoneID, instanceType string, billing fleetv1.BillingMethod) world.Selector {
	return world.Selector{ZoneID: zoneID, InstanceType: instanceType, Billing: wire.FromBilling(billing)}
}
