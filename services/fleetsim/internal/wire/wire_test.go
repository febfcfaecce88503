package wire_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim/internal/wire"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// selectors, names and lengths of what faults are made of.
var (
	name      = rapid.StringMatching(`[a-z0-9.-]{0,20}`)
	length    = rapid.Int64Range(0, int64(10*time.Minute))
	selectors = rapid.Custom(func(t *rapid.T) world.Selector {
		s := world.Selector{ZoneID: name.Draw(t, "zone"), InstanceType: name.Draw(t, "type")}
		if rapid.Bool().Draw(t, "one billing method") {
			spot := rapid.Bool().Draw(t, "spot")
			s.Billing = &spot
		}
		return s
	})
	effects = rapid.Custom(func(t *rapid.T) world.Effect {
		permille := rapid.Int32Range(1, 1_000_000).Draw(t, "permille")
		switch rapid.IntRange(0, 6).Draw(t, "kind") {
		case 0:
			return world.PriceShock{Pools: selectors.Draw(t, "pools"), Permille: int64(permille)}
		case 1:
			return world.ZoneOutage{ZoneID: name.Draw(t, "zone")}
		case 2:
			return world.SlowLaunch{Pools: selectors.Draw(t, "pools"), Permille: int64(permille)}
		case 3:
			return world.LaunchRefusal{Pools: selectors.Draw(t, "pools"), Refusal: world.Refusal(rapid.Int32Range(1, 15).Draw(t, "refusal"))}
		case 4:
			return world.DiskShortage{ZoneID: name.Draw(t, "zone"), Category: world.DiskCategory(rapid.IntRange(1, 4).Draw(t, "category"))}
		case 5:
			trouble := world.CallTrouble{
				SharePermille: permille, Latency: time.Duration(length.Draw(t, "latency")),
				Outcome: rapid.Int32Range(0, 6).Draw(t, "outcome"), MaxCalls: rapid.Int32Range(0, 9).Draw(t, "most"),
			}
			if rapid.Bool().Draw(t, "some methods") {
				trouble.Methods = rapid.SliceOfN(name, 1, 3).Draw(t, "methods")
			}
			return trouble
		default:
			return world.StreamTrouble{DuplicatePermille: permille, Delay: time.Duration(length.Draw(t, "delay"))}
		}
	})
)

// sent is a fault as it comes out of the bytes it was put into.
func sent(t *rapid.T, fault *fleetv1.Fault) *fleetv1.Fault {
	raw, err := proto.Marshal(fault)
	if err != nil {
		t.Fatal(err)
	}
	received := &fleetv1.Fault{}
	if err := proto.Unmarshal(raw, received); err != nil {
		t.Fatal(err)
	}
	return received
}

func TestFault_comesBack_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fault := world.Fault{ID: name.Draw(t, "id"), From: world.Instant(rapid.Int64Range(1, 1<<62).Draw(t, "from")), Effect: effects.Draw(t, "effect")}
		if rapid.Bool().Draw(t, "ends") {
			fault.Until = fault.From.Add(time.Duration(rapid.Int64Range(1, 1<<53).Draw(t, "lasts")))
		}
		if got := wire.FromFault(sent(t, wire.ToFault(&fault))); !reflect.DeepEqual(fault, got) {
			t.Fatal(cmp.Diff(fault, got))
		}
	})
}

func TestInjection_comesBack_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		order := world.InjectFault{ID: name.Draw(t, "id"), Duration: time.Duration(length.Draw(t, "lasts")), Effect: effects.Draw(t, "effect")}
		if got := wire.FromInjection(sent(t, wire.ToInjection(order))); !reflect.DeepEqual(order, got) {
			t.Fatal(cmp.Diff(order, got))
		}
	})
}

func TestSettings_comeBack_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		quota := rapid.Int64Range(-1, 1_000_000_000)
		calls := rapid.Int32Range(0, 1_000_000)
		settings := world.AccountSettings{
			PayAsYouGoVCPUs: quota.Draw(t, "payg"), SpotVCPUs: quota.Draw(t, "spot"),
			CallsPerSecond: calls.Draw(t, "calls"), CallBurst: calls.Draw(t, "burst"),
		}
		if got := wire.FromSettings(wire.ToSettings(settings)); got != settings {
			t.Fatalf("%v came back as %v", settings, got)
		}
	})
}

func TestFromSettings_ofNothingIsUnlimited(t *testing.T) {
	for _, settings := range []*fleetv1.AccountSettings{nil, {}} {
		if got := wire.FromSettings(settings); got != world.Unlimited() {
			t.Errorf("%v", got)
		}
	}
}
