package view

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/seed-198b1370/muster/pkg/clock"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/allocator/match"
	"github.com/seed-198b1370/muster/services/allocator/place"
)

// typesAge is how old the instance types get, by the clock, before they are read
// again though the stream tells of none that is not known.
const typesAge = 10 * time.Minute

// typesPage is how many instance types are asked for at a time.
const typesPage = 250

// typesTimeout bounds, in real time, how long one reading of them may take.
const typesTimeout = 30 * time.Second

// Types are the instance types of the cloud at one time. They never change.
type Types struct {
	all     []match.Type
	sold    map[place.Key]struct{}
	catalog *match.Catalog
	anyZone *match.Catalog
}

// AnyZone is the zone of [Types.AnyZone].
const AnyZone = ""

// Catalog is the types in the zones that sell them.
func (t *Types) Catalog() *match.Catalog { return t.catalog }

// AnyZone is the types as if one zone sold them all, the one that is named so.
func (t *Types) AnyZone() *match.Catalog { return t.anyZone }

// WhatIf is the types as a caller tells them, with those that the caller does
// not tell of as they are, in the zones that sell them on a market of the
// caller's.
func (t *Types) WhatIf(told []*fleetv1.InstanceType, pools []*fleetv1.Pool) *match.Catalog {
	zones := map[string][]string{}
	for _, pool := range pools {
		zones[pool.GetInstanceType()] = append(zones[pool.GetInstanceType()], pool.GetZoneId())
	}
	toldOf := make(map[string]struct{}, len(told))
	types := make([]match.Type, 0, len(told)+len(t.all))
	add := func(one match.Type) {
		one.Zones = zones[one.Name]
		slices.Sort(one.Zones)
		one.Zones = slices.Compact(one.Zones)
		types = append(types, one)
	}
	for _, one := range told {
		toldOf[one.GetInstanceType()] = struct{}{}
		add(typeOf(one))
	}
	for _, one := range t.all {
		if _, known := toldOf[one.Name]; !known {
			add(one)
		}
	}
	return match.NewCatalog(types)
}

func newTypes(listed []*fleetv1.InstanceType) *Types {
	t := &Types{sold: map[place.Key]struct{}{}, all: make([]match.Type, len(listed))}
	everywhere := make([]match.Type, len(listed))
	for i, one := range listed {
		t.all[i] = typeOf(one)
		everywhere[i] = t.all[i]
		everywhere[i].Zones = []string{AnyZone}
		for _, zone := range one.GetZoneIds() {
			t.sold[place.Key{Zone: zone, Type: one.GetInstanceType()}] = struct{}{}
		}
	}
	t.catalog, t.anyZone = match.NewCatalog(t.all), match.NewCatalog(everywhere)
	return t
}

// typeOf is a type in the words of package match. What this does not know of,
// a later fleet's kind of family, is as if it were not told.
func typeOf(told *fleetv1.InstanceType) match.Type {
	return match.Type{
		Name: told.GetInstanceType(), Zones: told.GetZoneIds(), VCPUs: told.GetVcpus(), GPUs: told.GetGpus(),
		MemoryMiB: told.GetMemoryMib(), Category: CategoryOf(told.GetCategory()), Level: LevelOf(told.GetFamilyLevel()),
		Burstable: told.GetBurstable(),
	}
}

// CategoryOf is a kind of family in the words of package match.
func CategoryOf(category fleetv1.InstanceCategory) match.Category {
	switch category {
	case fleetv1.InstanceCategory_INSTANCE_CATEGORY_X86:
		return match.X86
	case fleetv1.InstanceCategory_INSTANCE_CATEGORY_ARM:
		return match.Arm
	case fleetv1.InstanceCategory_INSTANCE_CATEGORY_HETEROGENEOUS:
		return match.Heterogeneous
	case fleetv1.InstanceCategory_INSTANCE_CATEGORY_BARE_METAL:
		return match.BareMetal
	case fleetv1.InstanceCategory_INSTANCE_CATEGORY_SUPER_COMPUTE_CLUSTER:
		return match.SuperComputeCluster
	default:
		return 0
	}
}

// LevelOf is a level of family in the words of package match.
func LevelOf(level fleetv1.FamilyLevel) match.Level {
	switch level {
	case fleetv1.FamilyLevel_FAMILY_LEVEL_ENTRY:
		return match.Entry
	case fleetv1.FamilyLevel_FAMILY_LEVEL_ENTERPRISE:
		return match.Enterprise
	case fleetv1.FamilyLevel_FAMILY_LEVEL_CREDIT_ENTRY:
		return match.CreditEntry
	default:
		return 0
	}
}

// knows tells whether a type is listed as sold in a zone.
func (t *Types) knows(key place.Key) bool {
	if t == nil {
		return false
	}
	_, known := t.sold[key]
	return known
}

// lookUp has the types read again if what is new to the stream is new to them.
func (v *View) lookUp(news []place.Key) {
	types := v.types.Load()
	for _, key := range news {
		if types.knows(key) {
			continue
		}
		select {
		case v.unknown <- struct{}{}:
		default: // they will be read
		}
		return
	}
}

// followTypes reads the instance types, and again when they have become old or
// the stream tells of one that is not among them. Each time it goes on until it
// succeeds.
func (v *View) followTypes(ctx context.Context) {
	for {
		v.readTypes(ctx)
		again := v.clock.NewTimer(v.clock.Now().Add(typesAge))
		select {
		case <-again.C:
		case <-v.unknown:
		case <-ctx.Done():
		}
		again.Stop()
		if ctx.Err() != nil {
			return
		}
	}
}

// readTypes reads the instance types until that succeeds or the context ends.
func (v *View) readTypes(ctx context.Context) {
	for delay := minRetryDelay; ; delay = min(2*delay, maxRetryDelay) {
		types, err := v.listTypes(ctx)
		if err == nil {
			v.types.Store(types)
			return
		}
		if ctx.Err() == nil {
			v.log.WarnContext(ctx, "could not read the instance types, those read before stay in use", "error", err, "retry_after", delay)
		}
		if clock.SleepUntil(ctx, v.clock, v.clock.Now().Add(delay)) != nil {
			return
		}
	}
}

func (v *View) listTypes(ctx context.Context) (*Types, error) {
	ctx, cancel := context.WithTimeout(ctx, typesTimeout)
	defer cancel()
	var all []*fleetv1.InstanceType
	request := &fleetv1.ListInstanceTypesRequest{PageSize: typesPage}
	for {
		page, err := v.fleet.ListInstanceTypes(ctx, request)
		if err != nil {
			return nil, fmt.Errorf("list instance types: %w", err)
		}
		all = append(all, page.GetInstanceTypes()...)
		if page.GetNextPageToken() == "" {
			return newTypes(all), nil
		}
		request.PageToken = page.GetNextPageToken()
	}
}
