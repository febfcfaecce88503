package scenario

import (
	"fmt"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// selection is the pools of a zone, of a type, of both, or all; billing is the
// word for their billing method. What was selected once is used again: the
// events of a large region would not fit into memory otherwise.
type selection struct{ zoneID, instanceType, billing string }

// An event is a timed command and where it stands.
type event struct {
	Timed
	choice place // the key that says what happens
}

// events reads what happens by itself.
func (d *decoder) events(root *mapping, accounts map[string]bool) {
	var events []event
	for i, item := range root.list("events") {
		m, ok := d.mapping(item, d.schema.event)
		if !ok {
			continue
		}
		before := d.count()
		after := m.span("at")
		choice, made := m.chosen()
		if !made {
			continue
		}
		command := d.command(m, choice, i)
		if d.count() == before && command != nil {
			events = append(events, event{Timed{after, command}, m.under(choice)})
		}
	}
	slices.SortStableFunc(events, func(a, b event) int { return int(min(max(a.After-b.After, -1), 1)) })
	d.follow(events, accounts)
	for _, e := range events {
		d.s.Agenda = append(d.s.Agenda, e.Timed)
	}
}

// command reads what happens; nil when that can not be told.
func (d *decoder) command(event *mapping, choice string, index int) world.Command {
	if choice == "clear_faults" {
		return d.clearFaults(event)
	}
	spec := map[string]*object{
		"reclaim": d.schema.reclaim, "drain": d.schema.drain, "restore": d.schema.drain, "fail": d.schema.fail,
		"fault": d.schema.fault, "set_account": d.schema.account, "deposit": d.schema.deposit,
	}[choice]
	m, ok := event.object(choice, spec)
	if !ok {
		return nil
	}
	switch choice {
	case "reclaim":
		return world.Reclaim{ByPool: true, Offers: d.offers(m), Max: int32(m.number("max_instances"))}
	case "drain", "restore":
		return world.SetDrained{Pools: d.pools(m), Drained: choice == "drain"}
	case "fail":
		failure := contractNumber(fleetv1.InstanceFailure_value, "INSTANCE_FAILURE_", m.word("failure"))
		return world.Fail{ByPool: true, Pools: d.pools(m), Max: int32(m.number("max_instances")), Failure: world.Failure(failure)}
	case "fault":
		return d.fault(m)
	case "set_account":
		if m.has("balance") {
			d.fail(m.under("balance"), "must not be set while it is used: use deposit")
		}
		return world.SetAccount{AccountID: m.text("id"), Settings: settings(m)}
	default:
		return world.Deposit{AccountID: m.text("account_id"), RequestID: fmt.Sprintf("scenario-event-%d", index), Micros: m.number("amount")}
	}
}

// clearFaults reads ids, or the word for all.
func (d *decoder) clearFaults(event *mapping) world.Command {
	if node := event.under("clear_faults").node; node.Kind == yaml.ScalarNode && node.Value == clearAll {
		return world.ClearFaults{}
	}
	if ids := event.texts("clear_faults"); len(ids) > 0 {
		return world.ClearFaults{IDs: ids}
	}
	return nil
}

// sells holds a zone and a type, either of which can be empty, against the
// catalog.
func (d *decoder) sells(m *mapping, zoneID, instanceType string) bool {
	c := d.s.Catalog
	if c == nil {
		return false // that is noted elsewhere
	}
	before := d.count()
	if zoneID != "" && !c.HasZone(zoneID) {
		d.fail(m.under("zone_id"), "must be a zone of the region"+d.didYouMean(zoneID, c.ZoneIDs()))
	}
	if instanceType != "" && !c.HasType(instanceType) {
		d.fail(m.under("instance_type"), "must be a type that is sold"+d.didYouMean(instanceType, c.InstanceTypes()))
	}
	if d.count() > before || zoneID == "" || instanceType == "" {
		return d.count() == before
	}
	if _, ok := c.Find(zoneID, instanceType); !ok {
		d.fail(m.under("instance_type"), "must be a type that is sold in "+zoneID)
		return false
	}
	return true
}

// offers finds the offers that a selector names.
func (d *decoder) offers(m *mapping) []int32 {
	wanted := selection{zoneID: m.text("zone_id"), instanceType: m.text("instance_type")}
	if !d.sells(m, wanted.zoneID, wanted.instanceType) {
		return nil
	}
	if known, ok := d.offersOf[wanted]; ok {
		return known
	}
	first, end := 0, len(d.s.Catalog.Offers())
	if wanted.instanceType != "" {
		first, end = d.s.Catalog.OffersOf(wanted.instanceType)
	}
	var found []int32
	for i := first; i < end; i++ {
		if zone := d.s.Catalog.Offers()[i].ZoneID; wanted.zoneID == "" || zone == wanted.zoneID {
			found = append(found, int32(i)) // a catalog is far smaller
		}
	}
	d.offersOf[wanted] = found
	return found
}

// pools finds the pools that a selector with a billing method names.
func (d *decoder) pools(m *mapping) []world.Pool {
	offers := d.offers(m)
	wanted := selection{m.text("zone_id"), m.text("instance_type"), m.word("billing_method")}
	if known, ok := d.poolsOf[wanted]; ok || offers == nil {
		return known
	}
	var found []world.Pool
	for _, offer := range offers {
		if wanted.billing != spotOnly {
			found = append(found, world.Pool{Offer: offer})
		}
		if wanted.billing != payAsYouGo {
			found = append(found, world.Pool{Offer: offer, Spot: true})
		}
	}
	d.poolsOf[wanted] = found
	return found
}

// forever is after all that happens.
const forever = time.Duration(1<<63 - 1)
