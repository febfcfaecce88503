package plan_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/plan"
)

// A scene is a group whose plans come true: what one launches is pending until
// the scenario says that it runs.
type scene struct {
	desired  plan.Desired
	observed plan.Observed
	created  int
	stock    int64 // of spot instances of one unit; pay-as-you-go has no end
	now      time.Time
	price    int64 // of what is launched
}

// TestScenarios plays testdata/scenarios. Its commands:
//
//	group spot=N payg=N percent=N [instant] [on-release]   what is wanted; with
//	      [substitute] [until-spot-returns]                pay-as-you-go makes up for spot
//	stock spot=N                                           spot that can be had; else all
//	budget [max=N] [shed] [spot-first] [launches=N]        what it may cost, and what a launch does
//	suspend [launch] [terminate] [replace]                 what it does not do
//	add n=N [weight=N] [price=N] [payg]                    instances that run
//	set ids=(1,2) is=(unhealthy|well|stopped|reclaimed|resting|protected|noticed|gone)
//	                                                       what becomes of them
//	pass hours=N                                           time goes by
//	run                                                    what is pending runs
//	stale [off]                                            the health service is away
//	look                                                   plans, and does what is planned
func TestScenarios(t *testing.T) {
	datadriven.Walk(t, "testdata/scenarios", func(t *testing.T, path string) {
		s := &scene{now: origin, stock: 1 << 20}
		datadriven.RunTest(t, path, s.play)
	})
}

func (s *scene) play(t *testing.T, d *datadriven.TestData) string {
	s.now = s.now.Add(time.Minute)
	number := func(key string, standard int) int {
		d.MaybeScanArgs(t, key, &standard)
		return standard
	}
	switch d.Cmd {
	case "group":
		s.desired = plan.Desired{
			Target:  plan.Amounts{PayAsYouGo: int64(number("payg", 0)) * 1000, Spot: int64(number("spot", 0)) * 1000},
			Replace: !d.HasArg("instant"), ReplacePercent: int32(number("percent", plan.DefaultReplacePercent)),
			StoppedRetention: plan.DefaultStoppedRetention,
			KeepNoticed:      d.HasArg("on-release"), ReleaseExcess: true, Since: s.now,
			Substitute:  d.HasArg("substitute") || d.HasArg("until-spot-returns"),
			SpotReturns: d.HasArg("until-spot-returns"),
		}
	case "stock":
		s.stock = int64(number("spot", 0))
	case "budget":
		s.desired.Budget = plan.Budget{Max: int64(number("max", 0)), Shed: d.HasArg("shed")}
		s.price = int64(number("launches", 1))
		if d.HasArg("spot-first") {
			s.desired.Budget.First = spot
		}
	case "suspend":
		s.desired.Suspended = plan.Suspended{Launch: d.HasArg("launch"), Terminate: d.HasArg("terminate"), Replace: d.HasArg("replace")}
	case "pass":
		s.now = s.now.Add(time.Duration(number("hours", 0)) * time.Hour)
	case "add":
		method := spot
		if d.HasArg("payg") {
			method = payAsYouGo
		}
		for range number("n", 1) {
			s.launch(method, int64(number("weight", 1))*1000, fleetv1.InstanceStatus_INSTANCE_STATUS_RUNNING)
			s.observed.Instances[len(s.observed.Instances)-1].Price = int64(number("price", 1))
		}
	case "set":
		var ids []string
		var is string
		d.ScanArgs(t, "ids", &ids)
		d.ScanArgs(t, "is", &is)
		s.set(ids, is)
	case "run":
		s.observed = run(s.observed)
	case "stale":
		s.observed.Stale = !d.HasArg("off")
	case "look":
		return s.look()
	default:
		d.Fatalf(t, "no command %s", d.Cmd)
	}
	return s.held()
}

func (s *scene) launch(method fleetv1.BillingMethod, weight int64, status fleetv1.InstanceStatus) {
	s.created++
	s.observed.Instances = append(s.observed.Instances, plan.Instance{
		ID: fmt.Sprint(s.created), Zone: "a", Method: method, Status: status, Price: max(1, s.price), Created: s.now, Class: plan.Class{Weight: weight},
	})
}

func (s *scene) set(ids []string, is string) {
	for _, id := range ids {
		at := slices.IndexFunc(s.observed.Instances, func(i plan.Instance) bool { return i.ID == id })
		instance := &s.observed.Instances[at]
		switch is {
		case "unhealthy":
			instance.Unhealthy = &plan.Verdict{Reason: "ProbeFailed", Message: "no answer", Since: s.now}
		case "well":
			instance.Unhealthy = nil
		case "stopped":
			instance.Status = fleetv1.InstanceStatus_INSTANCE_STATUS_STOPPED
		case "reclaimed":
			instance.Status, instance.Since = fleetv1.InstanceStatus_INSTANCE_STATUS_STOPPED, s.now
			instance.Noticed, instance.Reclaimed = false, true
		case "resting":
			instance.Resting = true
		case "protected":
			instance.Protected = true
		case "noticed":
			instance.Noticed = true
		case "gone":
			s.observed.Instances = slices.Delete(s.observed.Instances, at, at+1)
		}
	}
}

// look plans, tells what, and makes it come true.
func (s *scene) look() string {
	s.observed.Now = s.now
	made := plan.Make(s.desired, s.observed)
	var out strings.Builder
	for _, id := range made.Restarts {
		at := slices.IndexFunc(s.observed.Instances, func(i plan.Instance) bool { return i.ID == id })
		s.observed.Instances[at].Status, s.observed.Instances[at].Reclaimed = fleetv1.InstanceStatus_INSTANCE_STATUS_STARTING, false
		fmt.Fprintf(&out, "start %s again\n", id)
	}
	if len(made.Restarts) > 0 {
		made.Need = plan.Make(s.desired, s.observed).Need
	}
	need := made.Need
	if lacking := need.Spot/1000 - s.stock; lacking > 0 {
		instead := plan.InsteadOfSpot(s.desired, plan.Amounts{Spot: lacking * 1000})
		need = plan.Amounts{PayAsYouGo: need.PayAsYouGo + instead.PayAsYouGo, Spot: s.stock * 1000}
	}
	s.buy(&out, need)
	s.buy(&out, plan.Amounts{Spot: min(made.Return, s.stock*1000)})
	for _, removal := range made.Removals {
		fmt.Fprintf(&out, "remove %s: %s\n", removal.ID, removal.Reason)
	}
	if len(made.Replacing) > 0 {
		fmt.Fprintf(&out, "replacing %s\n", strings.Join(made.Replacing, " "))
	}
	s.observed = without(s.observed, made.Removals)
	return out.String() + s.held()
}

// buy launches instances of one unit.
func (s *scene) buy(out *strings.Builder, need plan.Amounts) {
	for _, method := range methods {
		if count := need.Of(method) / 1000; count > 0 {
			count = int64(s.desired.Budget.Affordable(s.observed, int(count), s.price))
			fmt.Fprintf(out, "launch %d %s\n", count, map[bool]string{true: "spot", false: "pay-as-you-go"}[method == spot])
			for range count {
				s.launch(method, 1000, fleetv1.InstanceStatus_INSTANCE_STATUS_PENDING)
			}
		}
	}
	s.stock -= need.Spot / 1000
}

// held sums up what is there.
func (s *scene) held() string {
	standing := plan.Stand(s.desired, s.observed, plan.Shortfall{}, false)
	return fmt.Sprintf("= %d instances, %d unhealthy; %s: %s\n", len(s.observed.Instances), s.observed.Unhealthy(), standing.Reason, standing.Message)
}
