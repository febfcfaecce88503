package simulation

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/seed-198b1370/muster/pkg/clock"
	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
	"github.com/seed-198b1370/muster/services/allocator"
	"github.com/seed-198b1370/muster/services/fleetsim"
	"github.com/seed-198b1370/muster/services/fleetsim/catalog"
	"github.com/seed-198b1370/muster/services/groupsvc/memory"
)

const (
	// day is how long a run lasts.
	day = 24 * time.Hour
	// calm is how much of it, at its end, nothing goes wrong in: what has gone
	// wrong before must be made up for by then.
	calm = 2 * time.Hour
	// lookInterval and leaseDuration are those of the group service.
	lookInterval  = 10 * time.Minute
	leaseDuration = 5 * time.Minute
	// longest is the longest time between two steps: how late it is seen what the
	// market has done.
	longest = 5 * time.Minute
	// deepest is how deep events lie in each other: things happen while a look
	// is under way, and others while those are.
	deepest = 2
)

var origin = time.Date(2026, 11, 16, 0, 0, 0, 0, time.UTC)

// The accounts. The second has a balance, which can run out.
var owners = []string{"default", "shop"}

// A Report is what came of a run.
type Report struct {
	// Seed is that of the run.
	Seed uint64
	// Violations are what did not hold, each with the number of its invariant.
	// The run ends with the first, so that there is more than one only at its end.
	Violations []string
	// Trace is the end of what happened, a line an event.
	Trace []string
	// Hash is one of all that happened.
	Hash uint64
	// Events, Looks, Launched, Removed, Crashes, Groups and Calls count what
	// happened: events of the trace, looks at groups, instances launched for and
	// given up by groups, crashes, groups, calls that were made to go wrong.
	Events, Looks, Launched, Removed, Crashes, Groups, Faults int
}

// A Bug is a defect that is built in to see whether it is found.
type Bug int

// The defects.
const (
	// NoBug is none.
	NoBug Bug = iota
	// SlotAfterCall stores launch slots only after the launch was made.
	SlotAfterCall
	// ReplacementTwice counts each instance that replaces an unhealthy one twice.
	ReplacementTwice
	// LeaseIgnored gives a group to a worker while another has it.
	LeaseIgnored
)

// run is one simulated day.
type run struct {
	seed   uint64
	bug    Bug
	ctx    context.Context
	clock  *clock.Virtual
	trace  trace
	agenda agenda

	// What is drawn: when what goes wrong, what users do, and all that is drawn at
	// the moment.
	draw *rand.Rand

	cloud     *fleetsim.Service
	cloudConn *rpc.Direct
	fleet     fleetv1.FleetServiceClient
	operator  fleetv1.SimulationServiceClient
	allocator *allocator.Service
	placeConn *rpc.Direct
	doctor    *doctor
	docConn   *rpc.Direct
	store     *memory.Store
	processes []*process
	console   *process // sees the store as it is; delivers nothing

	troubles troubles
	users    users
	check    *check

	cloudNext time.Time
	cursor    string // up to where transitions were read
	viewed    time.Time
	depth     int
	broken    bool // the run is over
	report    Report
}

var validator = sync.OnceValues(func() (*rpc.Validator, error) { return rpc.NewValidator() })

// Run simulates a day and tells what came of it. It fails only when the
// simulation can not be set up.
func Run(ctx context.Context, seed uint64, bug Bug) (*Report, error) {
	r := &run{seed: seed, bug: bug, ctx: ctx, clock: clock.NewVirtual(origin), draw: rand.New(rand.NewPCG(seed, 1))}
	r.report.Seed = seed
	r.check = newCheck(r)
	if err := r.build(); err != nil {
		return nil, err
	}
	r.planTroubles()
	r.planUsers()
	r.until(origin.Add(day-calm), func() bool { return false })
	if !r.broken {
		r.endTroubles()
		r.until(origin.Add(day), func() bool { return false })
	}
	if !r.broken {
		r.check.atTheEnd()
	}
	r.report.Trace, r.report.Hash, r.report.Events = r.trace.tail(), r.trace.hash, r.trace.events
	r.report.Groups = len(r.check.groups)
	return &r.report, nil
}

// now is the time.
func (r *run) now() time.Time { return r.clock.Now() }

// log adds to the trace.
func (r *run) log(format string, args ...any) { r.trace.add(r.now(), format, args...) }

// violated notes that an invariant does not hold, and ends the run.
func (r *run) violated(invariant, format string, args ...any) {
	told := invariant + ": " + fmt.Sprintf(format, args...)
	r.log("VIOLATION %s", told)
	r.report.Violations = append(r.report.Violations, told)
	r.broken = true
}

