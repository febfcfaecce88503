package simulation

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/seed-198b1370/muster/pkg/rpc"
	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

// users are the people of both accounts.
type users struct {
	run     *run
	created int
	calls   int
}

// planUsers draws when users do something.
func (r *run) planUsers() {
	r.users.run = r
	for range 3 + r.draw.IntN(4) {
		r.agenda.add(origin.Add(r.between(time.Minute, 6*time.Hour)), r.users.create)
	}
	for range 40 + r.draw.IntN(60) {
		r.agenda.add(origin.Add(r.between(time.Hour, day-calm)), r.users.act)
	}
}

// A request is a call of a user's, made again until it is answered.
type request struct {
	account string
	name    string
	call    func(context.Context, groupv1.GroupServiceClient) error
	done    func(error)
}

// ask makes a call, and again later if whether it had its effect is not known.
func (u *users) ask(what request, attempts int) {
	r := u.run
	p := r.someFree()
	if p == nil {
		u.again(what, attempts)
		return
	}
	l := p.life
	l.busy++
	err := what.call(rpc.WithAccount(r.ctx, what.account), l.groups)
	l.flush()
	l.busy--
	r.log("%s of %s at %s: %s", what.name, what.account, p.name, status.Code(err))
	r.check.refreshAll()
	switch status.Code(err) {
	case codes.Unavailable, codes.Internal, codes.DeadlineExceeded, codes.Canceled:
		if l.dead || !r.broken && attempts > 0 {
			u.again(what, attempts)
			return
		}
	default:
	}
	if what.done != nil {
		what.done(err)
	}
}

func (u *users) again(what request, attempts int) {
	r := u.run
	if attempts > 0 && !r.broken {
		r.agenda.add(r.now().Add(r.between(time.Second, 40*time.Second)), func() { u.ask(what, attempts-1) })
	}
}

// create creates a group.
func (u *users) create() {
	r := u.run
	u.created++
	message := &groupv1.CreateGroupRequest{RequestId: fmt.Sprint("create-", u.created), Spec: r.spec()}
	account := pick(r, owners...)
	var id string
	u.ask(request{account: account, name: "create " + describe(message.GetSpec()), call: func(ctx context.Context, groups groupv1.GroupServiceClient) error {
		response, err := groups.CreateGroup(ctx, proto.CloneOf(message))
		id = response.GetGroup().GetGroupId()
		return err
	}, done: func(err error) {
		if err == nil {
			r.check.acknowledged(account, id)
		}
	}}, 8)
}

func describe(spec *groupv1.GroupSpec) string {
	target := spec.GetTargetCapacity()
	words := fmt.Sprintf("%s %d (%d pay-as-you-go, %d spot)", short(spec.GetType(), "GROUP_TYPE_"), target.GetTotal(), target.GetPayAsYouGo(), target.GetSpot())
	if target.GetMinimum() > 0 {
		words += fmt.Sprintf(" minimum %d", target.GetMinimum())
	}
	if spec.GetSpot().GetShortfall() > groupv1.SpotShortfall_SPOT_SHORTFALL_WAIT {
		words += " " + short(spec.GetSpot().GetShortfall(), "SPOT_SHORTFALL_")
	}
	if spec.GetBudget() != nil {
		words += " with a budget"
	}
	if spec.GetCandidates()[0].GetAttributes() != nil {
		words += " by attributes"
	}
	return words
}

