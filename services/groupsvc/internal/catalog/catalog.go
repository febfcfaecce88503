// Package catalog owns what the group service knows of what the cloud sells:
// zones, instance types and list prices, read from the fleet and kept. It must
// not know stock or spot prices, which change all the time.
package catalog

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/seed-198b1370/muster/pkg/clock"
	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

// refreshEvery is how old the catalog is at least when it is read again in
// search of something that it does not have.
const refreshEvery = 30 * time.Second

const pageSize = 250

// Catalog is what the cloud sells. It is safe for use by several goroutines.
type Catalog struct {
	fleet fleetv1.FleetServiceClient
	clock clock.Clock

	mu sync.Mutex
	// Guarded by mu, which is held while the fleet is read, so that callers
	// share one reading. What it points to is never changed.
	listing *Listing
	read    time.Time
}

// Listing is the catalog at some time.
type Listing struct {
	zones map[string]bool
	types map[string]*fleetv1.InstanceType
}

// New makes a catalog that is read from the fleet when it is first asked.
func New(fleet fleetv1.FleetServiceClient, c clock.Clock) *Catalog {
	return &Catalog{fleet: fleet, clock: c}
}

// HasZone tells whether the region has a zone.
func (l *Listing) HasZone(zoneID string) bool { return l.zones[zoneID] }

// Zones is the zones of the region, in order.
func (l *Listing) Zones() []string { return slices.Sorted(maps.Keys(l.zones)) }

// ZonesOf is the zones that sell a type, in order.
func (l *Listing) ZonesOf(instanceType string) []string { return l.types[instanceType].GetZoneIds() }

// HasType tells whether any zone sells a type.
func (l *Listing) HasType(instanceType string) bool { return l.types[instanceType] != nil }

// Type is what the cloud tells of a type; nil of one that it does not sell.
func (l *Listing) Type(instanceType string) *fleetv1.InstanceType { return l.types[instanceType] }

// Sells tells whether a zone sells a type.
func (l *Listing) Sells(zoneID, instanceType string) bool {
	return slices.Contains(l.types[instanceType].GetZoneIds(), zoneID)
}

// ListPrice tells what a pay-as-you-go instance of a type costs, in micro-units
// of the currency per hour; 0 when the type is not known.
func (l *Listing) ListPrice(instanceType string) int64 {
	return l.types[instanceType].GetPayAsYouGoPriceMicrosPerHour()
}

// Get tells what the cloud sells. If what is known does not satisfy the caller,
// the fleet is asked again, unless it was a short while ago.
func (c *Catalog) Get(ctx context.Context, satisfied func(*Listing) bool) (*Listing, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.listing != nil && (satisfied(c.listing) || c.clock.Now().Before(c.read.Add(refreshEvery))) {
		return c.listing, nil
	}
	listing, err := c.load(ctx)
	if err != nil {
		return nil, err
	}
	c.listing, c.read = listing, c.clock.Now()
	return listing, nil
}

func (c *Catalog) load(ctx context.Context) (*Listing, error) {
	// What is on sale is the same for all; that account is always there.
	ctx = rpc.WithAccount(ctx, rpc.DefaultAccount)
	listing := &Listing{zones: map[string]bool{}, types: map[string]*fleetv1.InstanceType{}}
	zones, err := c.fleet.ListZones(ctx, &fleetv1.ListZonesRequest{})
	if err != nil {
		return nil, fmt.Errorf("list zones: %w", err)
	}
	for _, zone := range zones.GetZones() {
		listing.zones[zone.GetZoneId()] = true
	}
	request := &fleetv1.ListInstanceTypesRequest{PageSize: pageSize}
	for {
		page, err := c.fleet.ListInstanceTypes(ctx, request)
		if err != nil {
			return nil, fmt.Errorf("list instance types: %w", err)
		}
		for _, instanceType := range page.GetInstanceTypes() {
			listing.types[instanceType.GetInstanceType()] = instanceType
		}
		if page.GetNextPageToken() == "" {
			return listing, nil
		}
		request.PageToken = page.GetNextPageToken()
	}
}
