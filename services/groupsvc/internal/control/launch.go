package control

import (
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/seed-198b1370/muster/pkg/rpc"
	"github.com/seed-198b1370/muster/pkg/tracing"
	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/meter"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/placement"
	"github.com/seed-198b1370/muster/services/groupsvc/plan"
)

const (
	// maxRounds bounds how often one look asks for a placement. Each round
	// excludes at least one pool more, so that there is an end anyway.
	maxRounds = 50
	// maxBatch is how many instances one call may name.
	maxBatch = 100
	// settleWithin is how long a launch may be made again under its request id.
	// It is well below what the cloud remembers; by then the launch shows in
	// lists or never happened.
	settleWithin = 12 * time.Hour
)

// settle makes launches again whose outcome is not recorded. The fleet answers
// what it answered then, or launches now: either way once. For it may launch now,
// what is suspended waits until it is resumed.
func (l *look) settle(ctx context.Context) {
	l.stored.Launches = slices.DeleteFunc(l.stored.Launches, func(launch *storagev1.Launch) bool {
		return launch.AnswerTime == nil && !l.now.Before(launch.GetCreateTime().AsTime().Add(settleWithin))
	})
	for _, launch := range l.stored.GetLaunches() {
		if launch.AnswerTime == nil && !l.isHeldBack(launch) {
			l.settled[launch.GetRequestId()] = true
		}
	}
	if len(l.settled) > 0 {
		l.readRefusals(ctx)
	}
	l.runOpen(ctx)
}

// isHeldBack tells whether a launch whose outcome is not known is not to be made
// again for now, because launching, or the rebalancing that it belongs to, has
// been suspended since it was decided. What it may have launched is seen by its
// tag. A group that ends must know, whatever is suspended.
func (l *look) isHeldBack(launch *storagev1.Launch) bool {
	if launch.AnswerTime != nil || isEnding(l.stored) {
		return false
	}
	suspended := l.stored.GetGroup().GetSuspendedProcesses()
	return slices.Contains(suspended, groupv1.Process_PROCESS_LAUNCH) ||
		launch.GetMove() > 0 && slices.Contains(suspended, groupv1.Process_PROCESS_REBALANCE)
}

// launchRound asks where to launch, stores the launches and makes them. It
// tells whether any was made.
func (l *look) launchRound(ctx context.Context, need plan.Amounts) (bool, error) {
	spec := l.stored.GetGroup().GetSpec()
	callCtx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	l.readRefusals(ctx)
	asked := need
	need = l.allowed(need)
	l.spotGone = l.spotGone || need.Spot < asked.Spot
	if need.Total() == 0 {
		l.judgeAccount()
		return false, nil
	}
	request := placement.Request(spec, need, l.observed(), l.exclusions())
	if request != nil { // what is placed is about to be launched: others must not count on it
		request.PromiseKey = l.key.GroupID
	}
	answer, err := l.c.Allocator.Place(callCtx, request)
	if short, ok := shortBy(err); ok {
		l.short = short
		return false, nil
	}
	if err != nil {
		l.fail(fmt.Errorf("place: %w", err))
		return false, nil
	}
	for _, result := range placement.RuledOut(spec, answer) {
		l.report(result)
	}
	l.spotGone = l.spotGone || placement.LacksSpot(answer)
	l.judgeHope(answer)
	if err := l.checkMinimum(ctx, request, answer); err != nil {
		return false, err
	}
	if reason, message, short := placement.WhyShort(answer, l.lastRefusal()); short {
		l.short = plan.Shortfall{Reason: reason, Message: message}
	}
	takes := l.afford(placement.TakesOf(spec, answer))
	if len(takes) == 0 {
		return false, nil
	}
	return true, l.launch(ctx, takes)
}

// launch stores launches and makes them.
func (l *look) launch(ctx context.Context, takes []placement.Take) error {
	for _, take := range takes {
		l.decide(take)
	}
	if err := l.save(ctx); err != nil {
		return err
	}
	l.runOpen(ctx)
	return nil
}

// shortBy tells what a group is short of when the allocator can not answer for
// it, however often it is asked.
func shortBy(err error) (plan.Shortfall, bool) {
	switch {
	case rpc.HasReason(err, allocatorv1.ErrorReason_ERROR_REASON_SEARCH_TOO_LARGE):
		return plan.Shortfall{Reason: "SearchTooLarge", Message: "the cheapest launches can not be found among so many pools; use fewer candidates or another strategy"}, true
	case rpc.HasReason(err, allocatorv1.ErrorReason_ERROR_REASON_ANSWER_TOO_LARGE):
		return plan.Shortfall{Reason: "AnswerTooLarge", Message: "the candidates stand for too many pools; use fewer"}, true
	default:
		return plan.Shortfall{}, false
	}
}

