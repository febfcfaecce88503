package fleetsim

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"

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
	file     *journal.File // nil without a data directory
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

// open goes on with the world of a data directory, or begins one there.
func (b *beginning) open(folder string) (err error) {
	if b.file, err = journal.Open(folder); err != nil {
		return err
	}
	genesis, err := b.file.Genesis()
	if err != nil {
		return err
	}
	if genesis == nil {
		if err := b.create(); err != nil {
			return err
		}
		return b.writeGenesis()
	}
	if err := b.adopt(genesis); err != nil {
		return err
	}
	if err := b.create(); err != nil {
		return err
	}
	if genesis.GetRulesVersion() != world.RulesVersion {
		if err := b.changeRules(genesis.GetRulesVersion()); err != nil {
			return err
		}
	}
	return b.restore()
}

// restore puts the snapshot, if there is one, in place of the new world.
func (b *beginning) restore() error {
	snapshot, ok, err := b.file.Load()
	if err != nil || !ok {
		return err
	}
	for _, instance := range snapshot.State.Instances {
		if int(instance.Offer) >= len(b.catalog.Offers()) {
			return errors.New("an instance is of an offer that the catalog lacks")
		}
	}
	b.snapshot = snapshot
	b.world = world.Restore(b.config, snapshot.State)
	return nil
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
	unfinished, err := b.file.HasRecords()
	if err != nil {
		return err
	}
	if unfinished {
		return fmt.Errorf("it was written by rules %d and not closed in order; start the release that wrote it, stop it in order, then start this one", from)
	}
	return b.writeGenesis()
}

func (b *beginning) writeGenesis() error {
	var stored bytes.Buffer
	if err := b.catalog.Write(&stored); err != nil {
		return err
	}
	return b.file.SetGenesis(&storagev1.Genesis{
		Seed: b.seed, VolatilityMillionths: b.volatility, OriginUnixNanos: int64(b.origin),
		CatalogCsv: stored.Bytes(), RulesVersion: world.RulesVersion,
	})
}

// fleetID tells the transitions of this world from those of others.
func (b *beginning) fleetID() uint64 {
	hash := fnv.New64a()
	// A hash never fails to be written to.
	_ = binary.Write(hash, binary.BigEndian, []uint64{b.seed, uint64(b.origin), uint64(b.volatility)})
	return hash.Sum64()
}
