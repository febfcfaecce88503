package fleetsim_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim"
	"github.com/seed-198b1370/muster/services/fleetsim/catalog"
	"github.com/seed-198b1370/muster/services/fleetsim/internal/journal"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// TestReopen_goesOnAsIfNothingHadHappened kills a cloud (by copying its folder)
// and closes one, after each of many random commands, and holds the reopened
// ones against the first: instances, pools, transitions, answers (S6).
func TestReopen_goesOnAsIfNothingHadHappened(t *testing.T) {
	folder := t.TempDir()
	config := fleetsim.Config{Seed: 3, DataDir: folder}
	c := start(t, config, false)
	random := rand.New(rand.NewPCG(1, 2))
	var ids []string
	for step := range 9 {
		for range 5 {
			req := launch(fmt.Sprint("r", random.IntN(60)), 1+random.Int32N(10), func(r *fleetv1.RunInstancesRequest) {
				r.MinAmount = 1
				r.ZoneId = []string{"cn-shenzhen-d", "cn-shenzhen-e"}[random.IntN(2)]
				r.SpotProtection = fleetv1.SpotProtection(random.IntN(3))
				r.Tags = map[string]string{"group": fmt.Sprint("g", random.IntN(4))}
				if random.IntN(3) == 0 {
					r.MaxPriceMicrosPerHour = 85_000
				}
			})
			if resp, err := c.fleet.RunInstances(t.Context(), req); err == nil {
				ids = append(ids, resp.GetInstanceIds()...)
			}
			c.clock.Advance(time.Duration(random.Int64N(int64(10 * time.Minute))))
		}
		some := []string{ids[random.IntN(len(ids))]}
		if _, err := c.fleet.DeleteInstances(t.Context(), &fleetv1.DeleteInstancesRequest{InstanceIds: some}); err != nil {
			t.Fatal(err)
		}
		order := &fleetv1.ReclaimInstancesRequest{MaxInstances: 5, Target: &fleetv1.ReclaimInstancesRequest_Pools{Pools: &fleetv1.PoolSelector{ZoneId: "cn-shenzhen-e"}}}
		if _, err := c.simulation.ReclaimInstances(t.Context(), order); err != nil {
			t.Fatal(err)
		}
		drained := &fleetv1.PoolSelector{ZoneId: "cn-shenzhen-f", InstanceType: "ecs.c6.large"}
		if _, err := c.simulation.DrainPools(t.Context(), &fleetv1.DrainPoolsRequest{Pools: drained}); err != nil {
			t.Fatal(err)
		}
		killed := config
		killed.DataDir = copyFolder(t, folder)
		again := start(t, killed, false)
		compare(t, c, again)
		again.stop()
		if step%3 == 2 { // in order: the journal becomes a snapshot
			now := c.clock.Now()
			c.stop()
			c = start(t, config, false)
			c.clock.Advance(now.Sub(origin))
			reference := start(t, killed, false)
			reference.clock.Advance(now.Sub(origin))
			compare(t, reference, c)
			reference.stop()
		}
	}
}

