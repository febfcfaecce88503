package ops

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/seed-198b1370/muster/pkg/clock"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/gateway/internal/network"
	"github.com/seed-198b1370/muster/services/gateway/wire"
)

// placesAge is how long regions and zones are remembered, in real time.
const placesAge = time.Minute

// A Cloud is the cloud with what it sells remembered, which rarely changes and
// is asked for by most calls.
type Cloud struct {
	fleetv1.FleetServiceClient
	clock clock.Clock

	mu     sync.Mutex
	places Places
	read   time.Time
}

// Places are the regions and zones of the cloud, and the types it sells there.
type Places struct {
	Regions []*fleetv1.Region
	Zones   []*fleetv1.Zone
	ZoneIDs []string
	// Types are the instance types, in the order of their names, and TypeOf the
	// same by name.
	Types  []*fleetv1.InstanceType
	TypeOf map[string]*fleetv1.InstanceType
}

// NewCloud makes the cloud of a client; the clock, in real time, tells when
// what is remembered is too old.
func NewCloud(client fleetv1.FleetServiceClient, clk clock.Clock) *Cloud {
	return &Cloud{FleetServiceClient: client, clock: clk}
}

// Places tells the regions, zones and types. The caller must not change them.
func (c *Cloud) Places(ctx context.Context) (Places, error) {
	c.mu.Lock()
	held, read := c.places, c.read
	c.mu.Unlock()
	now := c.clock.Now()
	if !read.IsZero() && now.Sub(read) < placesAge {
		return held, nil
	}
	regions, err := c.ListRegions(ctx, &fleetv1.ListRegionsRequest{})
	if err != nil {
		return held, err
	}
	zones, err := c.ListZones(ctx, &fleetv1.ListZonesRequest{})
	if err != nil {
		return held, err
	}
	held = Places{Regions: regions.GetRegions(), Zones: zones.GetZones(), TypeOf: map[string]*fleetv1.InstanceType{}}
	for _, zone := range held.Zones {
		held.ZoneIDs = append(held.ZoneIDs, zone.GetZoneId())
	}
	if held.Types, err = c.types(ctx); err != nil {
		return held, err
	}
	for _, kind := range held.Types {
		held.TypeOf[kind.GetInstanceType()] = kind
	}
	c.mu.Lock()
	c.places, c.read = held, now
	c.mu.Unlock()
	return held, nil
}

// types reads all instance types.
func (c *Cloud) types(ctx context.Context) ([]*fleetv1.InstanceType, error) {
	var all []*fleetv1.InstanceType
	request := &fleetv1.ListInstanceTypesRequest{PageSize: backendPage}
	for {
		page, err := c.ListInstanceTypes(ctx, request)
		if err != nil {
			return nil, err
		}
		all = append(all, page.GetInstanceTypes()...)
		if request.PageToken = page.GetNextPageToken(); request.GetPageToken() == "" {
			return all, nil
		}
	}
}

// backendPage is how many items are asked for at a time.
const backendPage = 250

// CheckRegion refuses a region that the cloud does not have, with the error of
// the operation that asks.
func (c *Cloud) CheckRegion(ctx context.Context, region string, refusal wire.Error) error {
	places, err := c.Places(ctx)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(places.Regions, func(r *fleetv1.Region) bool { return r.GetRegionId() == region }) {
		return nil
	}
	return refusal.With("The parameter \"RegionId\" must be " + regionNames(places.Regions) + ", got " + wire.Quote(region) + ".")
}

func regionNames(regions []*fleetv1.Region) string {
	text := ""
	for i, region := range regions {
		if i > 0 {
			text += " or "
		}
		text += region.GetRegionId()
	}
	return text
}

// ZoneOf tells the zone that a vSwitch is in, or refuses the id.
func (c *Cloud) ZoneOf(ctx context.Context, vSwitch string, refusal wire.Error) (string, error) {
	places, err := c.Places(ctx)
	if err != nil {
		return "", err
	}
	zone, ok := network.ZoneOf(vSwitch, places.ZoneIDs)
	if !ok {
		return "", refusal.With("An id of a vSwitch is vsw- and lower-case letters, digits and hyphens, got " + wire.Quote(vSwitch) + ".")
	}
	return zone, nil
}

// vSwitchOf is the vSwitch that stands for a zone; "" for none.
func vSwitchOf(zone string) string {
	if zone == "" {
		return ""
	}
	return network.VSwitchOf(zone)
}