// spec draws what a user wants.
func (r *run) spec() *groupv1.GroupSpec {
	total := int32(r.draw.IntN(13))
	payAsYouGo := int32(r.draw.IntN(int(total) + 1))
	spec := &groupv1.GroupSpec{
		Type: pick(r, groupv1.GroupType_GROUP_TYPE_MAINTAIN, groupv1.GroupType_GROUP_TYPE_MAINTAIN, groupv1.GroupType_GROUP_TYPE_MAINTAIN,
			groupv1.GroupType_GROUP_TYPE_MAINTAIN, groupv1.GroupType_GROUP_TYPE_REQUEST, groupv1.GroupType_GROUP_TYPE_INSTANT),
		TargetCapacity: &groupv1.TargetCapacity{
			Total: total, PayAsYouGo: payAsYouGo, Spot: int32(r.draw.IntN(int(total-payAsYouGo) + 1)),
			DefaultType: groupv1.DefaultTargetCapacityType(r.draw.IntN(3)),
		},
		ExcessCapacityTerminationPolicy: pick(r, groupv1.ExcessCapacityTerminationPolicy_EXCESS_CAPACITY_TERMINATION_POLICY_TERMINATION,
			groupv1.ExcessCapacityTerminationPolicy_EXCESS_CAPACITY_TERMINATION_POLICY_TERMINATION,
			groupv1.ExcessCapacityTerminationPolicy_EXCESS_CAPACITY_TERMINATION_POLICY_NO_TERMINATION),
		TerminateInstances: r.chance(500),
		Health:             &groupv1.HealthOptions{MaxUnhealthyReplacementPercent: pick[int32](r, 0, 10, 50, 100)},
		PayAsYouGo: &groupv1.PayAsYouGoOptions{AllocationStrategy: pick(r,
			allocatorv1.PayAsYouGoAllocationStrategy_PAY_AS_YOU_GO_ALLOCATION_STRATEGY_LOWEST_PRICE,
			allocatorv1.PayAsYouGoAllocationStrategy_PAY_AS_YOU_GO_ALLOCATION_STRATEGY_PRIORITIZED,
			allocatorv1.PayAsYouGoAllocationStrategy_PAY_AS_YOU_GO_ALLOCATION_STRATEGY_LOWEST_COST)},
		Spot: &groupv1.SpotOptions{
			AllocationStrategy: allocatorv1.SpotAllocationStrategy(r.draw.IntN(7)),
			Shortfall:          groupv1.SpotShortfall(r.draw.IntN(4)),
			InterruptionReplacement: pick(r, groupv1.InterruptionReplacement_INTERRUPTION_REPLACEMENT_ON_NOTICE,
				groupv1.InterruptionReplacement_INTERRUPTION_REPLACEMENT_ON_NOTICE, groupv1.InterruptionReplacement_INTERRUPTION_REPLACEMENT_ON_RELEASE),
		},
	}
	if r.chance(250) {
		spec.Spot.InterruptionBehavior = fleetv1.InterruptionBehavior_INTERRUPTION_BEHAVIOR_STOP
		spec.Spot.StoppedRetention = durationpb.New(r.between(time.Hour, 6*time.Hour))
	}
	if spec.GetType() == groupv1.GroupType_GROUP_TYPE_INSTANT && r.chance(500) {
		spec.TargetCapacity.Minimum = int32(r.draw.IntN(int(total) + 1))
	}
	if r.chance(150) {
		spec.Budget = &groupv1.Budget{MaxMicrosPerHour: int64(total+1) * pick[int64](r, 15_000, 60_000, 200_000), Shed: r.chance(500)}
	}
	if r.chance(150) {
		spec.ValidUntil = timestamppb.New(r.now().Add(r.between(time.Hour, 12*time.Hour)))
		spec.TerminateInstancesWithExpiration = r.chance(500)
	}
	if r.chance(100) && spec.GetType() != groupv1.GroupType_GROUP_TYPE_INSTANT {
		spec.ValidFrom = timestamppb.New(r.now().Add(r.between(time.Minute, 40*time.Minute)))
	}
	r.candidates(spec)
	return spec
}

// candidates draws where a group may launch.
func (r *run) candidates(spec *groupv1.GroupSpec) {
	if r.chance(150) {
		r.attributes(spec)
		return
	}
	weighted, priced := r.chance(400), r.chance(250)
	for range 1 + r.draw.IntN(4) {
		chosen := r.draw.IntN(len(types))
		candidate := &groupv1.Candidate{ZoneId: pick(r, zones...), InstanceType: types[chosen].name}
		if slices.ContainsFunc(spec.GetCandidates(), func(c *groupv1.Candidate) bool {
			return c.GetZoneId() == candidate.GetZoneId() && c.GetInstanceType() == candidate.GetInstanceType()
		}) {
			continue
		}
		if weighted {
			candidate.WeightedCapacity = proto.Float64(float64(types[chosen].vcpus) / 2)
		}
		if priced && r.chance(500) {
			candidate.MaxPriceMicrosPerHour = types[chosen].price * pick[int64](r, 15, 30, 60) / 100
		}
		if r.chance(500) {
			candidate.Priority = proto.Int32(int32(r.draw.IntN(4)))
		}
		spec.Candidates = append(spec.Candidates, candidate)
	}
	if priced && r.chance(300) {
		spec.Spot.MaxPriceMicrosPerHour = types[len(types)-1].price * pick[int64](r, 20, 50) / 100
	}
}

