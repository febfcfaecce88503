package fleetsim

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/seed-198b1370/muster/services/fleetsim/internal/api"
	"github.com/seed-198b1370/muster/services/fleetsim/internal/engine"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// factsOf asks the world for the facts at each call.
type factsOf struct {
	engine *engine.Engine
	last   atomic.Pointer[world.Facts]
}

// Facts implements [api.Facts]. Once the engine has stopped the last ones stay.
func (f *factsOf) Facts() *world.Facts {
	_ = f.engine.Look(context.Background(), func(w *world.World) { f.last.Store(w.Facts()) })
	if facts := f.last.Load(); facts != nil {
		return facts
	}
	return &world.Facts{Accounts: map[string]world.AccountSettings{world.DefaultAccountID: world.Unlimited()}}
}

// adviceOf looks at each hour of the 30 days before a time.
func adviceOf(config world.Config) func(int, int64) api.Advice {
	return func(offer int, before int64) api.Advice {
		start, length := config.Market.Ticks()
		sold := &config.Catalog.Offers()[offer]
		const hours = 30 * 24
		var sum, short int64
		for hour := range int64(hours) {
			tick := (before - (hour+1)*int64(time.Hour) - start) / int64(length)
			sum += config.Market.Price(offer, tick)
			if config.Market.Demand(offer, tick) >= sold.Capacity {
				short++
			}
		}
		permille := short * 1000 / hours
		advice := api.Advice{PricePercent: max(1, sum*100/hours/sold.PayAsYouGoMicros), InterruptionPermille: permille, Band: "0-3%"}
		switch {
		case permille >= 100:
			advice.Band = "10-100%"
		case permille >= 50:
			advice.Band = "5-10%"
		case permille >= 30:
			advice.Band = "3-5%"
		}
		return advice
	}
}

// fixedClockwork is that of a clock that can not be changed.
type fixedClockwork struct{}

func (fixedClockwork) Paused() bool                  { return false }
func (fixedClockwork) Pause(bool) (time.Time, error) { return time.Time{}, engine.ErrFixedClock }
func (fixedClockwork) AdvanceTo(context.Context, time.Time) (time.Time, error) {
	return time.Time{}, engine.ErrFixedClock
}
func (fixedClockwork) NextEvent(context.Context) (time.Time, error) {
	return time.Time{}, engine.ErrFixedClock
}

// noSnapshots keeps none.
type noSnapshots struct{}

func (noSnapshots) Create(context.Context, string) (api.Snapshot, error) {
	return api.Snapshot{}, &world.LimitError{What: "snapshots", Limit: 0}
}
func (noSnapshots) List(context.Context) ([]api.Snapshot, error) { return nil, nil }
func (noSnapshots) Restore(context.Context, string) (api.Snapshot, error) {
	return api.Snapshot{}, api.ErrNoSnapshot
}
func (noSnapshots) Delete(context.Context, string) error { return api.ErrNoSnapshot }
