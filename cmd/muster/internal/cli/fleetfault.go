package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/seed-198b1370/muster/cmd/muster/internal/cli/value"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

type faultCommand struct {
	Add   faultAdd   `cmd:"" help:"Begin a fault."`
	List  faultList  `cmd:"" help:"List the faults that last."`
	Clear faultClear `cmd:"" help:"End faults."`
}

type faultList struct{ client }

// Run lists the faults.
func (c *faultList) Run(ctx context.Context, on console) error {
	return c.simulation(func(simulation fleetv1.SimulationServiceClient) error {
		listed, err := simulation.ListFaults(ctx, &fleetv1.ListFaultsRequest{})
		if err != nil {
			return err
		}
		if len(listed.GetFaults()) == 0 {
			say(on.err, "there are no faults")
		}
		return c.show(on.out, listed, func(w table) { faultTable(w, listed.GetFaults()...) })
	})
}

func faultTable(w table, faults ...*fleetv1.Fault) {
	if len(faults) == 0 {
		return
	}
	row(w, "FAULT", "SINCE", "UNTIL", "EFFECT")
	for _, fault := range faults {
		until := "cleared"
		if fault.GetEndTime() != nil {
			until = stamp(fault.GetEndTime())
		}
		row(w, fault.GetFaultId(), stamp(fault.GetStartTime()), until, effectText(fault))
	}
}

// effectText says what a fault does.
func effectText(fault *fleetv1.Fault) string {
	switch effect := fault.GetEffect().(type) {
	case *fleetv1.Fault_PriceShock:
		return fmt.Sprintf("spot prices times %s in %s", thousandths(effect.PriceShock.GetFactorPermille()), poolsText(effect.PriceShock.GetPools()))
	case *fleetv1.Fault_ZoneOutage:
		return "outage of zone " + effect.ZoneOutage.GetZoneId()
	case *fleetv1.Fault_SlowLaunch:
		return fmt.Sprintf("launches take %s times as long in %s", thousandths(effect.SlowLaunch.GetFactorPermille()), poolsText(effect.SlowLaunch.GetPools()))
	case *fleetv1.Fault_LaunchRefusal:
		return fmt.Sprintf("launches are refused with %s in %s", enumName(word(effect.LaunchRefusal.GetReason())), poolsText(effect.LaunchRefusal.GetPools()))
	case *fleetv1.Fault_DiskShortage:
		return fmt.Sprintf("no %s disks in %s", word(effect.DiskShortage.GetCategory()), or(effect.DiskShortage.GetZoneId(), "any zone"))
	case *fleetv1.Fault_CallTrouble:
		return callText(effect.CallTrouble)
	case *fleetv1.Fault_StreamTrouble:
		return streamText(effect.StreamTrouble)
	default:
		return "-"
	}
}

func callText(trouble *fleetv1.CallTrouble) string {
	text := percentText(trouble.GetSharePermille()) + " of " + or(strings.Join(trouble.GetMethods(), ", "), "all") + " calls: "
	var what []string
	if trouble.GetLatency().AsDuration() > 0 {
		what = append(what, value.Spell(trouble.GetLatency().AsDuration())+" late")
	}
	if trouble.GetOutcome() != fleetv1.CallOutcome_CALL_OUTCOME_UNSPECIFIED {
		what = append(what, word(trouble.GetOutcome()))
	}
	text += strings.Join(what, ", ")
	if trouble.GetMaxCalls() > 0 {
		text += fmt.Sprintf(", at most %d", trouble.GetMaxCalls())
	}
	return text
}

func streamText(trouble *fleetv1.StreamTrouble) string {
	var what []string
	if trouble.GetDuplicatePermille() > 0 {
		what = append(what, percentText(trouble.GetDuplicatePermille())+" of transitions come twice")
	}
	if trouble.GetDelay().AsDuration() > 0 {
		what = append(what, "transitions come "+value.Spell(trouble.GetDelay().AsDuration())+" late")
	}
	return strings.Join(what, ", ")
}

// thousandths writes thousandths without needless decimals.
func thousandths(permille int32) string { return units(float64(permille) / 1_000) }

// percentText writes thousandths as a percentage.
func percentText(permille int32) string { return units(float64(permille)/10) + "%" }

// poolsText says which pools a selector names.
func poolsText(pools *fleetv1.PoolSelector) string {
	text := "pools of " + or(pools.GetInstanceType(), "any type") + " in " + or(pools.GetZoneId(), "any zone")
	if pools.GetBillingMethod() != fleetv1.BillingMethod_BILLING_METHOD_UNSPECIFIED {
		text = word(pools.GetBillingMethod()) + " " + text
	}
	return text
}

type faultClear struct {
	client
	Fault []string `arg:"" optional:"" name:"id" help:"Ids of the faults, at most 100. All of them are ended or none."`
	All   bool     `help:"End every fault. Needed when none is named."`
}

// Run ends the faults.
func (c *faultClear) Run(ctx context.Context, on console) error {
	if len(c.Fault) == 0 && !c.All {
		return misuse("name faults, or --all for every fault")
	}
	if c.All {
		if err := checkAlone("--all", given{"ID", len(c.Fault) > 0}); err != nil {
			return err
		}
	}
	if err := checkIDs("ID", c.Fault); err != nil {
		return err
	}
	return c.simulation(func(simulation fleetv1.SimulationServiceClient) error {
		cleared, err := simulation.ClearFaults(ctx, &fleetv1.ClearFaultsRequest{FaultIds: c.Fault})
		if err != nil {
			return err
		}
		return c.show(on.out, cleared, func(w table) {
			w.say("Ended " + counted(cleared.GetClearedFaults(), "fault", "faults") + ".")
		})
	})
}