// attributes draws candidates that say what types must be like, one a zone.
func (r *run) attributes(spec *groupv1.GroupSpec) {
	byVCPUs, first := r.chance(500), r.draw.IntN(len(types)-1)
	for _, zone := range zones[:1+r.draw.IntN(len(zones))] {
		candidate := &groupv1.Candidate{ZoneId: zone, Attributes: &allocatorv1.InstanceAttributes{}}
		for _, sold := range types[first : first+2] {
			candidate.Attributes.Vcpus = append(candidate.Attributes.Vcpus, int32(sold.vcpus))
		}
		if byVCPUs {
			candidate.Attributes.CapacityUnit = allocatorv1.CapacityUnit_CAPACITY_UNIT_VCPU
		}
		spec.Candidates = append(spec.Candidates, candidate)
	}
}

// act has some user do something to some group.
func (u *users) act() {
	r := u.run
	ids := r.check.living()
	if len(ids) == 0 || r.troubles.over {
		return
	}
	u.calls++
	g := r.check.groups[pick(r, ids...)]
	token := fmt.Sprint("call-", u.calls)
	switch r.draw.IntN(16) {
	case 0, 1, 2, 3, 4, 5:
		u.update(g, token)
	case 6, 7:
		u.detach(g, token)
	case 8:
		u.attach(g, token)
	case 9, 10:
		u.suspend(g, pick(r, groupv1.Process_PROCESS_LAUNCH, groupv1.Process_PROCESS_TERMINATE, groupv1.Process_PROCESS_REPLACE, groupv1.Process_PROCESS_REBALANCE))
	case 11:
		u.protect(g)
	case 12, 13:
		u.rebalance(g, token)
	case 14:
		u.spy(g)
	default:
		if r.chance(400) {
			u.remove(g)
		}
	}
}

func (u *users) update(g *group, token string) {
	r := u.run
	total := int32(r.draw.IntN(13))
	payAsYouGo := int32(r.draw.IntN(int(total) + 1))
	message := &groupv1.UpdateGroupRequest{
		RequestId: token, GroupId: g.id,
		Spec: &groupv1.GroupSpec{TargetCapacity: &groupv1.TargetCapacity{
			Total: total, PayAsYouGo: payAsYouGo, Spot: int32(r.draw.IntN(int(total-payAsYouGo) + 1)),
		}},
		UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"target_capacity.total", "target_capacity.pay_as_you_go", "target_capacity.spot"}},
	}
	u.ask(request{account: g.account, name: fmt.Sprintf("update %s to %d (%d pay-as-you-go)", g.id, total, payAsYouGo), call: func(ctx context.Context, groups groupv1.GroupServiceClient) error {
		change := r.check.changing(g)
		response, err := groups.UpdateGroup(ctx, proto.CloneOf(message))
		r.check.changed(g, change, response.GetGroup())
		return err
	}}, 4)
}

func (u *users) remove(g *group) {
	message := &groupv1.DeleteGroupRequest{GroupId: g.id}
	if u.run.chance(500) {
		message.TerminateInstances = proto.Bool(u.run.chance(500))
	}
	u.ask(request{account: g.account, name: "delete " + g.id, call: func(ctx context.Context, groups groupv1.GroupServiceClient) error {
		_, err := groups.DeleteGroup(ctx, proto.CloneOf(message))
		if err == nil {
			g.mustEnd = true
		}
		return err
	}}, 4)
}

func (u *users) detach(g *group, token string) {
	r := u.run
	ids := r.check.some(g, 1+r.draw.IntN(2))
	if len(ids) == 0 {
		return
	}
	message := &groupv1.DetachInstancesRequest{RequestId: token, GroupId: g.id, InstanceIds: ids, DecrementTarget: r.chance(500)}
	u.ask(request{account: g.account, name: "detach " + strings.Join(ids, " ") + " from " + g.id, call: func(ctx context.Context, groups groupv1.GroupServiceClient) error {
		change := r.check.changing(g)
		for _, id := range ids {
			g.ordered[id] = true
		}
		response, err := groups.DetachInstances(ctx, proto.CloneOf(message))
		for _, id := range ids {
			g.left[id] = g.left[id] || err == nil
		}
		r.check.changed(g, change, response.GetGroup())
		return err
	}}, 4)
}

