package cli

import (
	"context"
	"fmt"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

type fleetAudit struct{ client }

// Run audits the simulated cloud. It fails when something does not hold.
func (c *fleetAudit) Run(ctx context.Context, on console) error {
	return c.simulation(func(simulation fleetv1.SimulationServiceClient) error {
		audit, err := simulation.Audit(ctx, &fleetv1.AuditRequest{})
		if err != nil {
			return err
		}
		if err := c.show(on.out, audit, func(w table) { auditTable(w, audit) }); err != nil {
			return err
		}
		if found := len(audit.GetFindings()); found > 0 {
			return fmt.Errorf("the audit found %s; this is a defect of the simulator, please report it", counted(found, "violation", "violations"))
		}
		return nil
	})
}

func auditTable(w table, audit *fleetv1.AuditResponse) {
	if len(audit.GetFindings()) > 0 {
		row(w, "INVARIANT", "FINDING")
		for _, finding := range audit.GetFindings() {
			row(w, finding.GetInvariant(), finding.GetMessage())
		}
	}
	what := fmt.Sprintf("Recounted %s and %s as of %s", counted(audit.GetInstances(), "instance", "instances"),
		counted(audit.GetStocks(), "stock", "stocks"), stamp(audit.GetTime()))
	if len(audit.GetFindings()) == 0 {
		what += ": everything holds"
	}
	w.say(what + ".")
}
