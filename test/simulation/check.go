package simulation

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seed-198b1370/muster/pkg/rpc"
	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
)

// Tags by which instances know whose they are.
const (
	tagGroup  = "muster:group"
	tagLaunch = "muster:launch"
)

// settling is how long a decision can take to have its effect: a look that is
// stopped, the lease of one that crashed, the time until another begins.
const settling = 20 * time.Minute

// A check holds what happens against the invariants.
type check struct {
	run       *run
	groups    map[string]*group
	instances map[string]*member // those that live
	accounts  map[string]string  // of groups that were told of by instances
}

// A member is an instance as the cloud has it.
type member struct {
	*fleetv1.Instance
	unhealthy   bool      // the doctor says
	bad         time.Time // when it was last no capacity to rely on
	attached    bool      // its launch was not the group's
	replacement bool      // it was launched while another was unhealthy
}

// A group is a group as its users and the cloud see it.
type group struct {
	id, account string
	shown       *groupv1.Group // as it was last read
	targets     []target
	heaviest    int64 // weight of its heaviest candidate

	slots     map[int64]string     // which launch used a slot
	launches  map[string]string    // what a launch asked for, by request id
	asked     map[string]time.Time // when it was first asked for
	views     map[*life]*view
	unhealthy map[string]bool // who is, as is stored
	removed   map[string]bool // who was given up
	ordered   map[string]bool // who may be about to leave because a user says so
	left      map[string]bool // those of whom that was acknowledged

	mustEnd, suspended, protected bool
	rebalanced                    time.Time
	promise                       *groupv1.TargetCapacity // what was acknowledged; nil while that is not known
	changes, underway             int                     // how many were asked for, and are under way
	disturbed                     time.Time               // when something last happened to it that was not its own doing
}

// A target is what was wanted from a time on, in milliunits.
type target struct {
	from                    time.Time
	total, payAsYouGo, spot int64
}

// since gives the targets from that on which was wanted at a number of targets.
func (g *group) since(known int, of func(target) int64) (least int64) {
	known = max(1, known)
	least = of(g.targets[known-1])
	for _, t := range g.targets[known:] {
		least = min(least, of(t))
	}
	return least
}

func (t target) of(method fleetv1.BillingMethod) int64 {
	if method == fleetv1.BillingMethod_BILLING_METHOD_PAY_AS_YOU_GO {
		return t.payAsYouGo
	}
	return t.spot
}

// A beginning is when a look began, and how many targets there had been by then:
// much happens at one time.
type beginning struct {
	at      time.Time
	targets int
}

// A view is what a look was told of a group.
type view struct {
	began  beginning
	relied []*fleetv1.Instance // capacity, healthy as far as the look was told
}

func newCheck(r *run) *check {
	return &check{run: r, groups: map[string]*group{}, instances: map[string]*member{}, accounts: map[string]string{}}
}

// counts tells whether an instance is capacity.
func counts(i *fleetv1.Instance) bool {
	switch i.GetStatus() {
	case fleetv1.InstanceStatus_INSTANCE_STATUS_PENDING, fleetv1.InstanceStatus_INSTANCE_STATUS_STARTING, fleetv1.InstanceStatus_INSTANCE_STATUS_RUNNING:
		return i.GetInterruptionNoticeTime() == nil
	default:
		return false
	}
}

// known finds a group, also one that nobody was told of yet.
func (c *check) known(account, id string) *group {
	if g := c.groups[id]; g != nil {
		return g
	}
	shown := c.run.group(account, id)
	if shown == nil {
		return nil
	}
	g := &group{
		id: id, account: account, slots: map[int64]string{}, launches: map[string]string{}, asked: map[string]time.Time{},
		views: map[*life]*view{}, unhealthy: map[string]bool{}, removed: map[string]bool{}, ordered: map[string]bool{}, left: map[string]bool{}, disturbed: c.run.now(),
	}
	c.groups[id] = g
	c.show(g, shown)
	return g
}

