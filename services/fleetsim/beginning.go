package fleetsim

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"

	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/fleetsim/storage/v1"
	"github.com/seed-198b1370/muster/services/fleetsim/catalog"
	"github.com/seed-198b1370/muster/services/fleetsim/internal/journal"
	"github.com/seed-198b1370/muster/services/fleetsim/market"
	"github.com/seed-198b1370/muster/services/fleetsim/scenario"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// beginning is the world that a service starts with, and where it came from.
type beginning struct {
	scenario   *scenario.Scenario // nil for none; says what the next three are
	catalog    *catalog.Catalog
	seed       uint64
	volatility int64 // millionths
	origin     world.Instant

	market   market.Source
	genesis  *storagev1.Genesis
	folder   *journal.Folder // nil without a data directory
	snapshot journal.Snapshot
	world    *world.World
}

// create makes a new world.
func (b *beginning) create() (err error) {
	if b.catalog == nil {
		if b.catalog, err = catalog.Default(); err != nil {
			return err
		}
	}
	config, err := b.config()
	if err != nil {
		return err
	}
	b.market = config.Market
	b.world = world.New(config)
	return nil
}

// groupTag is the key of the tag by which groups know their instances: what a
// group costs is what people ask for first.
const groupTag = "muster:group"

// config is what a world is made with, its market new.
func (b *beginning) config() (config world.Config, err error) {
	if b.scenario != nil {
		config, err = b.scenario.Config(b.origin)
	} else {
		config = world.Config{Catalog: b.catalog, Seed: b.seed, Origin: b.origin}
		config.Market, err = market.New(b.catalog, b.seed, b.volatility)
	}
	if !slices.Contains(config.CostTagKeys, groupTag) {
		config.CostTagKeys = append(slices.Clone(config.CostTagKeys), groupTag)
	}
	return config, err
}

// follow takes what a scenario says of a world.
func (b *beginning) follow(s *scenario.Scenario) {
	b.scenario, b.catalog, b.seed, b.volatility = s, s.Catalog, s.Seed, s.Volatility
}

// anew makes a new world and fixes what never changes.
func (b *beginning) anew() error {
	if err := b.create(); err != nil {
		return err
	}
	var stored bytes.Buffer
	if err := b.catalog.Write(&stored); err != nil {
		return err
	}
	b.genesis = &storagev1.Genesis{
		Seed: b.seed, VolatilityMillionths: b.volatility, OriginUnixNanos: int64(b.origin),
		CatalogCsv: stored.Bytes(), RulesVersion: world.RulesVersion,
	}
	if b.scenario != nil {
		b.genesis.ScenarioYaml, b.genesis.ScenarioFiles = b.scenario.YAML, b.scenario.Files
	}
	return nil
}

// open goes on with the world of a data directory, or begins one there.
func (b *beginning) open(path string, log *slog.Logger) (err error) {
	if b.folder, err = journal.Open(path, log); err != nil {
		return err
	}
	stored := b.folder.Genesis()
	if stored != nil {
		if written := stored.GetRulesVersion(); written > world.RulesVersion {
			return fmt.Errorf("it was written by rules %d, and this release knows them up to %d: start the release that wrote it", written, world.RulesVersion)
		}
		if err := b.adopt(stored); err != nil {
			return err
		}
	}
	if err := b.anew(); err != nil {
		return err
	}
	switch {
	case stored == nil:
		return b.folder.SetGenesis(b.genesis)
	case stored.GetRulesVersion() != world.RulesVersion:
		if err := b.changeRules(stored.GetRulesVersion()); err != nil {
			return err
		}
	}
	snapshot, ok, err := b.folder.Load()
	if err != nil || !ok {
		return err
	}
	b.snapshot = snapshot
	b.world, err = b.restore(snapshot.State)
	return err
}

