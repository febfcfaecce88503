package wire

import (
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// ToFault writes a fault that lasts, with its times.
func ToFault(f *world.Fault) *fleetv1.Fault {
	fault := &fleetv1.Fault{FaultId: f.ID, StartTime: timestamppb.New(f.From.Time())}
	if f.Until != 0 {
		fault.EndTime = timestamppb.New(f.Until.Time())
		fault.Duration = durationpb.New(time.Duration(f.Until - f.From))
	}
	setEffect(fault, f.Effect)
	return fault
}

// FromFault reads a fault that lasts, with its times.
func FromFault(fault *fleetv1.Fault) world.Fault {
	f := world.Fault{ID: fault.GetFaultId(), From: world.InstantOf(fault.GetStartTime().AsTime()), Effect: effectOf(fault)}
	if fault.GetEndTime() != nil {
		f.Until = world.InstantOf(fault.GetEndTime().AsTime())
	}
	return f
}

// ToInjection writes a fault that is to be injected.
func ToInjection(c world.InjectFault) *fleetv1.Fault {
	fault := &fleetv1.Fault{FaultId: c.ID}
	if c.Duration > 0 {
		fault.Duration = durationpb.New(c.Duration)
	}
	setEffect(fault, c.Effect)
	return fault
}

// FromInjection reads a fault that is to be injected. Its times are not read.
func FromInjection(fault *fleetv1.Fault) world.InjectFault {
	return world.InjectFault{ID: fault.GetFaultId(), Duration: fault.GetDuration().AsDuration(), Effect: effectOf(fault)}
}

// ToPriceShock writes a price shock.
func ToPriceShock(e world.PriceShock) *fleetv1.PriceShock {
	return &fleetv1.PriceShock{Pools: ToSelector(e.Pools), FactorPermille: int32(e.Permille)}
}

// FromPriceShock reads a price shock.
func FromPriceShock(e *fleetv1.PriceShock) world.PriceShock {
	return world.PriceShock{Pools: FromSelector(e.GetPools()), Permille: int64(e.GetFactorPermille())}
}

func setEffect(fault *fleetv1.Fault, effect world.Effect) {
	switch e := effect.(type) {
	case world.PriceShock:
		fault.Effect = &fleetv1.Fault_PriceShock{PriceShock: ToPriceShock(e)}
	case world.ZoneOutage:
		fault.Effect = &fleetv1.Fault_ZoneOutage{ZoneOutage: &fleetv1.ZoneOutage{ZoneId: e.ZoneID}}
	case world.SlowLaunch:
		fault.Effect = &fleetv1.Fault_SlowLaunch{SlowLaunch: &fleetv1.SlowLaunch{
			Pools: ToSelector(e.Pools), FactorPermille: int32(e.Permille),
		}}
	case world.LaunchRefusal:
		fault.Effect = &fleetv1.Fault_LaunchRefusal{LaunchRefusal: &fleetv1.LaunchRefusal{
			Pools: ToSelector(e.Pools), Reason: fleetv1.ErrorReason(e.Refusal),
		}}
	case world.DiskShortage:
		fault.Effect = &fleetv1.Fault_DiskShortage{DiskShortage: &fleetv1.DiskShortage{
			ZoneId: e.ZoneID, Category: fleetv1.DiskCategory(e.Category),
		}}
	case world.CallTrouble:
		fault.Effect = &fleetv1.Fault_CallTrouble{CallTrouble: &fleetv1.CallTrouble{
			Methods: slices.Clone(e.Methods), SharePermille: e.SharePermille, Latency: durationOf(e.Latency),
			Outcome: fleetv1.CallOutcome(e.Outcome), MaxCalls: e.MaxCalls,
		}}
	case world.StreamTrouble:
		fault.Effect = &fleetv1.Fault_StreamTrouble{StreamTrouble: &fleetv1.StreamTrouble{
			DuplicatePermille: e.DuplicatePermille, Delay: durationOf(e.Delay),
		}}
	}
}

// effectOf reads what a fault does; nil when it does nothing, which the
// contract's rules refuse.
func effectOf(fault *fleetv1.Fault) world.Effect {
	switch effect := fault.GetEffect().(type) {
	case *fleetv1.Fault_PriceShock:
		return FromPriceShock(effect.PriceShock)
	case *fleetv1.Fault_ZoneOutage:
		return world.ZoneOutage{ZoneID: effect.ZoneOutage.GetZoneId()}
	case *fleetv1.Fault_SlowLaunch:
		e := effect.SlowLaunch
		return world.SlowLaunch{Pools: FromSelector(e.GetPools()), Permille: int64(e.GetFactorPermille())}
	case *fleetv1.Fault_LaunchRefusal:
		e := effect.LaunchRefusal
		return world.LaunchRefusal{Pools: FromSelector(e.GetPools()), Refusal: world.Refusal(e.GetReason())}
	case *fleetv1.Fault_DiskShortage:
		e := effect.DiskShortage
		return world.DiskShortage{ZoneID: e.GetZoneId(), Category: world.DiskCategory(e.GetCategory())}
	case *fleetv1.Fault_CallTrouble:
		e := effect.CallTrouble
		return world.CallTrouble{
			Methods: slices.Clone(e.GetMethods()), SharePermille: e.GetSharePermille(), Latency: e.GetLatency().AsDuration(),
			Outcome: int32(e.GetOutcome()), MaxCalls: e.GetMaxCalls(),
		}
	case *fleetv1.Fault_StreamTrouble:
		e := effect.StreamTrouble
		return world.StreamTrouble{DuplicatePermille: e.GetDuplicatePermille(), Delay: e.GetDelay().AsDuration()}
	default:
		return nil
	}
}

// durationOf leaves out a duration of nothing.
func durationOf(d time.Duration) *durationpb.Duration {
	if d == 0 {
		return nil
	}
	return durationpb.New(d)
}
