package simulation

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/seed-198b1370/muster/pkg/clock"
	"github.com/seed-198b1370/muster/pkg/rpc"
	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
	"github.com/seed-198b1370/muster/services/groupsvc"
	"github.com/seed-198b1370/muster/services/groupsvc/memory"
)

// errAway is a store that can not be reached, or a process that is no more.
var errAway = errors.New("the store can not be reached")

// A process is a replica of the group service, from one life to the next.
type process struct {
	run    *run
	name   string
	stream uint64 // of the entropy that is its own
	honest bool   // nothing goes wrong in it
	*life
	notBefore time.Time // it waits until then, its store having failed
}

// A life of a process ends in a crash. What is still under way then has no effect
// any more: whatever it calls fails.
type life struct {
	of       *process
	service  *groupsvc.Service
	groups   groupv1.GroupServiceClient
	dead     bool
	busy     int                        // how many calls and looks are under way
	ticking  bool                       // a look is
	leaving  bool                       // a caller has lost patience
	began    map[string]beginning       // of the present looks
	answered map[string]map[string]bool // who is unhealthy, by group, as the present look was told
	lease    time.Time                  // when that of the latest claim ends, as the service knows it
	looking  map[string]bool            // at which groups, since they were read and until they are given back
	held     func() error               // SlotAfterCall: a write that was put off
	lives    uint64
}

// isFree tells whether the process lives and is not at work.
func (p *process) isFree() bool { return p.life != nil && !p.dead && p.busy == 0 }

// start begins a life.
func (p *process) start() error {
	r := p.run
	lives := uint64(1)
	if p.life != nil {
		lives = p.lives + 1
	}
	l := &life{of: p, lives: lives, began: map[string]beginning{}, answered: map[string]map[string]bool{}, looking: map[string]bool{}}
	rules, err := validator()
	if err != nil {
		return err
	}
	service, err := groupsvc.New(r.ctx, groupsvc.Config{
		Memory: r.store.Through(l.hook), LookInterval: lookInterval, LeaseDuration: leaseDuration, ParallelCalls: 1,
		Entropy: newEntropy(r.seed, p.stream<<32|lives),
	}, groupsvc.Deps{
		Fleet:     fleetv1.NewFleetServiceClient(&line{l, r.cloudConn}),
		Allocator: allocatorv1.NewAllocatorServiceClient(&line{l, r.placeConn}),
		Health:    healthv1.NewHealthServiceClient(&line{l, r.docConn}),
		Clock:     patience{r.clock, l},
		Rules:     rules,
	})
	if err != nil {
		return err
	}
	l.service = service
	conn, err := r.connect(service)
	if err != nil {
		return err
	}
	l.groups = groupv1.NewGroupServiceClient(conn)
	p.life = l
	r.log("%s starts", p.name)
	return nil
}

// tick has a free process look at what is due.
func (p *process) tick() {
	if !p.isFree() || p.run.now().Before(p.notBefore) {
		return
	}
	l := p.life
	l.busy++
	l.ticking = true
	_, err := l.service.Tick(p.run.ctx)
	l.flush()
	l.ticking = false
	clear(l.looking)
	l.busy--
	if err != nil && !l.dead {
		p.notBefore = p.run.now().Add(time.Second)
	}
}

// crash ends a life; another begins later.
func (l *life) crash(where string) {
	r := l.of.run
	if l.dead || l != l.of.life {
		return
	}
	l.dead = true
	r.report.Crashes++
	r.log("%s crashes %s", l.of.name, where)
	r.agenda.add(r.now().Add(r.between(100*time.Millisecond, 4*time.Minute)), l.of.revive)
}

// revive starts a process anew, again and again until that succeeds.
func (p *process) revive() {
	if err := p.start(); err != nil {
		p.run.agenda.add(p.run.now().Add(time.Second), p.revive)
	}
}

// hook is between a life and its store.
func (l *life) hook(call memory.Call, do func() error) error {
	r := l.of.run
	if l.of.honest || l.leaving {
		return do()
	}
	l.flush()
	if l.dead || r.broken {
		return errAway
	}
	looks := l.ticking && call.Method == "Get"
	disturbed := call.Method != "Claim" && (call.Writes || looks)
	if disturbed {
		r.interlude(l)
		if r.chance(r.troubles.crash) {
			l.crash("before " + call.Method + " of " + call.GroupID)
		}
		if l.dead || r.broken {
			return errAway
		}
		if r.chance(r.troubles.store) {
			r.report.Faults++
			return errAway
		}
	}
	if call.Method == "Claim" {
		l.lease = *call.LeaseUntil
	}
	if call.GivesBack {
		delete(l.looking, call.GroupID)
	}
	if looks {
		r.report.Looks++
		l.alone(call.GroupID)
		l.began[call.GroupID] = beginning{r.now(), r.check.targets(call.GroupID)}
		delete(l.answered, call.GroupID)
	}
	switch {
	case r.bug == LeaseIgnored && call.LeaseUntil != nil:
		*call.LeaseUntil = r.now()
	case r.bug == SlotAfterCall && call.Method == "Save" && l.ticking:
		l.held = do
		return nil
	}
	err := do()
	if err == nil && call.Method == "Save" {
		r.check.saved(l, call.Account, call.GroupID)
	}
	if err == nil && disturbed && call.Writes {
		if r.chance(r.troubles.crash) {
			l.crash("after " + call.Method + " of " + call.GroupID)
			return errAway
		}
		if r.chance(r.troubles.store) {
			r.report.Faults++
			r.log("%s loses the answer to %s of %s", l.of.name, call.Method, call.GroupID)
			return errAway
		}
	}
	return err
}

