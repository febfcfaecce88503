package scenario

import (
	"fmt"
	"math"
	"time"

	"github.com/seed-198b1370/muster/services/fleetsim/catalog"
	"github.com/seed-198b1370/muster/services/fleetsim/market"
	"github.com/seed-198b1370/muster/services/fleetsim/trace"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// A Scenario is a simulated cloud from its beginning. It never changes.
type Scenario struct {
	// Name is what people call it, Description what it shows.
	Name, Description string
	// Seed decides all that is drawn.
	Seed uint64
	// Start is the simulated time at which it begins; the zero time is now.
	Start time.Time
	// Speed is how many simulated seconds pass in a real one at first; 0 when
	// the file does not say.
	Speed float64
	// Currency is what all prices are in, three letters.
	Currency string
	// Catalog is what is sold.
	Catalog *catalog.Catalog
	// Volatility is how widely the market model moves, in millionths.
	Volatility int64
	// Replay is the traces that the market follows; nil for the model alone.
	Replay *ReplaySpec
	// Accounts is the accounts that there are from the beginning.
	Accounts []world.AccountSetup
	// CostTagKeys is the keys of tags by which charges are summed.
	CostTagKeys []string
	// Agenda is what happens by itself, in order of time.
	Agenda []Timed
	// YAML is the scenario as it was given, Files each file that it names, by
	// that name. With them [Parse] gives the same scenario again.
	YAML  []byte
	Files map[string][]byte
}

// A Timed command is obeyed a while after the beginning. Commands can share the
// lists of their pools, which nobody must change.
type Timed struct {
	// After is how long, up to ten years.
	After time.Duration
	// Command is what.
	Command world.Command
}

// A ReplaySpec is traces to replay. Their second 0 is the beginning.
type ReplaySpec struct {
	// Tick is how often values are looked up; 0 for the longest time that
	// misses no row.
	Tick time.Duration
	// Repeat begins anew when the traces are over.
	Repeat bool
	// Series is what is known of which offer, in their order.
	Series []trace.Binding
	// ClampedPrices is how many prices are less than 10 % or more than 100 % of
	// their list price, which stand in for them.
	ClampedPrices int
}

// Config is what the world of the scenario begins with at a time. It fails only
// for a time so late that what is planned after it has no instant.
func (s *Scenario) Config(origin world.Instant) (world.Config, error) {
	source, err := s.market(origin)
	if err != nil {
		return world.Config{}, fmt.Errorf("scenario %s: %w", s.Name, err)
	}
	config := world.Config{
		Catalog: s.Catalog, Market: source, Seed: s.Seed, Origin: origin,
		Accounts: s.Accounts, CostTagKeys: s.CostTagKeys, Agenda: make([]world.Planned, len(s.Agenda)),
	}
	for i, timed := range s.Agenda {
		if int64(origin) > math.MaxInt64-int64(timed.After) {
			return world.Config{}, fmt.Errorf("scenario %s: it can not begin at %v: it plans for %v later", s.Name, origin.Time(), timed.After)
		}
		config.Agenda[i] = world.Planned{At: origin.Add(timed.After), Command: timed.Command}
	}
	return config, nil
}

// market is the market as seen from a beginning.
func (s *Scenario) market(origin world.Instant) (market.Source, error) {
	model, err := market.New(s.Catalog, s.Seed, s.Volatility)
	if err != nil || s.Replay == nil {
		return model, err
	}
	return s.Replay.market(s.Catalog, model, origin)
}

// market replays the traces. Ticks begin at whole seconds, so the one of the
// beginning can have begun up to a second before.
func (r *ReplaySpec) market(c *catalog.Catalog, base market.Source, origin world.Instant) (*trace.Replay, error) {
	start := origin.Time().Truncate(time.Second)
	return trace.New(trace.Config{
		Catalog: c, Base: base, StartUnixNanos: start.UnixNano(), Tick: r.Tick, Repeat: r.Repeat, Series: r.Series,
	})
}