// show takes note of how a group is now.
func (c *check) show(g *group, shown *groupv1.Group) {
	if shown.GetAccountId() != g.account {
		c.run.violated("S8", "group %s of %s is shown as one of %s", g.id, g.account, shown.GetAccountId())
	}
	g.shown = shown
	spec := shown.GetSpec()
	g.heaviest = 1000
	for _, candidate := range spec.GetCandidates() {
		for _, sold := range types {
			if stands(candidate, sold.name) {
				g.heaviest = max(g.heaviest, weightOf(candidate, sold.name))
			}
		}
	}
	amounts := spec.GetTargetCapacity()
	now := target{c.run.now(), int64(amounts.GetTotal()) * 1000, int64(amounts.GetPayAsYouGo()) * 1000, int64(amounts.GetSpot()) * 1000}
	rest := now.total - now.payAsYouGo - now.spot
	if amounts.GetDefaultType() == groupv1.DefaultTargetCapacityType_DEFAULT_TARGET_CAPACITY_TYPE_PAY_AS_YOU_GO {
		now.payAsYouGo += rest
	} else {
		now.spot += rest
	}
	if last := len(g.targets) - 1; last < 0 || g.targets[last].total != now.total || g.targets[last].payAsYouGo != now.payAsYouGo {
		g.targets = append(g.targets, now)
		g.disturbed = now.from
	}
	if p := g.promise; p != nil && (p.GetTotal() != amounts.GetTotal() || p.GetPayAsYouGo() != amounts.GetPayAsYouGo() || p.GetSpot() != amounts.GetSpot()) {
		c.run.violated("S6", "group %s wants %v, though %v was acknowledged", g.id, amounts, p)
	}
}

// refresh reads a group.
func (c *check) refresh(g *group) {
	if shown := c.run.group(g.account, g.id); shown != nil {
		c.show(g, shown)
	} else if g.shown.GetLifecycle() != groupv1.Lifecycle_LIFECYCLE_DELETED {
		c.run.violated("S6", "group %s is no longer there", g.id)
	}
}

func (c *check) refreshAll() {
	for _, id := range slices.Sorted(maps.Keys(c.groups)) {
		c.refresh(c.groups[id])
	}
}

func (g *group) isOver() bool { return g.shown.GetLifecycle() == groupv1.Lifecycle_LIFECYCLE_DELETED }

func (g *group) isEnding() bool {
	return g.isOver() || g.shown.GetLifecycle() == groupv1.Lifecycle_LIFECYCLE_DELETE_RUNNING
}

// living are the ids of groups that are not ending.
func (c *check) living() []string {
	var ids []string
	for _, id := range slices.Sorted(maps.Keys(c.groups)) {
		if !c.groups[id].isEnding() {
			ids = append(ids, id)
		}
	}
	return ids
}

