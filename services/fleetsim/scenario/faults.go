package scenario

import (
	"fmt"
	"maps"
	"time"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// fault reads trouble that begins.
func (d *decoder) fault(m *mapping) world.Command {
	command := world.InjectFault{ID: m.text("id"), Duration: m.span("for")}
	choice, made := m.chosen()
	if !made {
		return nil
	}
	spec := map[string]*object{
		"price_shock": d.schema.shock, "zone_outage": d.schema.outage, "slow_launch": d.schema.slow,
		"launch_refusal": d.schema.refusal, "disk_shortage": d.schema.shortage,
		"call_trouble": d.schema.callTrouble, "stream_trouble": d.schema.streamTrouble,
	}[choice]
	effect, ok := m.object(choice, spec)
	if !ok {
		return nil
	}
	command.Effect = d.effect(choice, effect)
	return command
}

func (d *decoder) effect(choice string, m *mapping) world.Effect {
	switch choice {
	case "price_shock":
		return world.PriceShock{Pools: d.selector(m), Permille: m.number("factor")}
	case "zone_outage":
		return world.ZoneOutage{ZoneID: d.zone(m)}
	case "slow_launch":
		return world.SlowLaunch{Pools: d.selector(m), Permille: m.number("factor")}
	case "launch_refusal":
		reason := contractNumber(fleetv1.ErrorReason_value, "ERROR_REASON_", m.word("reason"))
		return world.LaunchRefusal{Pools: d.selector(m), Refusal: world.Refusal(reason)}
	case "disk_shortage":
		category := contractNumber(fleetv1.DiskCategory_value, "DISK_CATEGORY_", m.word("category"))
		return world.DiskShortage{ZoneID: d.zone(m), Category: world.DiskCategory(category)}
	case "call_trouble":
		before := d.count()
		trouble := world.CallTrouble{
			Methods: m.texts("methods"), SharePermille: int32(m.number("share_percent")), Latency: m.span("latency"),
			Outcome:  contractNumber(fleetv1.CallOutcome_value, "CALL_OUTCOME_", m.word("outcome")),
			MaxCalls: int32(m.number("max_calls")),
		}
		if trouble.Latency == 0 && trouble.Outcome == 0 {
			d.failTrouble(m, before, "a latency, an outcome or both")
		}
		return trouble
	default:
		before := d.count()
		trouble := world.StreamTrouble{DuplicatePermille: int32(m.number("duplicate_percent")), Delay: m.span("delay")}
		if trouble.DuplicatePermille == 0 && trouble.Delay == 0 {
			d.failTrouble(m, before, "a duplicate_percent, a delay or both")
		}
		return trouble
	}
}

// failTrouble refuses trouble that would be none, unless its values have been
// refused already.
func (d *decoder) failTrouble(m *mapping, before int, must string) {
	if d.count() == before {
		d.report(Problem{m.file, m.node.Line, m.node.Column, m.path, "must have " + must, "neither"})
	}
}

// zone reads a zone; empty for every one.
func (d *decoder) zone(m *mapping) string {
	zoneID := m.text("zone_id")
	d.sells(m, zoneID, "")
	return zoneID
}

// selector reads a selector as faults keep it, without billing method.
func (d *decoder) selector(m *mapping) world.Selector {
	s := world.Selector{ZoneID: m.text("zone_id"), InstanceType: m.text("instance_type")}
	d.sells(m, s.ZoneID, s.InstanceType)
	return s
}

// A plot is what is known of a scenario's world while its events are followed.
type plot struct {
	*decoder
	accounts map[string]bool
	until    map[string]time.Duration // of the faults that may last
}

// follow holds events in order of time against what there will be by then:
// those that could never be done are wrong.
func (d *decoder) follow(events []event, accounts map[string]bool) {
	p := plot{d, accounts, map[string]time.Duration{}}
	for _, e := range events {
		switch command := e.Command.(type) {
		case world.InjectFault:
			p.begin(e, command)
		case world.ClearFaults:
			p.clear(e, command)
		case world.SetAccount:
			p.accounts[command.AccountID] = true
			if len(p.accounts) > world.MaxAccounts {
				delete(p.accounts, command.AccountID)
				p.failAt(e, fmt.Sprintf("must not make another account: there are %d", world.MaxAccounts))
			}
		case world.Deposit:
			if !p.accounts[command.AccountID] {
				p.failAt(e, fmt.Sprintf("must be to an account that there is by then, got %s", shown(command.AccountID)))
			}
		}
	}
}

func (p *plot) failAt(e event, rule string) {
	p.report(Problem{p.file, e.choice.node.Line, e.choice.node.Column, e.choice.path, rule, ""})
}

// begin begins a fault. One that ends at the same moment still lasts.
func (p *plot) begin(e event, command world.InjectFault) {
	if until, known := p.until[command.ID]; known && until >= e.After {
		p.failAt(e, fmt.Sprintf("must have an id of no fault that lasts then, got %s", shown(command.ID)))
		return
	}
	maps.DeleteFunc(p.until, func(_ string, until time.Duration) bool { return until < e.After })
	if len(p.until) == world.MaxFaults {
		p.failAt(e, fmt.Sprintf("must not begin another fault: %d last then", world.MaxFaults))
		return
	}
	p.until[command.ID] = forever
	if command.Duration > 0 {
		p.until[command.ID] = e.After + command.Duration
	}
}

// clear ends faults. One that ends by itself at the same moment is over.
func (p *plot) clear(e event, command world.ClearFaults) {
	if command.IDs == nil {
		clear(p.until)
	}
	for _, id := range command.IDs {
		if until, known := p.until[id]; !known || until <= e.After {
			p.failAt(e, fmt.Sprintf("must name faults that last then, got %s", shown(id)))
		}
		delete(p.until, id)
	}
}
