package groupsvc

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/cloudtest"
)

// A story is what users of the group service do and what they see, one group at
// a time.
type story struct {
	*bench
	test   *testing.T
	id     string
	told   map[string]string // by activity, what was told of it
	cursor string            // up to where a watch has read
}

// anID is an id that says nothing to who reads a scenario.
var anID = regexp.MustCompile(`(apg-)[0-9a-z-]+`)

// TestScenarios plays testdata/scenarios: what is documented of groups, as users
// see it over gRPC. The cloud sells the types small (spot 25,000 micro-units an
// hour, pay-as-you-go 100,000) and large (95,000 and 380,000) in zone-a. After
// each command comes what the group did, activity by activity, and how it stands.
// Commands:
//
//	create, update paths=(a,b)    with a spec, or the part of it that changes
//	pass t=1m                     time goes by, and looks are made when they are due
//	price type=T micros=N         list price, of which spot costs a quarter
//	stock type=T spot=N payg=N    what can still be had in zone-a
//	set ids=(1,2) is=(noticed|gone|unhealthy|well|reclaimed|stopped)
//	suspend, resume P...          launch, terminate, replace, rebalance
//	protect, unprotect ids=(1,2)
//	launch-alone n=N              instances that belong to no group
//	attach, detach ids=(1,2) [lower]
//	rebalance [dry] [max=N]
//	delete [release]
//	watch                         what a watch tells since it was last read
//	instances                     what the cloud runs, whoever's it is
func TestScenarios(t *testing.T) {
	datadriven.Walk(t, "testdata/scenarios", func(t *testing.T, path string) {
		b := newBench(t, "")
		b.end()
		b.orderly = true
		b.start()
		s := &story{bench: b, told: map[string]string{}}
		datadriven.RunTest(t, path, s.play)
	})
}

func (s *story) play(t *testing.T, d *datadriven.TestData) string {
	s.t, s.test = t, t
	var out strings.Builder
	if err := s.do(d, &out); err != nil {
		return fmt.Sprintf("refused: %s: %s\n", status.Code(err), anID.ReplaceAllString(status.Convert(err).Message(), "$1..."))
	}
	switch d.Cmd {
	case "watch", "instances", "launch-alone", "price", "stock", "set":
		return out.String() // nobody has looked yet
	}
	s.tellActivities(&out)
	return out.String() + s.standing()
}

// do carries a command out, and writes what it answers that the group does not
// show.
func (s *story) do(d *datadriven.TestData, out *strings.Builder) error {
	ctx := s.t.Context()
	switch d.Cmd {
	case "create":
		return s.createAs(ctx, s.spec(d), out)
	case "update":
		var paths []string
		d.ScanArgs(s.test, "paths", &paths)
		_, err := s.client.UpdateGroup(ctx, &groupv1.UpdateGroupRequest{GroupId: s.id, Spec: s.spec(d), UpdateMask: &fieldmaskpb.FieldMask{Paths: paths}})
		return err
	case "pass":
		period, err := time.ParseDuration(argument(d, "t"))
		if err != nil {
			return err
		}
		return s.settle(period)
	case "suspend":
		_, err := s.client.SuspendProcesses(ctx, &groupv1.SuspendProcessesRequest{GroupId: s.id, Processes: processesOf(d)})
		return err
	case "resume":
		_, err := s.client.ResumeProcesses(ctx, &groupv1.ResumeProcessesRequest{GroupId: s.id, Processes: processesOf(d)})
		return err
	case "protect", "unprotect":
		_, err := s.client.SetInstanceProtection(ctx, &groupv1.SetInstanceProtectionRequest{GroupId: s.id, InstanceIds: idsIn(d), Protected: d.Cmd == "protect"})
		return err
	case "attach":
		return s.attach(s.id, idsIn(d)...)
	case "detach":
		_, err := s.client.DetachInstances(ctx, &groupv1.DetachInstancesRequest{GroupId: s.id, InstanceIds: idsIn(d), DecrementTarget: d.HasArg("lower")})
		return err
	case "rebalance":
		return s.move(ctx, d, out)
	case "delete":
		release := d.HasArg("release")
		_, err := s.client.DeleteGroup(ctx, &groupv1.DeleteGroupRequest{GroupId: s.id, TerminateInstances: &release})
		return err
	case "watch":
		return s.watchOn(ctx, s.group(s.id).GetEtag(), out)
	default:
		s.cloudDoes(d, out)
		return nil
	}
}

