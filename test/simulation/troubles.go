package simulation

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

// troubles is what goes wrong now, in thousandths of the occasions.
type troubles struct {
	calls         int           // calls of the cloud, the allocator and the health check
	store         int           // calls of the store
	crash         int           // points at which a process can crash
	interlude     int           // points at which something else comes between
	lost, doubled int           // events
	late          time.Duration // how late lists show an instance
	stale         bool          // the allocator sees nothing new
	over          bool          // nothing goes wrong any more
}

// planTroubles draws what goes wrong and when.
func (r *run) planTroubles() {
	r.troubles = troubles{
		calls: pick(r, 0, 2, 5, 15), store: pick(r, 0, 0, 2, 5), crash: pick(r, 0, 1, 2, 4), interlude: pick(r, 10, 20, 40),
		lost: pick(r, 0, 50, 300, 1000), doubled: pick(r, 0, 50, 200), late: pick(r, 0, 0, 5*time.Second, 40*time.Second),
	}
	last := day - calm - 30*time.Minute
	often := func(least, most time.Duration, do func()) {
		for at := r.between(least, most); at < last; at += r.between(least, most) {
			r.agenda.add(origin.Add(at), do)
		}
	}
	often(2*time.Hour, 8*time.Hour, r.storm)
	often(2*time.Hour, 10*time.Hour, r.blind)
	often(2*time.Hour, 6*time.Hour, r.reclaim)
	often(2*time.Hour, 6*time.Hour, r.fail)
	often(3*time.Hour, 10*time.Hour, r.fault)
	often(4*time.Hour, 12*time.Hour, r.drain)
	often(5*time.Hour, 20*time.Hour, func() { pick(r, r.processes...).crash("by itself") })
	if r.chance(400) {
		r.agenda.add(origin.Add(r.between(3*time.Hour, 18*time.Hour)), r.overdue)
	}
}

// endTroubles ends all that is wrong, as people would who mend it.
func (r *run) endTroubles() {
	r.troubles = troubles{over: true}
	r.log("all troubles end")
	r.order(func(ctx context.Context) error {
		_, err := r.operator.ClearFaults(ctx, &fleetv1.ClearFaultsRequest{})
		return err
	})
	r.order(func(ctx context.Context) error {
		_, err := r.operator.RestorePools(ctx, &fleetv1.RestorePoolsRequest{Pools: &fleetv1.PoolSelector{}})
		return err
	})
	r.deposit(1_000_000_000_000)
	for _, p := range r.processes {
		if p.dead {
			p.revive()
		}
	}
	r.users.mend()
}

// order has the operator of the cloud do something.
func (r *run) order(do func(context.Context) error) {
	if err := do(r.ctx); err != nil {
		r.log("the operator: %v", err)
	}
}

// storm makes many calls fail for a while.
func (r *run) storm() {
	before := r.troubles
	r.troubles.calls, r.troubles.store = pick(r, 100, 300, 900), pick(r, before.store, 50, 200)
	r.log("a storm: %d of a thousand calls fail, %d of the store's", r.troubles.calls, r.troubles.store)
	r.after(r.between(time.Minute, 20*time.Minute), func() { r.troubles.calls, r.troubles.store = before.calls, before.store })
}

// blind keeps the allocator from seeing anything new for a while.
func (r *run) blind() {
	r.log("the allocator goes blind")
	r.troubles.stale = true
	r.after(r.between(time.Minute, 30*time.Minute), func() { r.troubles.stale = false })
}

// after does something later, unless all troubles have ended by then.
func (r *run) after(wait time.Duration, do func()) {
	r.agenda.add(r.now().Add(wait), func() {
		if !r.troubles.over {
			do()
		}
	})
}

func (r *run) somePools() *fleetv1.PoolSelector {
	selector := &fleetv1.PoolSelector{}
	if r.chance(700) {
		selector.ZoneId = pick(r, zones...)
	}
	if r.chance(500) {
		selector.InstanceType = pick(r, types...).name
	}
	return selector
}

func (r *run) reclaim() {
	request := &fleetv1.ReclaimInstancesRequest{
		Target: &fleetv1.ReclaimInstancesRequest_Pools{Pools: r.somePools()}, MaxInstances: int32(r.draw.IntN(6)),
	}
	r.log("a reclaim of %d in %v", request.GetMaxInstances(), request.GetPools())
	r.order(func(ctx context.Context) error {
		_, err := r.operator.ReclaimInstances(ctx, request)
		return err
	})
}

func (r *run) fail() {
	request := &fleetv1.FailInstancesRequest{
		Target: &fleetv1.FailInstancesRequest_Pools{Pools: r.somePools()}, MaxInstances: int32(1 + r.draw.IntN(4)),
		Failure: pick(r, fleetv1.InstanceFailure_INSTANCE_FAILURE_CRASH, fleetv1.InstanceFailure_INSTANCE_FAILURE_HANG, fleetv1.InstanceFailure_INSTANCE_FAILURE_HANG),
	}
	r.log("a failure, %v, of %d in %v", request.GetFailure(), request.GetMaxInstances(), request.GetPools())
	r.order(func(ctx context.Context) error {
		_, err := r.operator.FailInstances(ctx, request)
		return err
	})
}