// decide turns what to take from a pool into launches.
func (l *look) decide(take placement.Take) {
	take.Weight = l.remember(take)
	for left := take.Instances; left > 0; left -= maxBatch {
		slot := max(1, l.stored.GetNextSlot())
		amount := min(left, maxBatch)
		l.stored.NextSlot = slot + int64(amount)
		l.stored.Launches = append(l.stored.Launches, &storagev1.Launch{
			RequestId: fmt.Sprintf("%s.%d", l.key.GroupID, slot), FirstSlot: slot, Amount: int32(amount),
			ZoneId: take.Pool.Zone, InstanceType: take.Pool.Type, BillingMethod: take.Pool.Method,
			MaxPriceMicrosPerHour: take.MaxPrice, WeightMilliunits: take.Weight, ImageId: take.Image,
			PriceMicrosPerHour: take.Price, CreateTime: timestamppb.New(l.now), TraceParent: l.trace,
		})
	}
}

// remember notes to which candidate with attributes a type belongs, unless that
// is known, and tells what an instance of it contributes: for as long as the
// spec stays, what it did at first.
func (l *look) remember(take placement.Take) int64 {
	if take.Expansion == nil {
		return take.Weight
	}
	known := slices.ContainsFunc(l.stored.GetExpansions(), func(e *storagev1.Expansion) bool {
		return e.GetZoneId() == take.Pool.Zone && e.GetInstanceType() == take.Pool.Type
	})
	if !known {
		l.stored.Expansions = append(l.stored.Expansions, &storagev1.Expansion{
			ZoneId: take.Pool.Zone, InstanceType: take.Pool.Type,
			CandidateIndex: take.Expansion.Candidate, WeightMilliunits: take.Weight,
		})
	}
	return ClassesOf(l.stored).Of(take.Pool.Zone, take.Pool.Type).Weight
}

// An outcome is what came of one RunInstances call.
type outcome struct {
	ids []string
	at  time.Time // when the answer came
	err error
}

// runOpen makes all launches whose outcome is not known, in parallel, and
// notes the outcomes in their order.
func (l *look) runOpen(ctx context.Context) {
	var open []*storagev1.Launch
	for _, launch := range l.stored.GetLaunches() {
		if launch.AnswerTime == nil && !l.isHeldBack(launch) {
			open = append(open, launch)
		}
	}
	outcomes := make([]outcome, len(open))
	var calls errgroup.Group
	calls.SetLimit(l.c.ParallelCalls)
	for i, launch := range open {
		calls.Go(func() error {
			outcomes[i] = l.call(ctx, launch)
			return nil
		})
	}
	_ = calls.Wait() // outcomes hold the errors
	for i, launch := range open {
		l.note(launch, outcomes[i])
	}
	l.tellRefusals(ctx)
}

func (l *look) call(ctx context.Context, launch *storagev1.Launch) outcome {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if err := l.mayAct(ctx); err != nil {
		return outcome{err: err}
	}
	request := &fleetv1.RunInstancesRequest{
		RequestId: launch.GetRequestId(), ZoneId: launch.GetZoneId(), InstanceType: launch.GetInstanceType(),
		BillingMethod: launch.GetBillingMethod(), Amount: launch.GetAmount(), MinAmount: 1,
		MaxPriceMicrosPerHour: launch.GetMaxPriceMicrosPerHour(),
		InterruptionBehavior:  interruptionBehavior(l.stored.GetGroup(), launch.GetBillingMethod()),
		Tags:                  map[string]string{TagGroup: l.key.GroupID, TagLaunch: launch.GetRequestId()},
	}
	complete(request, l.stored, launch)
	// One that is made again belongs to what it was decided in.
	answer, err := l.c.Fleet.RunInstances(tracing.WithParent(ctx, launch.GetTraceParent()), request)
	return outcome{answer.GetInstanceIds(), l.c.Clock.Now(), err}
}