// cloudDoes is what happens outside of the service.
func (s *story) cloudDoes(d *datadriven.TestData, out *strings.Builder) {
	switch d.Cmd {
	case "price":
		s.cloud.SetPrice(argument(d, "type"), int64(number(d, "micros")))
	case "stock":
		for key, method := range map[string]fleetv1.BillingMethod{"spot": spot, "payg": payAsYouGo} {
			if d.HasArg(key) {
				s.cloud.SetStock(cloudtest.Pool{Zone: "zone-a", Type: argument(d, "type"), Method: method}, number(d, key))
			}
		}
	case "set":
		for _, id := range idsIn(d) {
			s.becomes(id, argument(d, "is"))
		}
	case "launch-alone":
		fmt.Fprintln(out, strings.Join(short(s.launchAlone("alone", "small", int32(number(d, "n")))), " "))
	case "instances":
		for _, instance := range s.cloud.Instances("", "") {
			owner := "of no group"
			if instance.GetTags()[TagGroup] != "" {
				owner = "of the group"
			}
			fmt.Fprintf(out, "%s %s %s %s, %s\n", short([]string{instance.GetInstanceId()})[0],
				methodName(instance.GetBillingMethod()), instance.GetInstanceType(), word(instance.GetStatus(), "INSTANCE_STATUS_"), owner)
		}
	default:
		s.t.Fatalf("no command %s", d.Cmd)
	}
}

func (s *story) becomes(id, is string) {
	switch is {
	case "noticed":
		s.cloud.Notice(id)
	case "gone":
		s.cloud.Change(id, nil)
	case "unhealthy":
		s.health.Set(id, "ProbeFailed", "no answer")
	case "well":
		s.health.Set(id, "", "")
	case "reclaimed":
		s.cloud.Reclaim(id)
	case "stopped":
		s.cloud.Change(id, func(i *fleetv1.Instance) { i.Status = fleetv1.InstanceStatus_INSTANCE_STATUS_STOPPED })
	default:
		s.t.Fatalf("instances do not become %s", is)
	}
}

// createAs creates the story's group, and tells launch results, which only
// instant groups have by then.
func (s *story) createAs(ctx context.Context, wanted *groupv1.GroupSpec, out *strings.Builder) error {
	if len(wanted.GetCandidates()) == 0 {
		wanted.Candidates = []*groupv1.Candidate{{ZoneId: "zone-a", InstanceType: "small"}}
	}
	resp, err := s.client.CreateGroup(ctx, &groupv1.CreateGroupRequest{Spec: wanted})
	if err != nil {
		return err
	}
	s.id = resp.GetGroup().GetGroupId()
	if len(resp.GetLaunchResults()) > 0 {
		fmt.Fprintln(out, "answered with launch results:")
		tellResults(out, resp.GetLaunchResults())
	}
	return nil
}

func (s *story) move(ctx context.Context, d *datadriven.TestData, out *strings.Builder) error {
	request := &groupv1.RebalanceGroupRequest{GroupId: s.id, DryRun: d.HasArg("dry")}
	if d.HasArg("max") {
		request.MaxMovedInstances = int32(number(d, "max"))
	}
	resp, err := s.client.RebalanceGroup(ctx, request)
	if err != nil {
		return err
	}
	for _, move := range resp.GetMoves() {
		fmt.Fprintf(out, "move: %d from %s to %d of %s\n", move.GetRemoveInstances(), move.GetFromInstanceType(), move.GetLaunchInstances(), move.GetToInstanceType())
	}
	fmt.Fprintf(out, "saves %d micro-units an hour\n", resp.GetSavingMicrosPerHour())
	return nil
}

// watchOn reads a watch up to a version of the group.
func (s *story) watchOn(ctx context.Context, etag string, out *strings.Builder) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	stream := s.watchGroups(ctx, s.cursor, s.id)
	for {
		got, err := stream.Recv()
		if err != nil {
			return err
		}
		s.cursor = got.GetCursor()
		fmt.Fprintf(out, "told: %s", standingOf(s.clock.Now(), got.GetGroup()))
		if got.GetGroup().GetEtag() == etag {
			return nil
		}
	}
}

