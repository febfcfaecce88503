package cli

import (
	"context"
	"strings"

	"github.com/seed-198b1370/muster/pkg/money"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

type marketTypes struct {
	client
	limited
	Family string `placeholder:"FAMILY" help:"Only types of this family, such as ecs.c6."`
}

// Run lists instance types, page by page.
func (c *marketTypes) Run(ctx context.Context, on console) error {
	if err := c.check(); err != nil {
		return err
	}
	return c.fleet(func(fleet fleetv1.FleetServiceClient) error {
		all := &fleetv1.ListInstanceTypesResponse{}
		var err error
		all.NextPageToken, err = c.eachPage(mostPage, func(token string, size int32) (int, string, error) {
			page, err := fleet.ListInstanceTypes(ctx, &fleetv1.ListInstanceTypesRequest{Family: c.Family, PageToken: token, PageSize: size})
			all.InstanceTypes = append(all.InstanceTypes, page.GetInstanceTypes()...)
			return len(all.InstanceTypes), page.GetNextPageToken(), err
		})
		if err != nil {
			return err
		}
		if len(all.GetInstanceTypes()) == 0 {
			say(on.err, "no types match")
		}
		return c.showPriced(ctx, fleet, on.out, all, func(w pricedTable) {
			typeTable(w, all.GetInstanceTypes())
			c.more(w.table, all.GetNextPageToken())
		})
	})
}

func typeTable(w pricedTable, types []*fleetv1.InstanceType) {
	if len(types) == 0 {
		return
	}
	// A type's name begins with its family, and its category tells more than its
	// architecture.
	row(w, "TYPE", "CATEGORY", "LEVEL", "VCPUS", "MEMORY/GIB", "GPUS", "LIST PRICE/H", "ZONES")
	for _, t := range types {
		const mibPerGiB = 1 << 10
		row(w, t.GetInstanceType(), word(t.GetCategory()), word(t.GetFamilyLevel()), t.GetVcpus(), units(float64(t.GetMemoryMib())/mibPerGiB), t.GetGpus(),
			money.FormatMicros(t.GetPayAsYouGoPriceMicrosPerHour()), zonesText(t.GetZoneIds()))
	}
	w.sayPrices()
}

// zonesText names zones: the first in full, and of those that differ from it only
// after the last dash no more than that.
func zonesText(zones []string) string {
	if len(zones) == 0 {
		return "-"
	}
	region := zones[0][:strings.LastIndex(zones[0], "-")+1]
	text := zones[0]
	for _, zone := range zones[1:] {
		if last, ok := strings.CutPrefix(zone, region); ok && last != "" && !strings.Contains(last, "-") {
			zone = last
		}
		text += ", " + zone
	}
	return text
}

type marketZones struct{ client }

// Run lists regions with their zones.
func (c *marketZones) Run(ctx context.Context, on console) error {
	return c.fleet(func(fleet fleetv1.FleetServiceClient) error {
		listed, err := fleet.ListRegions(ctx, &fleetv1.ListRegionsRequest{})
		if err != nil {
			return err
		}
		return c.show(on.out, listed, func(w table) {
			row(w, "REGION", "ZONE", "CURRENCY")
			for _, region := range listed.GetRegions() {
				for _, zone := range region.GetZoneIds() {
					row(w, region.GetRegionId(), zone, region.GetCurrency())
				}
			}
		})
	})
}

// mostAdvised is how many types one call gives advice on.
const mostAdvised = 10

type marketAdvice struct {
	client
	Type []string `arg:"" name:"type" help:"Instance types, 1 to 10."`
	Zone string   `placeholder:"ZONE" help:"Only this zone; by default all that sell the type."`
}

// Run tells how spot pools did.
func (c *marketAdvice) Run(ctx context.Context, on console) error {
	if len(c.Type) > mostAdvised {
		return misuse("TYPE must be given at most %d times, got %d", mostAdvised, len(c.Type))
	}
	if err := checkIDs("TYPE", c.Type); err != nil {
		return err
	}
	return c.fleet(func(fleet fleetv1.FleetServiceClient) error {
		advised, err := fleet.ListSpotAdvice(ctx, &fleetv1.ListSpotAdviceRequest{InstanceTypes: c.Type, ZoneId: c.Zone})
		if err != nil {
			return err
		}
		if len(advised.GetAdvice()) == 0 {
			say(on.err, "no pools match")
		}
		return c.show(on.out, advised, func(w table) { adviceTable(w, advised.GetAdvice()) })
	})
}

func adviceTable(w table, advice []*fleetv1.SpotAdvice) {
	if len(advice) == 0 {
		return
	}
	row(w, "TYPE", "ZONE", "AVERAGE OF LIST", "INTERRUPTED WITHIN 1H", "BAND")
	for _, a := range advice {
		row(w, a.GetInstanceType(), a.GetZoneId(), units(float64(a.GetAveragePricePercent()))+"%", percentText(a.GetInterruptionPermille()), a.GetInterruptionBand())
	}
	w.say("Over the last 30 days; interrupted means for want of stock.")
}