// fault puts the cloud in trouble for a while.
func (r *run) fault() {
	fault := &fleetv1.Fault{
		FaultId:  "f" + strconv.FormatInt(r.now().UnixNano(), 36),
		Duration: durationpb.New(r.between(5*time.Minute, 90*time.Minute)),
	}
	switch r.draw.IntN(4) {
	case 0:
		fault.Effect = &fleetv1.Fault_PriceShock{PriceShock: &fleetv1.PriceShock{Pools: r.somePools(), FactorPermille: pick[int32](r, 500, 2000, 4000, 10000)}}
	case 1:
		fault.Effect = &fleetv1.Fault_ZoneOutage{ZoneOutage: &fleetv1.ZoneOutage{ZoneId: pick(r, zones...)}}
	case 2:
		fault.Effect = &fleetv1.Fault_SlowLaunch{SlowLaunch: &fleetv1.SlowLaunch{Pools: r.somePools(), FactorPermille: pick[int32](r, 3000, 30000, 200000)}}
	default:
		fault.Effect = &fleetv1.Fault_LaunchRefusal{LaunchRefusal: &fleetv1.LaunchRefusal{Pools: r.somePools(), Reason: pick(r,
			fleetv1.ErrorReason_ERROR_REASON_NO_INSTANCE_STOCK, fleetv1.ErrorReason_ERROR_REASON_QUOTA_EXCEEDED,
			fleetv1.ErrorReason_ERROR_REASON_ZONE_NOT_ON_SALE, fleetv1.ErrorReason_ERROR_REASON_PRICE_BELOW_MARKET,
			fleetv1.ErrorReason_ERROR_REASON_THROTTLED)}}
	}
	r.log("a fault for %v: %v", fault.GetDuration().AsDuration(), fmt.Sprintf("%T", fault.GetEffect()))
	r.order(func(ctx context.Context) error {
		_, err := r.operator.InjectFault(ctx, &fleetv1.InjectFaultRequest{Fault: fault})
		return err
	})
}

func (r *run) drain() {
	selector := r.somePools()
	r.log("drained: %v", selector)
	r.order(func(ctx context.Context) error {
		_, err := r.operator.DrainPools(ctx, &fleetv1.DrainPoolsRequest{Pools: selector})
		return err
	})
	r.after(r.between(10*time.Minute, 2*time.Hour), func() {
		r.log("restored: %v", selector)
		r.order(func(ctx context.Context) error {
			_, err := r.operator.RestorePools(ctx, &fleetv1.RestorePoolsRequest{Pools: selector})
			return err
		})
	})
}

// overdue takes all money from the account that has a balance, for a while.
func (r *run) overdue() {
	r.log("the account owes")
	r.deposit(-1_000_000_000)
	r.after(r.between(time.Hour, 3*time.Hour), func() { r.deposit(1_000_000_000_000) })
}

func (r *run) deposit(amount int64) {
	r.order(func(ctx context.Context) error {
		_, err := r.operator.Deposit(ctx, &fleetv1.DepositRequest{
			RequestId: "d" + strconv.FormatInt(r.now().UnixNano(), 36), AccountId: owners[1], AmountMicros: amount,
		})
		return err
	})
}

// refreshView has the allocator see the market, unless it is blind.
func (r *run) refreshView() {
	if r.troubles.stale || r.now().Before(r.viewed.Add(5*time.Second)) {
		return
	}
	r.viewed = r.now()
	if err := r.allocator.Tick(r.ctx); err != nil {
		r.violated("simulation", "the allocator does not see the market: %v", err)
	}
}

// interlude lets something happen while a look or a call is under way.
func (r *run) interlude(during *life) {
	if r.depth >= deepest || r.broken || !r.chance(r.troubles.interlude) {
		return
	}
	r.depth++
	defer func() { r.depth-- }()
	switch r.draw.IntN(4) {
	case 0:
		pause := r.between(time.Second, 8*time.Minute)
		r.log("%s is stopped for %v", during.of.name, pause)
		r.until(r.now().Add(pause), func() bool { return false })
		r.log("%s goes on", during.of.name)
	case 1:
		r.users.act()
	case 2:
		r.clock.Advance(r.between(time.Millisecond, 5*time.Second))
		r.watch()
	default:
		for _, p := range r.processes {
			p.tick()
		}
	}
}

// A callTrouble is what becomes of a call.
type callTrouble int

const (
	fine callTrouble = iota
	unavailableBefore
	unavailableAfter
	tooLateBefore
	tooLateAfter
	throttled
	troubleKinds
)

// troubleOf draws what becomes of a call.
func (r *run) troubleOf() callTrouble {
	if !r.chance(r.troubles.calls) {
		return fine
	}
	r.report.Faults++
	return callTrouble(1 + r.draw.IntN(int(troubleKinds)-1))
}

// before is why a call has no effect; nil when it has.
func (c callTrouble) before(method string) error {
	switch c {
	case unavailableBefore:
		return status.Error(codes.Unavailable, "can not be reached")
	case tooLateBefore:
		return status.Error(codes.DeadlineExceeded, "took too long")
	case throttled:
		return rpc.Error(codes.ResourceExhausted, fleetv1.ErrorReason_ERROR_REASON_THROTTLED, nil, "too many calls of "+method, rpc.RetryAfter(time.Second))
	default:
		return nil
	}
}

// after is why the answer to a call is lost; nil when it is not.
func (c callTrouble) after(method string) error {
	switch c {
	case unavailableAfter:
		return status.Error(codes.Unavailable, "lost the answer to "+method)
	case tooLateAfter:
		return status.Error(codes.DeadlineExceeded, "the answer came too late to "+method)
	default:
		return nil
	}
}

// arrived is the context of a call as the other side sees it.
func arrived(ctx context.Context) context.Context {
	sent, _ := metadata.FromOutgoingContext(ctx)
	return metadata.NewIncomingContext(ctx, sent)
}

func itoa(n int) string { return strconv.Itoa(n) }