// alone holds that nobody else looks at a group that a life begins to look at:
// within its lease a group is one replica's.
func (l *life) alone(groupID string) {
	r := l.of.run
	l.looking[groupID] = true
	for _, other := range r.processes {
		if other.life == nil || other.life == l || other.dead || !other.looking[groupID] || !r.now().Before(other.lease) {
			continue
		}
		r.violated("lease", "%s looks at group %s, which %s has until %s and has not given back",
			l.of.name, groupID, other.name, other.lease.Format(time.TimeOnly))
	}
}

// flush makes a write that was put off.
func (l *life) flush() {
	do := l.held
	l.held = nil
	if do != nil && !l.dead {
		_ = do() // the defect is that nobody looks
	}
}

// patience is the clock of a life. Who waits by it waits for the world to go on.
type patience struct {
	*clock.Virtual
	life *life
}

// NewTimer implements [clock.Clock].
func (p patience) NewTimer(at time.Time) *clock.Timer {
	r, l := p.life.of.run, p.life
	if !l.leaving && !r.broken {
		busy := l.busy
		l.busy = 0 // it waits, and can look at other groups meanwhile
		r.until(at, func() bool { return false })
		l.busy = busy
	}
	return p.Virtual.NewTimer(r.now())
}

// A line is the way from a life to a service.
type line struct {
	life *life
	to   *rpc.Direct
}

// NewStream implements [grpc.ClientConnInterface].
func (l *line) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	return l.to.NewStream(ctx, desc, method, opts...)
}

// Invoke implements [grpc.ClientConnInterface]: it makes a call, or what becomes
// of it.
func (l *line) Invoke(ctx context.Context, path string, request, reply any, _ ...grpc.CallOption) error {
	r, from := l.life.of.run, l.life
	if from.of.honest {
		return l.to.Invoke(ctx, path, request, reply)
	}
	if l.to == r.placeConn {
		r.refreshView()
	}
	method := path[strings.LastIndex(path, "/")+1:]
	launches := method == "RunInstances"
	if !launches {
		from.flush()
	}
	if !from.leaving {
		r.interlude(from)
		if r.chance(r.troubles.crash) {
			from.crash("before " + method)
		}
	}
	if from.dead || r.broken {
		return status.Error(codes.Unavailable, "nobody is there")
	}
	trouble := r.troubleOf()
	if err := trouble.before(method); err != nil {
		r.log("%s %s: %v", from.of.name, method, status.Code(err))
		return err
	}
	r.check.calling(from, rpc.AccountOf(arrived(ctx)), request)
	err := l.to.Invoke(ctx, path, request, reply)
	if isChange(method) {
		r.watch()
		r.log("%s %s %s: %v", from.of.name, method, about(request), status.Code(err))
	}
	r.check.called(from, request, reply, err)
	if !from.leaving && r.chance(r.troubles.crash) {
		from.crash("after " + method)
	}
	if from.dead || r.broken {
		return status.Error(codes.Unavailable, "nobody is there")
	}
	if launches {
		from.flush()
	}
	if err := trouble.after(method); err != nil {
		r.log("%s %s was done, but: %v", from.of.name, method, status.Code(err))
		return err
	}
	if list, ok := reply.(*fleetv1.ListInstancesResponse); ok && err == nil && r.bug == ReplacementTwice {
		list.Instances = r.check.doubled(list.GetInstances())
	}
	return err
}

func isChange(method string) bool {
	return slices.Contains([]string{"RunInstances", "StartInstances", "DeleteInstances", "UpdateInstanceTags"}, method)
}

// about says what a change is about.
func about(request any) string {
	switch request := request.(type) {
	case *fleetv1.RunInstancesRequest:
		return request.GetRequestId() + " " + request.GetZoneId() + " " + request.GetInstanceType() + " " +
			short(request.GetBillingMethod(), "BILLING_METHOD_") + " x" + itoa(int(request.GetAmount()))
	case *fleetv1.DeleteInstancesRequest:
		return strings.Join(request.GetInstanceIds(), " ")
	case *fleetv1.StartInstancesRequest:
		return strings.Join(request.GetInstanceIds(), " ")
	case *fleetv1.UpdateInstanceTagsRequest:
		return strings.Join(request.GetInstanceIds(), " ")
	default:
		return ""
	}
}
