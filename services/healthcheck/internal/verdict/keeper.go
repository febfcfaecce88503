package verdict

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/seed-198b1370/muster/pkg/clock"
	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
	"github.com/seed-198b1370/muster/services/healthcheck/internal/probe"
	"github.com/seed-198b1370/muster/services/healthcheck/internal/records"
	"github.com/seed-198b1370/muster/services/healthcheck/judge"
)

const (
	// lookEvery is how often, in real time, the keeper looks at the clock.
	lookEvery = 100 * time.Millisecond
	// slack is by how much, in real time, the cloud's clock may move ahead of
	// ours before that is a jump: news of it takes a while to come.
	slack = 5 * time.Second
	// suspectWithin is the time, real, within which instances begin to fail
	// together.
	suspectWithin = time.Minute
	// inboxSize bounds what waits for the loop.
	inboxSize = 64
	// longSilence is how many looks without a word of the fleet mean that it has
	// nothing to tell: two seconds.
	longSilence = 20
	// cutOff is a silence that means nothing.
	cutOff = -1
)

// Deps are the parts that a keeper works with.
type Deps struct {
	// Store keeps what must survive.
	Store *records.Store
	// Publish returns nil once all events are published. It is called by one
	// goroutine.
	Publish func(context.Context, []*healthv1.InstanceEvent) error
	// Cloud is the cloud's clock. If it tells its speed, intervals of probes
	// follow it.
	Cloud clock.Clock
	// Wall is real time.
	Wall clock.Clock
	// Owns tells whether this replica judges an instance; nil for all of them.
	// It is called often.
	Owns func(instanceID string) bool
	// OwnershipChanged is a channel that is closed when what Owns says has
	// changed; nil for never.
	OwnershipChanged func() <-chan struct{}
	// Seed decides when instances are probed.
	Seed uint64
	// Log takes what operators should know.
	Log *slog.Logger
}

// A Keeper judges instances. While it runs, it is to be told of them as a
// [follow.Watcher].
type Keeper struct {
	Deps
	inbox     chan func(context.Context)
	writes    chan []write
	scheduler *probe.Scheduler[*tracked]

	// What follows belongs to the loop.
	table   *table
	steady  judge.Steady
	asked   judge.Instant // when the latest list began
	heard   judge.Instant // up to when the fleet has told of everything
	silence int           // looks since a word of a fleet that does not say so; or cutOff
	looked  time.Time     // when the clock was looked at, in real time
	speed   float64       // of the clock then
	pending []write       // to be handed to the writer

	lag atomic.Int64 // of what was heard, in nanoseconds; as of the latest look

	mu        sync.Mutex
	suspected []*healthv1.SuspectedZone // guarded by mu
	conflicts []string                  // instances that another replica judged, too; guarded by mu
}

// New makes a keeper. It reaches for nothing before Run.
func New(deps Deps) *Keeper {
	if deps.Owns == nil {
		deps.Owns = func(string) bool { return true }
	}
	if deps.OwnershipChanged == nil {
		deps.OwnershipChanged = func() <-chan struct{} { return nil }
	}
	k := &Keeper{Deps: deps, inbox: make(chan func(context.Context), inboxSize), writes: make(chan []write, inboxSize), table: newTable(), silence: cutOff}
	k.scheduler = probe.NewScheduler[*tracked](probe.SchedulerConfig{Seed: deps.Seed, Wall: deps.Wall, Speed: k.cloudSpeed})
	return k
}

// cloudSpeed is how many seconds of the cloud's time pass in a real one.
func (k *Keeper) cloudSpeed() float64 {
	if scaled, ok := k.Cloud.(interface{ Speed() float64 }); ok {
		return scaled.Speed()
	}
	return 1
}

// Suspected are the zones in which the checker takes its own network for broken.
func (k *Keeper) Suspected() []*healthv1.SuspectedZone {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.suspected
}

// Lag is by how much what the fleet has told of is older than the cloud's clock
// shows, in time of that clock; 0 while it has told nothing.
func (k *Keeper) Lag() time.Duration { return time.Duration(k.lag.Load()) }

