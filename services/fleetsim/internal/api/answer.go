package api

import (
	"context"

	"github.com/seed-198b1370/muster/services/fleetsim/internal/answer"
	"github.com/seed-198b1370/muster/services/fleetsim/internal/engine"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// stateAt finds the youngest instance at an address, and tells how it is.
func stateAt(ctx context.Context, e *engine.Engine, remainder uint64) answer.State {
	state, err := look(ctx, e, func(w *world.World) answer.State {
		last := w.LastNumber()
		if last < remainder {
			return answer.Gone
		}
		for number := last - (last-remainder)%answer.Addresses; ; number -= answer.Addresses {
			if instance, ok := w.At(number); ok {
				return stateOf(&instance)
			}
			if number < answer.Addresses {
				return answer.Gone
			}
		}
	})
	if err != nil {
		return answer.Gone // the cloud is stopping
	}
	return state
}

// stateOf is how an instance is, as far as those notice who ask it.
func stateOf(instance *world.Instance) answer.State {
	if instance.Status != world.Running {
		return answer.Gone
	}
	switch instance.Health {
	case world.HealthOK:
		return answer.Works
	case world.HealthWarning:
		return answer.Slow
	case world.HealthInsufficientData:
		return answer.Hangs
	default:
		return answer.Impaired
	}
}