// chance is true so many times in a thousand.
func (r *run) chance(permille int) bool { return permille > 0 && r.draw.IntN(1000) < permille }

// between draws a duration.
func (r *run) between(least, most time.Duration) time.Duration {
	return least + time.Duration(r.draw.Int64N(int64(most-least)+1)).Round(time.Millisecond)
}

// pick draws one of some.
func pick[T any](r *run, some ...T) T { return some[r.draw.IntN(len(some))] }

// entropy gives bytes drawn from the seed.
type entropy struct{ source *rand.PCG }

func newEntropy(seed, stream uint64) io.Reader { return entropy{rand.NewPCG(seed, stream)} }

// Read implements [io.Reader].
func (e entropy) Read(p []byte) (int, error) {
	var word [8]byte
	for n := 0; n < len(p); n += 8 {
		binary.LittleEndian.PutUint64(word[:], e.source.Uint64())
		copy(p[n:], word[:])
	}
	return len(p), nil
}

// offers is what the cloud sells: three types in three zones. Types of one size
// in several zones, and of several sizes, are what strategies choose among.
func offers() (*catalog.Catalog, error) {
	var csv strings.Builder
	csv.WriteString("zone_id,instance_type,family,architecture,vcpus,memory_mib,gpus,pay_as_you_go_micros_per_hour,spot_base_permille,capacity_instances\n")
	for i, zone := range zones {
		for j, instanceType := range types {
			fmt.Fprintf(&csv, "%s,%s,ecs.c6,x86,%d,%d,0,%d,%d,%d\n", zone, instanceType.name, instanceType.vcpus, 2048*instanceType.vcpus,
				instanceType.price, 200+30*i+10*j, 60)
		}
	}
	return catalog.Parse(strings.NewReader(csv.String()))
}

var zones = []string{"cn-sim-a", "cn-sim-b", "cn-sim-c"}

var types = []struct {
	name  string
	vcpus int
	price int64
}{{"ecs.c6.large", 2, 60_000}, {"ecs.c6.xlarge", 4, 121_000}, {"ecs.c6.2xlarge", 8, 241_000}}

// build sets everything up.
func (r *run) build() error {
	sold, err := offers()
	if err != nil {
		return err
	}
	volatility := float64(r.draw.IntN(3))
	r.cloud, err = fleetsim.New(fleetsim.Config{Catalog: sold, Seed: r.seed, Volatility: &volatility, Driven: true}, fleetsim.Deps{Clock: r.clock})
	if err != nil {
		return err
	}
	if r.cloudConn, err = r.connect(r.cloud); err != nil {
		return err
	}
	r.fleet, r.operator = fleetv1.NewFleetServiceClient(r.cloudConn), fleetv1.NewSimulationServiceClient(r.cloudConn)
	if _, err := r.operator.SetAccount(r.ctx, &fleetv1.SetAccountRequest{AccountId: owners[1]}); err != nil {
		return err
	}
	r.allocator, err = allocator.New(allocator.Config{MaxViewAge: 10 * time.Minute}, allocator.Deps{Fleet: r.fleet, Clock: r.clock})
	if err != nil {
		return err
	}
	if r.placeConn, err = r.connect(r.allocator); err != nil {
		return err
	}
	r.doctor = newDoctor(r)
	if r.docConn, err = r.connect(r.doctor); err != nil {
		return err
	}
	r.store = memory.New()
	r.console = &process{run: r, name: "console", honest: true}
	r.processes = []*process{{run: r, name: "A", stream: 10}, {run: r, name: "B", stream: 11}}
	for _, p := range append([]*process{r.console}, r.processes...) {
		if err := p.start(); err != nil {
			return err
		}
	}
	return r.allocator.Tick(r.ctx)
}

// connect makes a direct connection to a service. A handler that panics breaks
// the run.
func (r *run) connect(service interface{ Register(grpcRegistrar) }) (*rpc.Direct, error) {
	valid, err := validator()
	if err != nil {
		return nil, err
	}
	conn := rpc.NewDirect(valid, slog.New(panics{r}))
	service.Register(conn)
	return conn, nil
}

// until lets time pass up to a moment, or until enough says so.
func (r *run) until(end time.Time, enough func() bool) {
	for !r.broken && !enough() {
		at := r.next()
		if at.After(end) {
			r.clock.Advance(end.Sub(r.now()))
			return
		}
		r.clock.Advance(at.Sub(r.now()))
		r.step()
	}
}

// next is when something is next to happen. It is later than now, so that time
// passes.
func (r *run) next() time.Time {
	at := r.now().Add(longest)
	sooner := func(other time.Time) {
		if !other.IsZero() && other.Before(at) {
			at = other
		}
	}
	if planned, ok := r.agenda.next(); ok {
		sooner(planned)
	}
	sooner(r.cloudNext)
	for _, p := range r.processes {
		if p.isFree() {
			due, err := r.store.NextDue(r.ctx)
			if err == nil && !due.IsZero() && due.Before(p.notBefore) {
				due = p.notBefore
			}
			sooner(due)
		}
	}
	if least := r.now().Add(time.Millisecond); at.Before(least) {
		return least
	}
	return at
}