func (u *users) attach(g *group, token string) {
	r := u.run
	launched, err := r.fleet.RunInstances(rpc.WithAccount(r.ctx, g.account), &fleetv1.RunInstancesRequest{
		RequestId: token, ZoneId: pick(r, zones...), InstanceType: pick(r, types...).name, BillingMethod: fleetv1.BillingMethod_BILLING_METHOD_PAY_AS_YOU_GO, Amount: 1,
	})
	r.watch()
	if err != nil {
		return
	}
	message := &groupv1.AttachInstancesRequest{GroupId: g.id, InstanceIds: launched.GetInstanceIds()}
	u.ask(request{account: g.account, name: "attach " + launched.GetInstanceIds()[0] + " to " + g.id, call: func(ctx context.Context, groups groupv1.GroupServiceClient) error {
		_, err := groups.AttachInstances(ctx, proto.CloneOf(message))
		return err
	}}, 4)
}

func (u *users) suspend(g *group, process groupv1.Process) {
	r := u.run
	g.suspended = true
	u.ask(request{account: g.account, name: "suspend " + short(process, "PROCESS_") + " of " + g.id, call: func(ctx context.Context, groups groupv1.GroupServiceClient) error {
		_, err := groups.SuspendProcesses(ctx, &groupv1.SuspendProcessesRequest{GroupId: g.id, Processes: []groupv1.Process{process}})
		return err
	}}, 4)
	r.after(r.between(10*time.Minute, 2*time.Hour), func() { u.resume(g) })
}

func (u *users) resume(g *group) {
	u.ask(request{account: g.account, name: "resume " + g.id, call: func(ctx context.Context, groups groupv1.GroupServiceClient) error {
		_, err := groups.ResumeProcesses(ctx, &groupv1.ResumeProcessesRequest{GroupId: g.id, Processes: []groupv1.Process{
			groupv1.Process_PROCESS_LAUNCH, groupv1.Process_PROCESS_TERMINATE, groupv1.Process_PROCESS_REPLACE, groupv1.Process_PROCESS_REBALANCE,
		}})
		return err
	}}, 10)
}

func (u *users) protect(g *group) {
	r := u.run
	ids := r.check.some(g, 1)
	if len(ids) == 0 {
		return
	}
	protect := r.chance(700)
	g.protected = g.protected || protect
	u.ask(request{account: g.account, name: "protect " + ids[0] + " of " + g.id, call: func(ctx context.Context, groups groupv1.GroupServiceClient) error {
		_, err := groups.SetInstanceProtection(ctx, &groupv1.SetInstanceProtectionRequest{GroupId: g.id, InstanceIds: ids, Protected: protect})
		return err
	}}, 2)
}

func (u *users) rebalance(g *group, token string) {
	r := u.run
	moves := int32(r.draw.IntN(3))
	u.ask(request{account: g.account, name: "rebalance " + g.id, call: func(ctx context.Context, groups groupv1.GroupServiceClient) error {
		_, err := groups.RebalanceGroup(ctx, &groupv1.RebalanceGroupRequest{RequestId: token, GroupId: g.id, MaxMovedInstances: moves})
		if err == nil {
			g.rebalanced = r.now()
		}
		return err
	}}, 2)
}

// spy asks for a group of another account, which must not be there for it (S8).
func (u *users) spy(g *group) {
	r := u.run
	other := owners[0]
	if g.account == other {
		other = owners[1]
	}
	u.ask(request{account: other, name: "look at another's " + g.id, call: func(ctx context.Context, groups groupv1.GroupServiceClient) error {
		_, err := groups.DeleteGroup(ctx, &groupv1.DeleteGroupRequest{GroupId: g.id})
		return err
	}, done: func(err error) {
		if code := status.Code(err); code != codes.NotFound && code != codes.Unavailable && code != codes.Internal && code != codes.DeadlineExceeded {
			r.violated("S8", "%s could ask for the deletion of %s of %s: %v", other, g.id, g.account, err)
		}
	}}, 0)
}

// mend has users resume what is suspended.
func (u *users) mend() {
	for _, id := range u.run.check.living() {
		if g := u.run.check.groups[id]; g.suspended {
			u.resume(g)
		}
	}
}