// compare lets both clouds see the same, now and hours later.
func compare(t *testing.T, a, b *cloud) {
	t.Helper()
	if behind := a.clock.Now().Sub(b.clock.Now()); behind > 0 {
		b.clock.Advance(behind)
	}
	listA, cursorA := a.list(&fleetv1.ListInstancesRequest{PageSize: 250})
	listB, cursorB := b.list(&fleetv1.ListInstancesRequest{PageSize: 250})
	if diff := cmp.Diff(listA, listB, protocmp.Transform()); diff != "" {
		t.Fatalf("instances differ: %s", diff)
	}
	if cursorA != cursorB {
		t.Fatalf("cursors differ: %s, %s", cursorA, cursorB)
	}
	total := decode(t, cursorA)
	transitionsA, _ := a.watch("", total, nil)
	transitionsB, _ := b.watch("", total, nil)
	if diff := cmp.Diff(describe(transitionsA), describe(transitionsB)); diff != "" {
		t.Fatalf("transitions differ: %s", diff)
	}
	poolsA, err := a.fleet.ListPools(t.Context(), &fleetv1.ListPoolsRequest{InstanceTypes: []string{"ecs.c6.large"}})
	if err != nil {
		t.Fatal(err)
	}
	poolsB, err := b.fleet.ListPools(t.Context(), &fleetv1.ListPoolsRequest{InstanceTypes: []string{"ecs.c6.large"}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(poolsA, poolsB, protocmp.Transform()); diff != "" {
		t.Fatalf("pools differ: %s", diff)
	}
}

func TestReopen_keepsWhatItWasBegunWith(t *testing.T) {
	config := fleetsim.Config{Seed: 5, DataDir: t.TempDir(), Origin: origin, Volatility: still()}
	first := start(t, config, true)
	first.run(launch("a", 1))
	before := first.Clock().Now()
	first.stop()

	another := config
	another.Origin, another.Speed = origin.Add(1000*time.Hour), 60
	second := start(t, another, true)
	if now := second.Clock().Now(); now.Before(before.Add(-time.Minute)) || now.After(before.Add(100*time.Hour)) {
		t.Errorf("stopped at %v, goes on at %v", before, now)
	}
	second.stop()

	c, err := catalog.Parse(strings.NewReader("zone_id,instance_type,family,architecture,vcpus,memory_mib,gpus,pay_as_you_go_micros_per_hour,spot_base_permille,capacity_instances\n" +
		"cn-test-c,ecs.a.large,ecs.a,x86,2,4096,0,1000000,200,10\n"))
	if err != nil {
		t.Fatal(err)
	}
	bad := config
	bad.Seed, bad.Volatility, bad.Catalog = 6, nil, c
	_, err = fleetsim.New(bad, fleetsim.Deps{})
	for _, want := range []string{"begun with seed 5, not 6", "begun with volatility 0, not 1", "begun with another catalog"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	// A refusal has let go of the folder.
	third := start(t, config, true)
	if all, _ := third.list(&fleetv1.ListInstancesRequest{}); len(all) != 1 {
		t.Errorf("%d instances", len(all))
	}
}

// A folder of a release that knew no kinds of family has a catalog without them:
// it goes on, with the same catalog given or none, and tells kinds.
func TestReopen_ofACatalogWithoutKinds(t *testing.T) {
	const old = "zone_id,instance_type,family,architecture,vcpus,memory_mib,gpus,pay_as_you_go_micros_per_hour,spot_base_permille,capacity_instances\n" +
		"cn-test-c,ecs.t6.large,ecs.t6,x86,2,4096,0,1000000,200,10\n"
	given, err := catalog.Parse(strings.NewReader(old))
	if err != nil {
		t.Fatal(err)
	}
	config := fleetsim.Config{Seed: 5, DataDir: t.TempDir(), Origin: origin, Volatility: still(), Catalog: given}
	start(t, config, true).stop()
	folder, err := journal.Open(config.DataDir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	genesis := folder.Genesis()
	genesis.CatalogCsv = []byte(old)
	if err := errors.Join(folder.SetGenesis(genesis), folder.Close()); err != nil {
		t.Fatal(err)
	}
	for _, config.Catalog = range []*catalog.Catalog{given, nil} {
		c := start(t, config, true)
		listed, err := c.fleet.ListInstanceTypes(t.Context(), &fleetv1.ListInstanceTypesRequest{})
		if err != nil || len(listed.GetInstanceTypes()) != 1 {
			t.Fatalf("%v, %v", listed, err)
		}
		if one := listed.GetInstanceTypes()[0]; one.GetFamilyLevel() != fleetv1.FamilyLevel_FAMILY_LEVEL_CREDIT_ENTRY || !one.GetBurstable() {
			t.Errorf("got %v", one)
		}
		c.stop()
	}
	offers := slices.Clone(given.Offers())
	offers[0].Level = catalog.LevelEnterprise
	if config.Catalog, err = catalog.New("", offers); err != nil {
		t.Fatal(err)
	}
	if _, err := fleetsim.New(config, fleetsim.Deps{}); err == nil || !strings.Contains(err.Error(), "begun with another catalog") {
		t.Errorf("a catalog of another level: got %v", err)
	}
}

// TestReopen_ofOtherRules holds that a folder that was closed in order goes on
// under later rules, but not under older ones than it was written by.
func TestReopen_ofOtherRules(t *testing.T) {
	config := fleetsim.Config{Seed: 5, DataDir: t.TempDir(), Origin: origin, Volatility: still()}
	first := start(t, config, true)
	first.run(launch("a", 1))
	first.stop()
	for _, version := range []uint32{world.RulesVersion - 1, world.RulesVersion + 1} {
		folder, err := journal.Open(config.DataDir, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		genesis := folder.Genesis()
		genesis.RulesVersion = version
		if err := errors.Join(folder.SetGenesis(genesis), folder.Close()); err != nil {
			t.Fatal(err)
		}
		service, err := fleetsim.New(config, fleetsim.Deps{})
		if version < world.RulesVersion {
			if err != nil {
				t.Fatalf("rules %d: %v", version, err)
			}
			if err := service.Close(); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if want := fmt.Sprintf("rules %d, and this release knows them up to %d", version, world.RulesVersion); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("rules %d: got %v, want %s", version, err, want)
		}
	}
}

func TestNew_saysAllThatIsWrong(t *testing.T) {
	wild := 11.0
	_, err := fleetsim.New(fleetsim.Config{Speed: 1e9, Volatility: &wild, RetainTransitions: -1}, fleetsim.Deps{})
	for _, want := range []string{"speed 1e+09 is not between", "volatility 11 is not between", "-1 transitions to retain are not between"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// TestReopen_ofADamagedFolder holds that what was not written whole at the end
// is cut off and told, and that other damage is refused, with what can be done.
func TestReopen_ofADamagedFolder(t *testing.T) {
	config := fleetsim.Config{Seed: 5, DataDir: t.TempDir(), Origin: origin, Volatility: still()}
	c := start(t, config, false)
	for i := range 5 {
		c.run(launch(fmt.Sprint("r", i), 1))
	}
	killed := copyFolder(t, config.DataDir)
	segment := filepath.Join(killed, "journal-00000000000000000001.log")
	raw, err := os.ReadFile(segment)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(segment, raw[:len(raw)-3], 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	torn := config
	torn.DataDir = killed
	service, err := fleetsim.New(torn, fleetsim.Deps{Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	if err := service.Close(); err != nil || !strings.Contains(log.String(), "level=WARN") || !strings.Contains(log.String(), "journal-00000000000000000001.log.cut") {
		t.Errorf("%v; the log says %q", err, log.String())
	}
	again := start(t, torn, false)
	if all, _ := again.list(&fleetv1.ListInstancesRequest{}); len(all) != 4 {
		t.Errorf("%d instances, want all but that of the last launch", len(all))
	}

	broken := config
	broken.DataDir = copyFolder(t, config.DataDir)
	raw[len(raw)/2] ^= 1
	if err := os.WriteFile(filepath.Join(broken.DataDir, filepath.Base(segment)), raw, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = fleetsim.New(broken, fleetsim.Deps{})
	for _, want := range []string{"data directory " + broken.DataDir, "journal-00000000000000000001.log is damaged at byte", "copy of the folder"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