// step does all that is to be done now, in an order that is drawn.
func (r *run) step() {
	r.watch()
	for do := r.agenda.take(r.now()); do != nil && !r.broken; do = r.agenda.take(r.now()) {
		do()
		r.watch()
	}
	r.doctor.look()
	for _, i := range r.draw.Perm(len(r.processes)) {
		if !r.broken {
			r.processes[i].tick()
		}
	}
	r.watch()
	r.check.always()
}

// watch lets the cloud live and reads what happened there.
func (r *run) watch() {
	next, err := r.cloud.Tick(r.ctx)
	if err != nil {
		r.violated("simulation", "the cloud does not live: %v", err)
		return
	}
	r.cloudNext = next
	stream, err := r.fleet.WatchInstances(r.ctx, &fleetv1.WatchInstancesRequest{Cursor: r.cursor, AllAccounts: true})
	if err != nil {
		r.violated("simulation", "the cloud tells nothing: %v", err)
		return
	}
	for {
		response, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			r.violated("simulation", "the cloud tells nothing: %v", err)
			return
		}
		r.cursor = response.GetCursor()
		for _, transition := range response.GetTransitions() {
			r.happened(transition)
		}
	}
}

// happened takes note of a transition.
func (r *run) happened(transition *fleetv1.InstanceTransition) {
	instance := transition.GetInstance()
	r.log("%s %s %s %s %s", instance.GetInstanceId(), short(transition.GetKind(), "TRANSITION_KIND_"), short(transition.GetReason(), "TRANSITION_REASON_"),
		instance.GetTags()[tagGroup], short(instance.GetStatus(), "INSTANCE_STATUS_"))
	r.check.happened(transition)
	if event := r.doctor.saw(transition); event != nil {
		r.send(event)
	}
}

// send brings an event to the group service: late, twice, or never.
func (r *run) send(event *healthv1.InstanceEvent) {
	if event.GetGroupId() == "" {
		return
	}
	copies := 1
	switch {
	case r.chance(r.troubles.lost):
		copies = 0
	case r.chance(r.troubles.doubled):
		copies = 2
	}
	for range copies {
		r.agenda.add(r.now().Add(r.between(time.Millisecond, 3*time.Second)), func() { r.notice(event, 5) })
	}
}

// notice hands an event to a process, and again later if that fails.
func (r *run) notice(event *healthv1.InstanceEvent, attempts int) {
	p := r.someFree()
	if p != nil && p.service.Notice(r.ctx, event) == nil || attempts == 0 {
		return
	}
	r.agenda.add(r.now().Add(5*time.Second), func() { r.notice(event, attempts-1) })
}

// someFree is a process that lives and is not at work; nil when none is.
func (r *run) someFree() *process {
	for _, i := range r.draw.Perm(len(r.processes)) {
		if r.processes[i].isFree() {
			return r.processes[i]
		}
	}
	return nil
}

// group reads a group as it is stored; nil when there is none.
func (r *run) group(account, id string) *groupv1.Group {
	response, err := r.console.groups.GetGroup(rpc.WithAccount(r.ctx, account), &groupv1.GetGroupRequest{GroupId: id})
	if err != nil {
		return nil
	}
	return response.GetGroup()
}

// short is the name of a value of an enum.
func short(value fmt.Stringer, prefix string) string {
	name := strings.ToLower(strings.TrimPrefix(value.String(), prefix))
	if name == "unspecified" {
		return "-"
	}
	return name
}

// panics breaks a run when a handler panics.
type panics struct{ run *run }

// Enabled implements [slog.Handler].
func (p panics) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelError }

// Handle implements [slog.Handler].
func (p panics) Handle(_ context.Context, record slog.Record) error {
	if record.Message != "call panicked" {
		return nil
	}
	record.Attrs(func(attr slog.Attr) bool {
		p.run.violated("panic", "%v: %v", attr.Key, attr.Value)
		return true
	})
	return nil
}

// WithAttrs implements [slog.Handler].
func (p panics) WithAttrs([]slog.Attr) slog.Handler { return p }

// WithGroup implements [slog.Handler].
func (p panics) WithGroup(string) slog.Handler { return p }

// text is a message in one line that is always the same.
func text(message proto.Message) string {
	bytes, err := proto.MarshalOptions{Deterministic: true}.Marshal(message)
	if err != nil {
		return err.Error()
	}
	return string(bytes)
}