// tellActivities tells what was not told before, earliest first.
func (s *story) tellActivities(out *strings.Builder) {
	if s.id == "" {
		return
	}
	activities := s.activities(s.id)
	slices.Reverse(activities)
	for _, activity := range activities {
		var told strings.Builder
		fmt.Fprintf(&told, "activity %s: %s (%s)\n", cmp.Or(activity.GetOrigin(), "look"), activity.GetCause(), word(activity.GetStatus(), "ACTIVITY_STATUS_"))
		tellResults(&told, activity.GetLaunchResults())
		for _, restart := range activity.GetRestarts() {
			id := short([]string{restart.GetInstanceId()})[0]
			if restart.GetErrorCode() != "" {
				fmt.Fprintf(&told, "  could not start %s again: %s\n", id, restart.GetErrorCode())
				continue
			}
			fmt.Fprintf(&told, "  started %s again\n", id)
		}
		for _, id := range short(activity.GetAttachedInstanceIds()) {
			fmt.Fprintf(&told, "  attached %s\n", id)
		}
		for _, removal := range activity.GetRemovals() {
			what := map[bool]string{true: "released", false: "let go"}[removal.GetReleased()]
			fmt.Fprintf(&told, "  %s %s: %s\n", what, short([]string{removal.GetInstanceId()})[0], removal.GetReason())
		}
		if s.told[activity.GetActivityId()] != told.String() {
			s.told[activity.GetActivityId()] = told.String()
			out.WriteString(told.String())
		}
	}
}

func tellResults(out *strings.Builder, results []*groupv1.LaunchResult) {
	for _, result := range results {
		method := map[bool]string{true: "pay-as-you-go", false: "spot"}[result.GetSpotStrategy() == groupv1.SpotStrategy_SPOT_STRATEGY_NO_SPOT]
		if result.GetErrorCode() != "" {
			fmt.Fprintf(out, "  refused %s %s: %s\n", method, result.GetInstanceType(), result.GetErrorCode())
			continue
		}
		fmt.Fprintf(out, "  launched %d %s %s: %s\n", result.GetAmount(), method, result.GetInstanceType(), strings.Join(short(result.GetInstanceIds()), " "))
	}
}

func (s *story) standing() string {
	if s.id == "" {
		return "no group\n"
	}
	return standingOf(s.clock.Now(), s.group(s.id))
}

// standingOf is how a group stands, in a line, and below it what its conditions
// say that is not as it should be.
func standingOf(now time.Time, group *groupv1.Group) string {
	var out strings.Builder
	capacity, target := group.GetCapacity(), group.GetSpec().GetTargetCapacity()
	fmt.Fprintf(&out, "= %s, %s, generation %d: %v of %d units, %d instances, %d micro-units an hour\n",
		word(group.GetLifecycle(), "LIFECYCLE_"), word(group.GetFulfillment(), "FULFILLMENT_"), group.GetGeneration(),
		capacity.GetFulfilled(), target.GetTotal(), capacity.GetInstances(), group.GetCost().GetMicrosPerHour())
	for _, condition := range group.GetConditions() {
		if !condition.GetHolds() {
			fmt.Fprintf(&out, "  %s: %s\n", condition.GetReason(), condition.GetMessage())
		}
	}
	return out.String()
}

func (s *story) spec(d *datadriven.TestData) *groupv1.GroupSpec {
	wanted := &groupv1.GroupSpec{}
	if err := prototext.Unmarshal([]byte(d.Input), wanted); err != nil {
		d.Fatalf(s.test, "%v", err)
	}
	return wanted
}

func argument(d *datadriven.TestData, key string) string {
	for _, arg := range d.CmdArgs {
		if arg.Key == key && len(arg.Vals) == 1 {
			return arg.Vals[0]
		}
	}
	return ""
}

func number(d *datadriven.TestData, key string) int {
	var n int
	_, _ = fmt.Sscan(argument(d, key), &n) // a wrong number shows in the answer
	return n
}

// idsIn are the instances that a command names by their numbers.
func idsIn(d *datadriven.TestData) []string {
	var ids []string
	for _, arg := range d.CmdArgs {
		if arg.Key == "ids" {
			for _, value := range arg.Vals {
				ids = append(ids, "i-"+strings.Repeat("0", 8-len(value))+value)
			}
		}
	}
	return ids
}

// short are ids as scenarios write them.
func short(ids []string) []string {
	numbers := make([]string, len(ids))
	for i, id := range ids {
		numbers[i] = strings.TrimLeft(strings.TrimPrefix(id, "i-"), "0")
	}
	return numbers
}

func processesOf(d *datadriven.TestData) []groupv1.Process {
	var processes []groupv1.Process
	for _, arg := range d.CmdArgs {
		processes = append(processes, groupv1.Process(groupv1.Process_value["PROCESS_"+strings.ToUpper(arg.Key)]))
	}
	return processes
}

func methodName(method fleetv1.BillingMethod) string {
	return map[bool]string{true: "spot", false: "pay-as-you-go"}[method == spot]
}

// word is an enum value in lower case, without its prefix.
func word(value fmt.Stringer, prefix string) string {
	return strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(value.String(), prefix)), "_", " ")
}