// Run judges until the context ends, and then returns its error. What is not
// there is waited out.
func (k *Keeper) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		return k.Store.Run(ctx, func(change records.Change) { k.do(ctx, func(context.Context) { k.reread(change) }) })
	})
	group.Go(func() error { return k.loop(ctx) })
	group.Go(func() error { return k.write(ctx) })
	group.Go(func() error {
		k.scheduler.Run(ctx)
		return ctx.Err()
	})
	return group.Wait()
}

// do has the loop call a function.
func (k *Keeper) do(ctx context.Context, act func(context.Context)) {
	select {
	case k.inbox <- act:
	case <-ctx.Done():
	}
}

// loop owns the table.
func (k *Keeper) loop(ctx context.Context) error {
	handed := k.OwnershipChanged()
	for {
		timer := k.Wall.NewTimer(k.looked.Add(lookEvery))
		var act func(context.Context)
		select {
		case act = <-k.inbox:
		case result := <-k.scheduler.Results():
			act = func(context.Context) { k.answered(result) }
		case <-handed:
			handed = k.OwnershipChanged() // before we look, so that no change is missed
			act = func(context.Context) { k.judgeAll(func(*record) bool { return true }) }
		case <-timer.C:
			act = func(context.Context) {}
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
		timer.Stop()
		due := k.advance()
		act(ctx)
		if due {
			k.look(ctx)
		}
		if len(k.pending) == 0 {
			continue
		}
		select {
		case k.writes <- k.pending:
			k.pending = nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// advance looks at the clock, and tells whether it is time to look at what time
// alone brings.
func (k *Keeper) advance() (due bool) {
	now, speed := k.Wall.Now(), k.cloudSpeed()
	fastest := max(speed, k.speed, 1)
	most := time.Duration(float64(now.Sub(k.looked)+slack) * fastest)
	if k.steady.Advance(k.Cloud.Now(), most) {
		k.Log.Warn("the cloud's clock has jumped; what it jumped over does not count for verdicts", "to", k.Cloud.Now())
	}
	k.speed = speed
	if now.Sub(k.looked) < lookEvery {
		return false
	}
	k.looked = now
	return true
}

// present is the time to judge at: never later than what the fleet has told of,
// for who is behind would take what it has not read for what has not happened.
func (k *Keeper) present() judge.Instant { return min(k.steady.Now(), k.heard) }

// look does what time alone brings.
func (k *Keeper) look(ctx context.Context) {
	k.mu.Lock()
	conflicts := k.conflicts
	k.conflicts = nil
	k.mu.Unlock()
	for _, id := range conflicts {
		k.reload(id)
	}
	k.listen()
	if k.heard > 0 {
		k.lag.Store(int64(max(0, k.steady.Now()-k.heard)))
	}
	k.watchZones(ctx)
	for now := k.present(); len(k.table.looks) > 0 && k.table.looks[0].look <= now; {
		one := k.table.looks[0]
		k.table.schedule(one, 0)
		k.judge(one.id, one.record)
	}
}

// reread takes over what has changed in the store.
func (k *Keeper) reread(change records.Change) {
	if change.InstanceID == "" {
		k.setPolicy(change.Group)
		return
	}
	r := k.table.records[change.InstanceID]
	if r == nil {
		return
	}
	if one := r.tracked; change.IsVerdictGone && one != nil && one.state.Verdict.Number > 0 && k.Owns(one.id) {
		// Not forgotten by us: the bucket was lost. What we know is put back.
		again := k.newWrite(one, false)
		again.stored.PublishedNumber = one.state.Verdict.Number
		k.pending = append(k.pending, again)
	}
	k.judge(change.InstanceID, r)
}

// setPolicy makes the stored policy of a group that of its instances.
func (k *Keeper) setPolicy(group records.Group) {
	set := k.policyOf(group)
	for _, p := range k.table.places {
		if p.group == group {
			p.policy = set
		}
	}
	k.judgeAll(func(r *record) bool {
		if r.place.group != group {
			return false
		}
		if r.tracked != nil {
			k.stopAsking(r.tracked) // judging asks what the new policy says
		}
		return true
	})
}

// policyOf reads the policy of a group.
func (k *Keeper) policyOf(group records.Group) *policy {
	filled := k.Store.Policy(group)
	if filled == nil {
		filled = judge.Fill(nil)
	}
	p := &policy{Policy: judge.PolicyOf(filled)}
	for _, probed := range filled.GetProbes() {
		p.questions = append(p.questions, probe.NewQuestion(probed))
	}
	unasked := *p.Policy
	unasked.Probes = nil
	p.unasked = &unasked
	return p
}

// judgeAll judges every instance that a function picks.
func (k *Keeper) judgeAll(picks func(*record) bool) {
	for id, r := range k.table.records {
		if picks(r) {
			k.judge(id, r)
		}
	}
}

// judge judges an instance, after anything about it has changed.
func (k *Keeper) judge(id string, r *record) {
	if !k.Owns(id) {
		k.disown(r)
		return
	}
	said := k.recall(id, r)
	asked := k.ask(id, r)
	if r.tracked == nil && r.facts.Plain() {
		return
	}
	one := k.table.track(id, r)
	rules := r.place.policy.Policy
	if !asked {
		rules = r.place.policy.unasked
	}
	before := one.state.Verdict
	var next judge.Instant
	one.state, next = judge.Judge(&r.facts, one.state, rules, r.place.zone.stateFor(rules.ZonePercent), k.present())
	k.table.schedule(one, next)
	if after := one.state.Verdict; after.Number != before.Number {
		one.since, one.userRevision = k.Cloud.Now(), said
		k.pending = append(k.pending, k.newWrite(one, true))
	} else if after != before || after.Number > 0 && said != one.userRevision {
		one.userRevision = said
		k.pending = append(k.pending, k.newWrite(one, false))
	}
	if next == 0 && one.round == 0 && one.state.Verdict.Number == 0 && !one.state.UserUnhealthy {
		r.tracked = nil // nothing to remember any more
	}
}

// recall takes over what the store knows of an instance that is not tracked yet,
// and what a user says of it. It tells the revision of that: the store may know
// a later one by the time that a verdict is found.
func (k *Keeper) recall(id string, r *record) (said uint64) {
	if r.tracked == nil {
		if stored := k.Store.Verdict(id); stored.StoredVerdict != nil {
			one := k.table.track(id, r)
			one.state, one.userRevision = k.stateOf(stored.StoredVerdict), stored.GetUserRevision()
			one.since = stored.GetVerdict().GetSinceTime().AsTime()
			if stored.GetPublishedNumber() < stored.GetVerdict().GetNumber() {
				k.pending = append(k.pending, write{stored: stored.StoredVerdict, event: eventOf(stored.StoredVerdict), isStored: true})
			}
		}
	}
	user := k.Store.User(id)
	unhealthy := user.GetUnhealthy() && user.GetAccountId() == r.place.group.AccountID
	if !unhealthy && r.tracked == nil {
		return user.Revision
	}
	one := k.table.track(id, r)
	one.state.UserUnhealthy, one.state.UserReason = unhealthy, ""
	if unhealthy {
		one.state.UserReason = user.GetReason()
	}
	return user.Revision
}

// disown forgets all but the facts of an instance that another replica judges.
func (k *Keeper) disown(r *record) {
	if one := r.tracked; one != nil {
		k.stopAsking(one)
		k.table.schedule(one, 0)
		r.tracked = nil
	}
}

// ask has an instance asked if its policy says so and it can be; it tells
// whether it is.
func (k *Keeper) ask(id string, r *record) bool {
	questions := r.place.policy.questions
	host := k.table.addressOf(id, r)
	if len(questions) == 0 || !host.IsValid() || !r.facts.Running() || r.facts.Noticed() {
		if r.tracked != nil {
			k.stopAsking(r.tracked)
		}
		return len(questions) > 0 && host.IsValid() // it will be, once it runs
	}
	one := k.table.track(id, r)
	if one.round != 0 {
		return true
	}
	k.table.rounds++
	one.round = max(1, k.table.rounds)
	one.state.Probes = make([]judge.Answers, len(questions))
	r.place.zone.probed++
	r.place.zone.changed = true
	k.scheduler.Set(one, host, questions, one.round)
	return true
}

// stopAsking asks an instance nothing any more.
func (k *Keeper) stopAsking(one *tracked) {
	if one.round == 0 {
		return
	}
	one.round, one.state.Probes = 0, nil
	k.scheduler.Remove(one)
	z := one.place.zone
	z.probed--
	delete(z.failing, one)
	z.changed = true
}

// answered takes what an instance answered.
func (k *Keeper) answered(result probe.Result[*tracked]) {
	one := result.Key
	if one.round != result.Round || result.Probe >= len(one.state.Probes) {
		return // it was asked before its questions changed
	}
	rule := one.place.policy.Probes[result.Probe]
	before := one.state.Probes[result.Probe]
	after := before.Take(rule, result.Failure)
	one.state.Probes[result.Probe] = after
	z := one.place.zone
	_, wasFailing := z.failing[one]
	failing := slices.ContainsFunc(one.state.Probes, func(a judge.Answers) bool { return a.Failures > 0 })
	switch {
	case failing && !wasFailing:
		z.failing[one], z.changed = k.Wall.Now(), true
	case !failing && wasFailing:
		delete(z.failing, one)
		z.changed = true
	}
	if after.Failed || before.Failed || after.WasOK != before.WasOK {
		k.judge(one.id, one.record)
	}
}

// stateFor is what judging by a share needs to know of the zone.
func (z *zone) stateFor(percent int) judge.Zone {
	_, suspected := z.suspected[percent]
	return judge.ZoneOf(judge.ZoneCounts{Probed: z.probed}, suspected)
}

// watchZones finds zones in which the checker should doubt its own network, and
// those in which it need not any more.
func (k *Keeper) watchZones(ctx context.Context) {
	changed := false
	for _, z := range k.table.zones {
		if !z.changed && len(z.suspected) == 0 {
			continue
		}
		z.changed = false
		counts := k.count(z)
		for _, percent := range k.shares(z) {
			_, was := z.suspected[percent]
			is := judge.SuspectNetwork(counts, percent, was)
			switch {
			case is && !was:
				z.suspected[percent] = suspicion{counts, k.Cloud.Now()}
				k.Log.WarnContext(ctx, "so many instances of a zone begin to fail their probes together that the checker's own network is suspected; no probe makes one unhealthy there",
					"reason", judge.ReasonCheckerNetworkSuspected, "zone", z.id, "failing", counts.Failing, "probed", counts.Probed, "allowed_percent", percent)
			case !is && was:
				delete(z.suspected, percent)
				k.Log.InfoContext(ctx, "probes of a zone count again", "zone", z.id, "failing", counts.Failing, "probed", counts.Probed)
			default:
				continue
			}
			changed = true
		}
		if changed {
			for one := range maps.Clone(z.failing) {
				k.judge(one.id, one.record)
			}
		}
	}
	if changed {
		k.tellSuspected()
	}
}

// shares are those that policies in a zone allow, and those by which it is
// suspected.
func (k *Keeper) shares(z *zone) []int {
	shares := map[int]bool{}
	for percent := range z.suspected {
		shares[percent] = true
	}
	for one := range z.failing {
		shares[one.place.policy.ZonePercent] = true
	}
	return slices.Sorted(maps.Keys(shares))
}

// count counts the probed instances of a zone.
func (k *Keeper) count(z *zone) judge.ZoneCounts {
	counts := judge.ZoneCounts{Probed: z.probed, Failing: len(z.failing)}
	now, speed := k.Wall.Now(), k.cloudSpeed()
	for one, since := range z.failing {
		within := suspectWithin
		for _, question := range one.place.policy.questions {
			within = max(within, time.Duration(float64(question.Interval)/speed))
		}
		if now.Sub(since) <= within {
			counts.Began++
		}
	}
	return counts
}