// members are the ids of a group's instances.
func (c *check) members(g *group) []string {
	var ids []string
	for id, m := range c.instances {
		if m.GetTags()[tagGroup] == g.id {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// some are some members of a group.
func (c *check) some(g *group, count int) []string {
	ids := c.members(g)
	c.run.draw.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	return ids[:min(count, len(ids))]
}

// weightOf is what an instance of a candidate contributes.
func weightOf(candidate *groupv1.Candidate, instanceType string) int64 {
	switch {
	case candidate.GetAttributes().GetCapacityUnit() == allocatorv1.CapacityUnit_CAPACITY_UNIT_VCPU:
		return int64(vcpusOf(instanceType)) * 1000
	case candidate.WeightedCapacity == nil:
		return 1000
	default:
		return int64(candidate.GetWeightedCapacity()*1000 + 0.5)
	}
}

// stands tells whether a candidate stands for a type, by name or by attributes.
func stands(candidate *groupv1.Candidate, instanceType string) bool {
	if attributes := candidate.GetAttributes(); attributes != nil {
		return slices.Contains(attributes.GetVcpus(), vcpusOf(instanceType))
	}
	return candidate.GetInstanceType() == instanceType
}

func vcpusOf(instanceType string) int32 {
	for _, sold := range types {
		if sold.name == instanceType {
			return int32(sold.vcpus)
		}
	}
	return 0
}

func (g *group) candidate(i *fleetv1.Instance) *groupv1.Candidate {
	for _, candidate := range g.shown.GetSpec().GetCandidates() {
		if candidate.GetZoneId() == i.GetZoneId() && stands(candidate, i.GetInstanceType()) {
			return candidate
		}
	}
	return nil
}

// weight is what an instance contributes.
func (g *group) weight(i *fleetv1.Instance) int64 {
	if candidate := g.candidate(i); candidate != nil {
		return weightOf(candidate, i.GetInstanceType())
	}
	return 1000
}

// most gives the greatest of what was wanted since a time.
func (g *group) most(since time.Time, of func(target) int64) (most int64) {
	for i, t := range g.targets {
		if i+1 == len(g.targets) || !g.targets[i+1].from.Before(since) {
			most = max(most, of(t))
		}
	}
	return most
}

// targets is how many targets a group has had.
func (c *check) targets(id string) int {
	if g := c.groups[id]; g != nil {
		return len(g.targets)
	}
	return 0
}

// substitutes tells whether pay-as-you-go may make up for spot.
func (g *group) substitutes() bool {
	return g.shown.GetSpec().GetSpot().GetShortfall() > groupv1.SpotShortfall_SPOT_SHORTFALL_WAIT
}

// happened takes note of a transition of an instance.
func (c *check) happened(transition *fleetv1.InstanceTransition) {
	i := transition.GetInstance()
	id, now := i.GetInstanceId(), transition.GetTime().AsTime()
	m := c.instances[id]
	if m == nil {
		m = &member{attached: i.GetTags()[tagLaunch] == ""}
		c.instances[id] = m
	}
	before := m.GetTags()[tagGroup]
	m.Instance = i
	if !counts(i) || m.unhealthy {
		m.bad = now
	}
	g := c.known(i.GetAccountId(), i.GetTags()[tagGroup])
	if g != nil && transition.GetReason() != fleetv1.TransitionReason_TRANSITION_REASON_REQUESTED {
		g.disturbed = now
	}
	switch transition.GetKind() {
	case fleetv1.TransitionKind_TRANSITION_KIND_CREATED:
		if i.GetTags()[tagGroup] != "" {
			c.created(g, m)
		}
	case fleetv1.TransitionKind_TRANSITION_KIND_RELEASED:
		delete(c.instances, id)
	case fleetv1.TransitionKind_TRANSITION_KIND_TAGGED:
		if after := i.GetTags()[tagGroup]; after != before {
			m.attached = true
			if g != nil {
				g.disturbed = now
			}
		}
	default:
	}
}

// judged takes note of a verdict.
func (c *check) judged(id string, unhealthy bool) {
	m := c.instances[id]
	if m == nil {
		return
	}
	m.unhealthy, m.bad = unhealthy, c.run.now()
	if g := c.groups[m.GetTags()[tagGroup]]; g != nil {
		g.disturbed = c.run.now()
	}
}

// created checks a launch for a group: S2, S3, S5, S8.
func (c *check) created(g *group, m *member) {
	r := c.run
	id := m.GetInstanceId()
	r.report.Launched++
	if g == nil {
		r.violated("S2", "%s was launched for group %s, which %s does not have", id, m.GetTags()[tagGroup], m.GetAccountId())
		return
	}
	if g.isOver() {
		r.violated("S2", "%s was launched for group %s, which is deleted", id, g.id)
	}
	if g.account != m.GetAccountId() {
		r.violated("S8", "%s of %s was launched for group %s of %s", id, m.GetAccountId(), g.id, g.account)
	}
	m.replacement = len(g.unhealthy) > 0
	c.price(g, m)
	c.overshoot(g, m)
}

// price checks S5.
func (c *check) price(g *group, m *member) {
	candidate := g.candidate(m.Instance)
	if candidate == nil {
		c.run.violated("S5", "%s of group %s is no candidate: %s in %s", m.GetInstanceId(), g.id, m.GetInstanceType(), m.GetZoneId())
		return
	}
	if m.GetBillingMethod() != fleetv1.BillingMethod_BILLING_METHOD_SPOT {
		return
	}
	for _, most := range []int64{candidate.GetMaxPriceMicrosPerHour(), g.shown.GetSpec().GetSpot().GetMaxPriceMicrosPerHour()} {
		if most > 0 && (m.GetPriceMicrosPerHour() > most || m.GetMaxPriceMicrosPerHour() > most || m.GetMaxPriceMicrosPerHour() == 0) {
			c.run.violated("S5", "%s of group %s costs %d under a bid of %d; the maximum is %d", m.GetInstanceId(), g.id, m.GetPriceMicrosPerHour(), m.GetMaxPriceMicrosPerHour(), most)
		}
	}
}

// overshoot checks S3: what was good for all the time that the decision can have
// taken makes, with what was launched, no more than the target and the rounding
// by one instance.
func (c *check) overshoot(g *group, m *member) {
	now, method := c.run.now(), m.GetBillingMethod()
	since := now.Add(-settling)
	if first := g.asked[m.GetTags()[tagLaunch]]; !first.IsZero() && first.Before(since) {
		since = first
	}
	held := int64(0)
	for id, other := range c.instances {
		if other.GetTags()[tagGroup] == g.id && other.GetBillingMethod() == method && counts(other.Instance) && !other.unhealthy &&
			!other.attached && !g.ordered[id] && (other == m || !other.bad.After(since)) {
			held += g.weight(other.Instance)
		}
	}
	most := g.most(since, func(t target) int64 { return t.of(method) })
	if g.substitutes() && method == fleetv1.BillingMethod_BILLING_METHOD_PAY_AS_YOU_GO {
		most = g.most(since, func(t target) int64 { return t.total })
	}
	if !g.rebalanced.IsZero() && now.Sub(g.rebalanced) < 6*time.Hour {
		most += 3 * g.heaviest
	}
	if held >= most+g.heaviest {
		c.run.violated("S3", "%s makes %s of group %s %d of %d milliunits", m.GetInstanceId(), short(method, "BILLING_METHOD_"), g.id, held, most)
	}
}

// calling checks a call before it is made: S1, S4, S8.
func (c *check) calling(l *life, account string, request any) {
	switch request := request.(type) {
	case *fleetv1.RunInstancesRequest:
		c.launching(account, request)
	case *fleetv1.DeleteInstancesRequest:
		c.removing(l, account, request.GetInstanceIds())
	case *fleetv1.UpdateInstanceTagsRequest:
		if slices.Contains(request.GetRemoveTagKeys(), tagGroup) {
			c.removing(l, account, request.GetInstanceIds())
		}
	}
}

// launching checks S1: a slot is used for one launch, and a launch is the same
// however often it is made.
func (c *check) launching(account string, request *fleetv1.RunInstancesRequest) {
	r := c.run
	id, launch := request.GetTags()[tagGroup], request.GetRequestId()
	g := c.known(account, id)
	if g == nil {
		r.violated("S8", "%s launches for group %s, which it does not have", account, id)
		return
	}
	if g.asked[launch].IsZero() {
		g.asked[launch] = r.now()
	}
	asked := text(request)
	if before, again := g.launches[launch]; again {
		if before != asked {
			r.violated("S1", "launch %s was made anew with other parameters", launch)
		}
		return
	}
	g.launches[launch] = asked
	first, err := strconv.ParseInt(launch[strings.LastIndex(launch, ".")+1:], 10, 64)
	if err != nil {
		r.violated("S1", "launch %s has no slot", launch)
		return
	}
	for slot := first; slot < first+int64(request.GetAmount()); slot++ {
		if other, used := g.slots[slot]; used {
			r.violated("S1", "slot %d of group %s is used by %s and %s", slot, g.id, other, launch)
		}
		g.slots[slot] = launch
	}
}

// removing checks S4: what a look relied on, without what was given up since,
// makes the target.
func (c *check) removing(l *life, account string, ids []string) {
	r := c.run
	var g *group
	for _, id := range ids {
		if m := c.instances[id]; m != nil {
			g = c.known(account, m.GetTags()[tagGroup])
		}
	}
	if g == nil {
		return
	}
	c.refresh(g)
	seen := g.views[l]
	healthy := false
	for _, id := range ids {
		m := c.instances[id]
		if m == nil || m.GetTags()[tagGroup] != g.id || g.ordered[id] {
			continue
		}
		g.removed[id] = true
		r.report.Removed++
		healthy = healthy || counts(m.Instance) && !m.unhealthy && !g.unhealthy[id] &&
			seen != nil && slices.ContainsFunc(seen.relied, func(i *fleetv1.Instance) bool { return i.GetInstanceId() == id })
	}
	if !healthy || g.isEnding() || g.shown.GetSpec().GetBudget().GetShed() {
		return
	}
	left := map[fleetv1.BillingMethod]int64{}
	total := int64(0)
	for _, i := range seen.relied {
		if id := i.GetInstanceId(); !g.removed[id] && !g.unhealthy[id] {
			left[i.GetBillingMethod()] += g.weight(i)
			total += g.weight(i)
		}
	}
	if wanted := g.since(seen.began.targets, func(t target) int64 { return t.total }); total < wanted {
		r.violated("S4", "giving up %v leaves group %s %d of %d milliunits; the look relied on %s", ids, g.id, total, wanted, c.describe(g, seen))
	}
	for _, method := range []fleetv1.BillingMethod{fleetv1.BillingMethod_BILLING_METHOD_PAY_AS_YOU_GO, fleetv1.BillingMethod_BILLING_METHOD_SPOT} {
		wanted := g.since(seen.began.targets, func(t target) int64 { return t.of(method) })
		touched := slices.ContainsFunc(seen.relied, func(i *fleetv1.Instance) bool {
			return i.GetBillingMethod() == method && slices.Contains(ids, i.GetInstanceId())
		})
		if touched && !g.substitutes() && left[method] < wanted {
			r.violated("S4", "giving up %v leaves group %s %d of %d milliunits of %s", ids, g.id, left[method], wanted, short(method, "BILLING_METHOD_"))
		}
	}
}

// describe tells what a look relied on, and what has become of it.
func (c *check) describe(g *group, seen *view) string {
	var words []string
	for _, i := range seen.relied {
		word := i.GetInstanceId() + " " + i.GetInstanceType() + " " + short(i.GetBillingMethod(), "BILLING_METHOD_") + " " + itoa(int(g.weight(i)))
		if g.removed[i.GetInstanceId()] {
			word += " given up"
		}
		if g.unhealthy[i.GetInstanceId()] {
			word += " unhealthy"
		}
		words = append(words, word)
	}
	return "since " + seen.began.at.Format("15:04:05.000") + " " + strings.Join(words, ", ")
}

// called takes note of the answer to a call, and has lists be late.
func (c *check) called(l *life, request, reply any, err error) {
	if err != nil {
		return
	}
	switch reply := reply.(type) {
	case *fleetv1.StartInstancesResponse:
		if asked, ok := request.(*fleetv1.StartInstancesRequest); ok {
			c.started(l, asked.GetInstanceIds())
		}
	case *healthv1.ListVerdictsResponse:
		asked, ok := request.(*healthv1.ListVerdictsRequest)
		if !ok {
			return
		}
		ill := map[string]bool{}
		for _, verdict := range reply.GetVerdicts() {
			ill[verdict.GetInstanceId()] = true
		}
		l.answered[asked.GetGroupId()] = ill
	case *fleetv1.ListInstancesResponse:
		asked, ok := request.(*fleetv1.ListInstancesRequest)
		if !ok || asked.GetTags()[tagGroup] == "" {
			return
		}
		late := c.run.now().Add(-c.run.troubles.late)
		reply.Instances = slices.DeleteFunc(reply.Instances, func(i *fleetv1.Instance) bool {
			m := c.instances[i.GetInstanceId()]
			return m != nil && i.GetCreateTime().AsTime().After(late) && !m.attached
		})
		c.listed(l, asked, reply)
	}
}

// listed takes note of what a look is told.
func (c *check) listed(l *life, asked *fleetv1.ListInstancesRequest, reply *fleetv1.ListInstancesResponse) {
	g := c.groups[asked.GetTags()[tagGroup]]
	if g == nil {
		return
	}
	seen := g.views[l]
	if seen == nil || asked.GetPageToken() == "" {
		seen = &view{began: beginning{c.run.now(), len(g.targets)}}
		if began, ok := l.began[g.id]; ok && l.ticking {
			seen.began = began
		}
		g.views[l] = seen
	}
	unhealthy, told := l.answered[g.id]
	if !told {
		unhealthy = g.unhealthy
	}
	for _, i := range reply.GetInstances() {
		if id := i.GetInstanceId(); counts(i) && !g.left[id] && !unhealthy[id] {
			seen.relied = append(seen.relied, i)
		}
	}
}

// started takes note that a look started instances, on which it can rely then.
func (c *check) started(l *life, ids []string) {
	for _, id := range ids {
		m := c.instances[id]
		if m == nil || !counts(m.Instance) {
			continue
		}
		if g := c.groups[m.GetTags()[tagGroup]]; g != nil && g.views[l] != nil {
			g.views[l].relied = append(g.views[l].relied, m.Instance)
		}
	}
}

// saved takes note that a group was written: who was unhealthy is stored with it.
func (c *check) saved(l *life, account, id string) {
	g := c.known(account, id)
	if g == nil {
		return
	}
	if told, ok := l.answered[id]; ok && l.ticking {
		g.unhealthy = told
	}
	if g.mustEnd || g.shown.GetSpec().GetValidUntil() != nil || g.isEnding() {
		c.refresh(g)
	}
}

// doubled gives a list in which replacements are named twice.
func (c *check) doubled(list []*fleetv1.Instance) []*fleetv1.Instance {
	var twice []*fleetv1.Instance
	for _, i := range list {
		twice = append(twice, i)
		if m := c.instances[i.GetInstanceId()]; m != nil && m.replacement {
			twice = append(twice, i)
		}
	}
	return twice
}

// acknowledged takes note that the creation of a group was (S6).
func (c *check) acknowledged(account, id string) {
	g := c.known(account, id)
	if g == nil {
		c.run.violated("S6", "group %s was acknowledged and is not there", id)
		return
	}
	if g.promise == nil && len(g.targets) == 1 {
		g.promise = g.shown.GetSpec().GetTargetCapacity()
	}
}

// changing notes that a change is asked for: what is wanted is not known until
// that is answered.
func (c *check) changing(g *group) (change int) {
	g.promise = nil
	g.changes++
	g.underway++
	return g.changes
}

// changed notes that the call is over, and what it acknowledged. When another was
// under way at the same time, either may have been the last.
func (c *check) changed(g *group, change int, shown *groupv1.Group) {
	g.underway--
	if shown != nil && change == g.changes && g.underway == 0 {
		g.promise = shown.GetSpec().GetTargetCapacity()
	}
}

// always holds what must hold at all times: S2 of groups that are deleted.
func (c *check) always() {
	for _, id := range slices.Sorted(maps.Keys(c.instances)) {
		m := c.instances[id]
		if g := c.groups[m.GetTags()[tagGroup]]; g != nil && g.isOver() {
			c.run.violated("S2", "%s is of group %s, which is deleted", id, g.id)
		}
	}
}

// atTheEnd holds what must hold when nothing has gone wrong for a while.
func (c *check) atTheEnd() {
	r := c.run
	c.refreshAll()
	c.always()
	audit, err := r.operator.Audit(r.ctx, &fleetv1.AuditRequest{})
	if err != nil {
		r.violated("simulation", "no audit: %v", err)
	}
	for _, finding := range audit.GetFindings() {
		r.violated(finding.GetInvariant(), "%s", finding.GetMessage())
	}
	for _, id := range slices.Sorted(maps.Keys(c.groups)) {
		c.atRest(c.groups[id])
	}
}

// atRest holds a group against L1, L3, S2 and S3 when all is calm.
func (c *check) atRest(g *group) {
	r := c.run
	spec := g.shown.GetSpec()
	if until := spec.GetValidUntil(); until != nil && until.AsTime().Before(r.now().Add(-lookInterval)) {
		g.mustEnd = true
	}
	members := c.members(g)
	if g.mustEnd && !g.isOver() {
		r.violated("L3", "group %s was to end and is %v with %v", g.id, g.shown.GetLifecycle(), members)
	}
	if g.isEnding() {
		return
	}
	listed, err := r.console.groups.ListGroupInstances(rpc.WithAccount(r.ctx, g.account), &groupv1.ListGroupInstancesRequest{GroupId: g.id, PageSize: 250})
	if err != nil {
		r.violated("S2", "the instances of group %s: %v", g.id, err)
		return
	}
	var counted []string
	for _, i := range listed.GetInstances() {
		counted = append(counted, i.GetInstance().GetInstanceId())
	}
	if slices.Sort(counted); !slices.Equal(counted, members) {
		r.violated("S2", "group %s counts %v and has %v", g.id, counted, members)
	}
	if spec.GetType() == groupv1.GroupType_GROUP_TYPE_MAINTAIN && r.now().Sub(g.disturbed) > 2*lookInterval+leaseDuration {
		c.delivered(g, members)
	}
}

// delivered checks L1: a group that nothing has happened to for a while is at its
// target.
func (c *check) delivered(g *group, members []string) {
	held := map[fleetv1.BillingMethod]int64{}
	for _, id := range members {
		if m := c.instances[id]; counts(m.Instance) && !m.unhealthy {
			held[m.GetBillingMethod()] += g.weight(m.Instance)
		}
	}
	payAsYouGo, spot := held[fleetv1.BillingMethod_BILLING_METHOD_PAY_AS_YOU_GO], held[fleetv1.BillingMethod_BILLING_METHOD_SPOT]
	wanted := g.targets[len(g.targets)-1]
	short := payAsYouGo < wanted.payAsYouGo || spot < wanted.spot
	if g.substitutes() {
		short = payAsYouGo < wanted.payAsYouGo || payAsYouGo+spot < wanted.total
	}
	if short && g.shown.GetSpec().GetBudget() == nil && c.room(g) {
		c.run.violated("L1", "group %s holds %d pay-as-you-go and %d spot of %d and %d milliunits, though nothing has happened to it for %v: %v",
			g.id, payAsYouGo, spot, wanted.payAsYouGo, wanted.spot, c.run.now().Sub(g.disturbed), g.shown.GetConditions())
	}
	more := min(payAsYouGo+spot-wanted.total, max(payAsYouGo-wanted.payAsYouGo, spot-wanted.spot))
	if more >= g.heaviest && !g.protected {
		c.run.violated("L1", "group %s holds %d pay-as-you-go and %d spot, more than %d and %d milliunits, though nothing has happened to it for %v",
			g.id, payAsYouGo, spot, wanted.payAsYouGo, wanted.spot, c.run.now().Sub(g.disturbed))
	}
}

// room tells whether each billing method has a candidate with stock and a price
// that the group would pay.
func (c *check) room(g *group) bool {
	r := c.run
	pools, err := r.fleet.ListPools(rpc.WithAccount(r.ctx, g.account), &fleetv1.ListPoolsRequest{PageSize: 250})
	if err != nil {
		r.violated("simulation", "pools: %v", err)
		return false
	}
	spec := g.shown.GetSpec()
	var room [3]bool
	for _, pool := range pools.GetPools() {
		for _, candidate := range spec.GetCandidates() {
			if candidate.GetZoneId() != pool.GetZoneId() || !stands(candidate, pool.GetInstanceType()) || pool.GetAvailableInstances() < 15 {
				continue
			}
			dear := false
			for _, most := range []int64{candidate.GetMaxPriceMicrosPerHour(), spec.GetSpot().GetMaxPriceMicrosPerHour()} {
				dear = dear || most > 0 && pool.GetPriceMicrosPerHour() > most && pool.GetBillingMethod() == fleetv1.BillingMethod_BILLING_METHOD_SPOT
			}
			room[pool.GetBillingMethod()] = room[pool.GetBillingMethod()] || !dear
		}
	}
	return room[fleetv1.BillingMethod_BILLING_METHOD_PAY_AS_YOU_GO] && room[fleetv1.BillingMethod_BILLING_METHOD_SPOT]
}
