package journal

import (
	"fmt"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/fleetsim/storage/v1"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// EncodeFault makes the message of a fault, which is the contract's.
func EncodeFault(fault world.Fault) *fleetv1.Fault {
	message := encodeEffect(fault.Effect)
	message.FaultId, message.StartTime = fault.ID, timestamppb.New(fault.From.Time())
	if fault.Until != 0 {
		message.EndTime = timestamppb.New(fault.Until.Time())
		message.Duration = durationpb.New(world.Duration(fault.Until - fault.From))
	}
	return message
}

// DecodeFault makes the fault of a message.
func DecodeFault(message *fleetv1.Fault) (world.Fault, error) {
	effect, err := DecodeEffect(message)
	if err != nil {
		return world.Fault{}, err
	}
	fault := world.Fault{ID: message.GetFaultId(), From: world.InstantOf(message.GetStartTime().AsTime()), Effect: effect}
	if message.GetEndTime() != nil {
		fault.Until = world.InstantOf(message.GetEndTime().AsTime())
	}
	return fault, nil
}

// encodeInjection makes the message of an order for a fault.
func encodeInjection(c world.InjectFault) *fleetv1.Fault {
	message := encodeEffect(c.Effect)
	message.FaultId = c.ID
	if c.Duration != 0 {
		message.Duration = durationpb.New(c.Duration)
	}
	return message
}

// DecodeInjection makes the order for a fault of a message.
func DecodeInjection(message *fleetv1.Fault) (world.InjectFault, error) {
	effect, err := DecodeEffect(message)
	return world.InjectFault{ID: message.GetFaultId(), Duration: message.GetDuration().AsDuration(), Effect: effect}, err
}

func encodeEffect(effect world.Effect) *fleetv1.Fault {
	message := &fleetv1.Fault{}
	switch e := effect.(type) {
	case world.PriceShock:
		message.Effect = &fleetv1.Fault_PriceShock{PriceShock: encodeShock(e)}
	case world.ZoneOutage:
		message.Effect = &fleetv1.Fault_ZoneOutage{ZoneOutage: &fleetv1.ZoneOutage{ZoneId: e.ZoneID}}
	case world.SlowLaunch:
		message.Effect = &fleetv1.Fault_SlowLaunch{SlowLaunch: &fleetv1.SlowLaunch{Pools: encodeSelector(e.Pools), FactorPermille: int32(e.Permille)}}
	case world.LaunchRefusal:
		message.Effect = &fleetv1.Fault_LaunchRefusal{LaunchRefusal: &fleetv1.LaunchRefusal{
			Pools: encodeSelector(e.Pools), Reason: fleetv1.ErrorReason(e.Refusal),
		}}
	case world.DiskShortage:
		message.Effect = &fleetv1.Fault_DiskShortage{DiskShortage: &fleetv1.DiskShortage{
			ZoneId: e.ZoneID, Category: fleetv1.DiskCategory(e.Category),
		}}
	case world.CallTrouble:
		message.Effect = &fleetv1.Fault_CallTrouble{CallTrouble: &fleetv1.CallTrouble{
			Methods: e.Methods, SharePermille: e.SharePermille, Latency: durationpb.New(e.Latency),
			Outcome: fleetv1.CallOutcome(e.Outcome), MaxCalls: e.MaxCalls,
		}}
	case world.StreamTrouble:
		message.Effect = &fleetv1.Fault_StreamTrouble{StreamTrouble: &fleetv1.StreamTrouble{
			DuplicatePermille: e.DuplicatePermille, Delay: durationpb.New(e.Delay),
		}}
	}
	return message
}

// DecodeEffect makes what the fault of a message does.
func DecodeEffect(message *fleetv1.Fault) (world.Effect, error) {
	switch e := message.GetEffect().(type) {
	case *fleetv1.Fault_PriceShock:
		return decodeShock(e.PriceShock), nil
	case *fleetv1.Fault_ZoneOutage:
		return world.ZoneOutage{ZoneID: e.ZoneOutage.GetZoneId()}, nil
	case *fleetv1.Fault_SlowLaunch:
		return world.SlowLaunch{Pools: decodeSelector(e.SlowLaunch.GetPools()), Permille: int64(e.SlowLaunch.GetFactorPermille())}, nil
	case *fleetv1.Fault_LaunchRefusal:
		return world.LaunchRefusal{
			Pools: decodeSelector(e.LaunchRefusal.GetPools()), Refusal: world.Refusal(e.LaunchRefusal.GetReason()),
		}, nil
	case *fleetv1.Fault_DiskShortage:
		return world.DiskShortage{ZoneID: e.DiskShortage.GetZoneId(), Category: world.DiskCategory(e.DiskShortage.GetCategory())}, nil
	case *fleetv1.Fault_CallTrouble:
		return world.CallTrouble{
			Methods: e.CallTrouble.GetMethods(), SharePermille: e.CallTrouble.GetSharePermille(), Latency: e.CallTrouble.GetLatency().AsDuration(),
			Outcome: int32(e.CallTrouble.GetOutcome()), MaxCalls: e.CallTrouble.GetMaxCalls(),
		}, nil
	case *fleetv1.Fault_StreamTrouble:
		return world.StreamTrouble{
			DuplicatePermille: e.StreamTrouble.GetDuplicatePermille(), Delay: e.StreamTrouble.GetDelay().AsDuration(),
		}, nil
	default:
		return nil, fmt.Errorf("fault %q of unknown effect %T", message.GetFaultId(), e)
	}
}

func encodeShock(e world.PriceShock) *fleetv1.PriceShock {
	return &fleetv1.PriceShock{Pools: encodeSelector(e.Pools), FactorPermille: int32(e.Permille)}
}

func decodeShock(e *fleetv1.PriceShock) world.PriceShock {
	return world.PriceShock{Pools: decodeSelector(e.GetPools()), Permille: int64(e.GetFactorPermille())}
}

func encodeShocks(shocks []world.Shock) (stored []*storagev1.StoredShock) {
	for _, s := range shocks {
		stored = append(stored, &storagev1.StoredShock{
			FromUnixNanos: int64(s.From), UntilUnixNanos: int64(s.Until), Effect: encodeShock(s.Effect),
		})
	}
	return stored
}

func decodeShocks(stored []*storagev1.StoredShock) (shocks []world.Shock) {
	for _, s := range stored {
		shocks = append(shocks, world.Shock{
			From: world.Instant(s.GetFromUnixNanos()), Until: world.Instant(s.GetUntilUnixNanos()), Effect: decodeShock(s.GetEffect()),
		})
	}
	return shocks
}

func encodeSelector(s world.Selector) *fleetv1.PoolSelector {
	selector := &fleetv1.PoolSelector{ZoneId: s.ZoneID, InstanceType: s.InstanceType}
	switch {
	case s.Billing == nil:
	case *s.Billing:
		selector.BillingMethod = fleetv1.BillingMethod_BILLING_METHOD_SPOT
	default:
		selector.BillingMethod = fleetv1.BillingMethod_BILLING_METHOD_PAY_AS_YOU_GO
	}
	return selector
}

func decodeSelector(selector *fleetv1.PoolSelector) world.Selector {
	s := world.Selector{ZoneID: selector.GetZoneId(), InstanceType: selector.GetInstanceType()}
	if billing := selector.GetBillingMethod(); billing != fleetv1.BillingMethod_BILLING_METHOD_UNSPECIFIED {
		spot := billing == fleetv1.BillingMethod_BILLING_METHOD_SPOT
		s.Billing = &spot
	}
	return s
}