// restore makes the world of a state.
func (b *beginning) restore(state world.State) (*world.World, error) {
	if err := b.checkState(&state); err != nil {
		return nil, err
	}
	config, err := b.config()
	if err != nil {
		return nil, err
	}
	return world.Restore(config, state), nil
}

// checkState holds what a state refers to against what there is.
func (b *beginning) checkState(state *world.State) error {
	accounts := map[string]bool{}
	var pools []world.Pool
	for _, account := range state.Accounts {
		accounts[account.ID] = true
		for _, charge := range account.Charges {
			if charge.Pool != nil {
				pools = append(pools, *charge.Pool)
			}
		}
	}
	for _, pool := range append(pools, state.Drained...) {
		if !b.sells(pool.Offer) {
			return errors.New("a pool is of an offer that the catalog lacks")
		}
	}
	for i := range state.Instances {
		instance := &state.Instances[i]
		if !b.sells(instance.Offer) {
			return fmt.Errorf("instance %d is of an offer that the catalog lacks", instance.Number)
		}
		if !accounts[instance.Account.ID()] {
			return fmt.Errorf("instance %d is of an account that is not there", instance.Number)
		}
	}
	return nil
}

func (b *beginning) sells(offer int32) bool {
	return offer >= 0 && int(offer) < len(b.catalog.Offers())
}

// adopt takes what was fixed at the first start, and refuses a configuration
// that says otherwise.
func (b *beginning) adopt(genesis *storagev1.Genesis) error {
	if err := b.adoptScenario(genesis); err != nil {
		return err
	}
	var errs []error
	if genesis.GetSeed() != b.seed {
		errs = append(errs, fmt.Errorf("it was begun with seed %d, not %d", genesis.GetSeed(), b.seed))
	}
	if genesis.GetVolatilityMillionths() != b.volatility {
		errs = append(errs, fmt.Errorf("it was begun with volatility %v, not %v",
			float64(genesis.GetVolatilityMillionths())/1e6, float64(b.volatility)/1e6))
	}
	stored, err := catalog.Parse(bytes.NewReader(genesis.GetCatalogCsv()))
	if err != nil {
		return fmt.Errorf("stored catalog: %w", err)
	}
	// What is sold counts, not its bytes: older releases wrote fewer columns.
	if b.catalog != nil && !slices.Equal(b.catalog.Offers(), stored.Offers()) {
		errs = append(errs, errors.New("it was begun with another catalog"))
	}
	if len(errs) > 0 {
		return fmt.Errorf("use the settings it was begun with, or another folder: %w", errors.Join(errs...))
	}
	b.catalog, b.origin = stored, world.Instant(genesis.GetOriginUnixNanos())
	return nil
}

// adoptScenario takes the scenario that a world was begun with, and refuses
// another one.
func (b *beginning) adoptScenario(genesis *storagev1.Genesis) error {
	given := b.scenario
	if len(genesis.GetScenarioYaml()) == 0 {
		if given != nil {
			return errors.New("use another folder: it was begun without a scenario")
		}
		return nil
	}
	stored, err := scenario.Parse("scenario", genesis.GetScenarioYaml(), scenario.Kept(genesis.GetScenarioFiles()))
	if err != nil {
		return fmt.Errorf("stored scenario: %w", err)
	}
	if given != nil && (!bytes.Equal(given.YAML, stored.YAML) || !maps.EqualFunc(given.Files, stored.Files, bytes.Equal)) {
		return fmt.Errorf("use the scenario it was begun with (%s, or none at all), or another folder", stored.Name)
	}
	b.follow(stored)
	return nil
}

// changeRules lets a state of older rules go on under those of now. That works
// with a snapshot; a journal has to be replayed by the rules that wrote it.
func (b *beginning) changeRules(from uint32) error {
	if b.folder.HasRecords() {
		return fmt.Errorf("it was written by rules %d and not closed in order; start the release that wrote it, stop it in order, then start this one", from)
	}
	return b.folder.SetGenesis(b.genesis)
}
