package fleetsim

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"

	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/fleetsim/storage/v1"
	"github.com/seed-198b1370/muster/services/fleetsim/catalog"
	"github.com/seed-198b1370/muster/services/fleetsim/internal/journal"
	"github.com/seed-198b1370/muster/services/fleetsim/market"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// beginning is the world that a service starts with, and where it came from.
type beginning struct {
	catalog    *catalog.Catalog
	seed       uint64
	volatility int64 // millionths
	origin     world.Instant

	config   world.Config
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
	m, err := market.New(b.catalog, b.seed, b.volatility)
	if err != nil {
		return err
	}
	b.config = world.Config{Catalog: b.catalog, Market: m, Seed: b.seed, Origin: b.origin, CostTagKeys: []string{"muster:group"}}
	b.world = world.New(b.config)
	return nil
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
	return nil
}

// open goes on with the world of a data directory, or begins one there.
func (b *beginning) open(path string, log *slog.Logger) (err error) {
	if b.folder, err = journal.Open(path, log); err != nil {
		return err
	}
	stored := b.folder.Genesis()
	if stored != nil {
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
	for _, instance := range state.Instances {
		if int(instance.Offer) >= len(b.catalog.Offers()) {
			return nil, errors.New("an instance is of an offer that the catalog lacks")
		}
	}
	return world.Restore(b.config, state), nil
}

// adopt takes what was fixed at the first start, and refuses a configuration
// that says otherwise.
func (b *beginning) adopt(genesis *storagev1.Genesis) error {
	var errs []error
	if genesis.GetSeed() != b.seed {
		errs = append(errs, fmt.Errorf("it was begun with seed %d, not %d", genesis.GetSeed(), b.seed))
	}
	if genesis.GetVolatilityMillionths() != b.volatility {
		errs = append(errs, fmt.Errorf("it was begun with volatility %v, not %v",
			float64(genesis.GetVolatilityMillionths())/1e6, float64(b.volatility)/1e6))
	}
	if b.catalog != nil {
		var given bytes.Buffer
		if err := b.catalog.Write(&given); err != nil || !bytes.Equal(given.Bytes(), genesis.GetCatalogCsv()) {
			errs = append(errs, errors.New("it was begun with another catalog"))
		}
	}
	if len(errs) > 0 {
		return fmt.Errorf("use the settings it was begun with, or another folder: %w", errors.Join(errs...))
	}
	stored, err := catalog.Parse(bytes.NewReader(genesis.GetCatalogCsv()))
	if err != nil {
		return fmt.Errorf("stored catalog: %w", err)
	}
	b.catalog, b.origin = stored, world.Instant(genesis.GetOriginUnixNanos())
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
