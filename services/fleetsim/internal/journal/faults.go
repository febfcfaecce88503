package journal

import (
	"fmt"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/fleetsim/storage/v1"
	"github.com/seed-198b1370/muster/services/fleetsim/internal/wire"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// decodeFault makes the fault of a message, unless it is one that only a later
// release knows.
func decodeFault(message *fleetv1.Fault) (world.Fault, error) {
	fault := wire.FromFault(message)
	return fault, checkEffect(message, fault.Effect)
}

// decodeInjection makes the order for a fault of a message, likewise.
func decodeInjection(message *fleetv1.Fault) (world.InjectFault, error) {
	injection := wire.FromInjection(message)
	return injection, checkEffect(message, injection.Effect)
}

func checkEffect(message *fleetv1.Fault, effect world.Effect) error {
	if effect == nil {
		return fmt.Errorf("fault %q of unknown effect %T", message.GetFaultId(), message.GetEffect())
	}
	return nil
}

func encodeShocks(shocks []world.Shock) (stored []*storagev1.StoredShock) {
	for _, s := range shocks {
		stored = append(stored, &storagev1.StoredShock{
			FromUnixNanos: int64(s.From), UntilUnixNanos: int64(s.Until), Effect: wire.ToPriceShock(s.Effect),
		})
	}
	return stored
}

func decodeShocks(stored []*storagev1.StoredShock) (shocks []world.Shock) {
	for _, s := range stored {
		shocks = append(shocks, world.Shock{
			From: world.Instant(s.GetFromUnixNanos()), Until: world.Instant(s.GetUntilUnixNanos()), Effect: wire.FromPriceShock(s.GetEffect()),
		})
	}
	return shocks
}