// note records the outcome of a launch. One that is not known leaves the launch
// open.
func (l *look) note(launch *storagev1.Launch, came outcome) {
	if launch.GetMove() > 0 {
		l.noteMove(launch, came.ids)
		l.under = l.stored.GetRebalance().GetActivity()
		defer func() { l.under = nil }()
	}
	pool := placement.Pool{Zone: launch.GetZoneId(), Type: launch.GetInstanceType(), Method: launch.GetBillingMethod()}
	result := &groupv1.LaunchResult{
		ZoneId: pool.Zone, InstanceType: pool.Type,
		SpotStrategy: placement.StrategyOf(pool.Method, launch.GetMaxPriceMicrosPerHour()),
		Amount:       int32(len(came.ids)), InstanceIds: came.ids,
	}
	// Of a call that is made again, to be turned away tells nothing.
	inDoubt := l.settled[launch.GetRequestId()] && isTurnedAway(came.err)
	switch {
	case came.err == nil:
		if launch.GetMove() == 0 {
			l.countReplaced(len(came.ids), came.at)
		}
		// A launch forgets the ids that lists show; a result keeps them.
		launch.AnswerTime, launch.InstanceIds = timestamppb.New(came.at), slices.Clone(came.ids)
		if len(came.ids) < int(launch.GetAmount()) {
			l.c.Meter.Launch(pool.Method, meter.Partly, placement.CodeNoStock, len(came.ids))
			l.refused(pool, placement.CodeNoStock, 0)
		} else {
			l.c.Meter.Launch(pool.Method, meter.Launched, "", len(came.ids))
			l.accepted(pool)
		}
	case isRefusal(came.err) && !inDoubt:
		result.ErrorCode = refusalCode(came.err)
		l.c.Meter.Launch(pool.Method, meter.Refused, result.GetErrorCode(), 0)
		result.ErrorMessage = placement.MessageOf(result.GetErrorCode())
		l.refused(pool, result.GetErrorCode(), rpc.RetryDelay(came.err))
		l.stored.Launches = slices.DeleteFunc(l.stored.Launches, func(other *storagev1.Launch) bool { return other == launch })
	default:
		l.c.Meter.Launch(pool.Method, meter.Unknown, status.Code(came.err).String(), 0)
		l.fail(fmt.Errorf("launch %s: %w", launch.GetRequestId(), came.err))
		return
	}
	l.report(result)
}

// isRefusal tells a call that launched nothing from one that may have. These
// codes are a cloud's decision not to launch; any other may come from the way
// there or back.
func isRefusal(err error) bool {
	switch status.Code(err) {
	case codes.InvalidArgument, codes.NotFound, codes.PermissionDenied, codes.Unauthenticated, codes.ResourceExhausted,
		codes.FailedPrecondition, codes.OutOfRange, codes.Unimplemented:
		return true
	default:
		return false
	}
}

// isTurnedAway tells a call that the cloud refused before it looked at the request
// id, or because that was used with other parameters, as a release that writes
// them otherwise may. It says nothing, or that something was launched, of what
// came of the same call before.
func isTurnedAway(err error) bool {
	switch status.Code(err) {
	case codes.Unauthenticated, codes.PermissionDenied:
		return true
	default:
		return rpc.HasReason(err, fleetv1.ErrorReason_ERROR_REASON_THROTTLED) ||
			rpc.HasReason(err, fleetv1.ErrorReason_ERROR_REASON_IDEMPOTENT_PARAMETER_MISMATCH)
	}
}

func refusalCode(err error) string {
	switch {
	case rpc.HasReason(err, fleetv1.ErrorReason_ERROR_REASON_NO_INSTANCE_STOCK):
		return placement.CodeNoStock
	case rpc.HasReason(err, fleetv1.ErrorReason_ERROR_REASON_PRICE_BELOW_MARKET):
		return placement.CodePrice
	case rpc.HasReason(err, fleetv1.ErrorReason_ERROR_REASON_INSUFFICIENT_BALANCE):
		return placement.CodeBalance
	case rpc.HasReason(err, fleetv1.ErrorReason_ERROR_REASON_QUOTA_EXCEEDED):
		return placement.CodeQuota
	case rpc.HasReason(err, fleetv1.ErrorReason_ERROR_REASON_ZONE_NOT_ON_SALE):
		return placement.CodeZone
	case rpc.HasReason(err, fleetv1.ErrorReason_ERROR_REASON_DISK_CATEGORY_NOT_AVAILABLE):
		return placement.CodeDisk
	case rpc.HasReason(err, fleetv1.ErrorReason_ERROR_REASON_THROTTLED):
		return placement.CodeThrottled
	default:
		return placement.CodeInternal
	}
}
