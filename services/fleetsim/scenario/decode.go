package scenario

import (
	"fmt"
	"slices"
	"strings"

	"github.com/seed-198b1370/muster/services/fleetsim/catalog"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// shippedCatalog is the name of the catalog that is shipped, in place of a file.
const shippedCatalog = "default"

// A decoder makes a scenario of a file. A part that is wrong is noted and left
// out, so that the others are looked at, too.
type decoder struct {
	*reader
	schema   *schema
	open     FileFunc
	s        *Scenario // Catalog is nil while it is not known
	offersOf map[selection][]int32
	poolsOf  map[selection][]world.Pool
}

func (d *decoder) scenario(at place) {
	m, ok := d.mapping(at, d.schema.scenario)
	if !ok {
		return
	}
	d.s.Name, d.s.Description = m.text("name"), m.text("description")
	d.s.Seed = uint64(m.number("seed")) // never below 0
	d.s.Start = m.moment("start")
	d.s.Speed = float64(m.number("speed")) / 1_000
	d.region(m)
	d.market(m)
	known := d.accounts(m)
	d.s.CostTagKeys = m.texts("cost_tag_keys")
	slices.Sort(d.s.CostTagKeys)
	d.events(m, known)
}

// accounts reads the accounts and tells the ids that there are at first.
func (d *decoder) accounts(m *mapping) map[string]bool {
	ids := map[string]bool{}
	for _, item := range m.list("accounts") {
		a, ok := d.mapping(item, d.schema.account)
		if !ok {
			continue
		}
		setup := world.AccountSetup{ID: a.text("id"), Settings: settings(a)}
		if a.has("balance") {
			balance := a.number("balance")
			setup.BalanceMicros = &balance
		}
		if ids[setup.ID] {
			d.fail(a.under("id"), "must be an id that no account before has")
		}
		if setup.ID != "" {
			ids[setup.ID] = true
		}
		d.s.Accounts = append(d.s.Accounts, setup)
	}
	ids[world.DefaultAccountID] = true
	if len(ids) > world.MaxAccounts {
		d.fail(m.under("accounts"), fmt.Sprintf("must be at most %d accounts, with %s", world.MaxAccounts, world.DefaultAccountID))
	}
	return ids
}

// settings reads what an account may.
func settings(a *mapping) world.AccountSettings {
	s := world.Unlimited()
	if a.has("pay_as_you_go_vcpu_quota") {
		s.PayAsYouGoVCPUs = a.number("pay_as_you_go_vcpu_quota")
	}
	if a.has("spot_vcpu_quota") {
		s.SpotVCPUs = a.number("spot_vcpu_quota")
	}
	s.CallsPerSecond, s.CallBurst = int32(a.number("calls_per_second")), int32(a.number("call_burst"))
	switch {
	case a.has("call_burst") && !a.has("calls_per_second"):
		a.fail(a.under("call_burst"), "must stand beside calls_per_second")
	case !a.has("call_burst"):
		s.CallBurst = s.CallsPerSecond
	}
	return s
}

// gibUnit is how many units of memory_gib, which has ten decimals, a GiB is: a
// MiB is a whole number of them.
const gibUnit = 10_000_000_000

// region reads what is sold.
func (d *decoder) region(root *mapping) {
	region, ok := root.object("region", d.schema.region)
	if !ok {
		if !root.has("region") {
			d.s.Currency = "CNY"
			d.shipped(root.place)
		}
		return
	}
	id := region.text("id")
	d.s.Currency = region.text("currency")
	switch name := region.text("catalog"); {
	case region.has("pools") && region.has("catalog"):
		d.fail(region.under("catalog"), "must not stand beside pools: a region is one or the other")
	case region.has("pools"):
		d.listed(region, id)
	case region.has("catalog") && name == "":
	case name == "" || name == shippedCatalog:
		d.shipped(region.place)
		if region.has("currency") && d.s.Currency != "CNY" {
			d.fail(region.under("currency"), "must be CNY: the catalog that is shipped has its prices in it")
		}
	default:
		d.catalog(region.under("catalog"), name)
	}
	if c := d.s.Catalog; c != nil && id != "" && c.RegionID() != id {
		d.fail(region.under("id"), "must be the region of the catalog, "+c.RegionID())
	}
}

// shipped takes the catalog that is shipped.
func (d *decoder) shipped(at place) {
	c, err := catalog.Default()
	if err != nil {
		d.fail(at, err.Error())
		return
	}
	d.s.Catalog = c
}

// catalog reads a catalog from a file.
func (d *decoder) catalog(at place, name string) {
	data, ok := d.named(at, name)
	if !ok {
		return
	}
	c, err := catalog.Parse(strings.NewReader(string(data)))
	if err != nil {
		d.inFile(at, name, err)
		return
	}
	d.s.Catalog = c
}

// listed reads what is sold from the scenario itself.
func (d *decoder) listed(region *mapping, id string) {
	before := d.count()
	var offers []catalog.Offer
	var from []*mapping
	for _, item := range region.list("pools") {
		already := d.count()
		if p, ok := d.mapping(item, d.schema.pool); ok {
			if offer := offerOf(p); d.count() == already {
				offers, from = append(offers, offer), append(from, p)
			}
		}
	}
	if len(offers) == 0 {
		return
	}
	c, err := catalog.New(id, offers)
	for _, wrong := range offerErrors(err) {
		p := from[wrong.Index]
		d.fail(p.under(poolKey(wrong.Column)), wrong.Rule)
	}
	if d.count() == before {
		d.s.Catalog = c
	}
}

// offerOf reads a pool.
func offerOf(p *mapping) catalog.Offer {
	offer := catalog.Offer{
		ZoneID: p.text("zone_id"), InstanceType: p.text("instance_type"), Family: p.text("family"),
		Architecture: catalog.Architecture(p.word("architecture")),
		Category:     catalog.Category(p.word("category")), Level: catalog.Level(p.word("family_level")),
		VCPUs: int32(p.number("vcpus")), GPUs: int32(p.number("gpus")),
		PayAsYouGoMicros: p.number("pay_as_you_go_price"), SpotBasePermille: p.number("spot_price_percent"),
		Capacity: p.number("capacity"),
	}
	if offer.Family == "" {
		offer.Family = offer.InstanceType
		if dot := strings.LastIndexByte(offer.Family, '.'); dot > 0 {
			offer.Family = offer.Family[:dot]
		}
	}
	memory := p.number("memory_gib") * 1024
	if memory%gibUnit != 0 {
		p.fail(p.under("memory_gib"), "must be whole MiB, which are 0.0009765625 GiB each")
	}
	offer.MemoryMiB = memory / gibUnit
	return offer
}

// poolKey is the key of a pool that makes a column of a catalog.
func poolKey(column string) string {
	switch column {
	case "memory_mib":
		return "memory_gib"
	case "pay_as_you_go_micros_per_hour":
		return "pay_as_you_go_price"
	case "spot_base_permille":
		return "spot_price_percent"
	case "capacity_instances":
		return "capacity"
	default:
		return column
	}
}
