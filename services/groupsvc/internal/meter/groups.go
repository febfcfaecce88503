package meter

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/seed-198b1370/muster/pkg/clock"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
)

const (
	// readTimeout bounds the reading of all groups, in real time.
	readTimeout = 5 * time.Second
	// page is how many groups are read at once.
	page = 250
)

// Groups tells how groups stand, as stored, each time that it is asked. What it
// tells is the whole store's: processes that share one tell the same.
type Groups struct {
	store store.Store
	clock clock.Clock

	groups, desired, fulfilled, cost, payAsYouGo, due, oldest *prometheus.Desc
}

// NewGroups makes a collector of the groups in a store; the clock tells which are
// due.
func NewGroups(groups store.Store, clock clock.Clock) *Groups {
	describe := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("muster_groupsvc_"+name, help, labels, nil)
	}
	return &Groups{
		store: groups, clock: clock,
		groups:     describe("groups", "Groups that are not deleted, by where they are in their life and how their target is met.", "lifecycle", "fulfillment"),
		desired:    describe("capacity_desired_units", "Target capacity of all groups."),
		fulfilled:  describe("capacity_fulfilled_units", "Capacity that counts toward the targets of all groups.", "billing_method"),
		cost:       describe("cost_per_hour", "What the instances of all groups cost in an hour, in the cloud's currency."),
		payAsYouGo: describe("pay_as_you_go_cost_per_hour", "What the same instances would cost at pay-as-you-go prices, in the cloud's currency."),
		due:        describe("due_groups", "Groups that are due to be looked at and wait for it."),
		oldest:     describe("due_oldest_seconds", "For how long the longest waiting group is due, in time of the cloud's clock; 0 when none is."),
	}
}

// Describe implements [prometheus.Collector].
func (g *Groups) Describe(to chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{g.groups, g.desired, g.fulfilled, g.cost, g.payAsYouGo, g.due, g.oldest} {
		to <- desc
	}
}

// Collect implements [prometheus.Collector]. While the store can not be read it
// tells nothing: a part of the groups would look like a loss.
func (g *Groups) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), readTimeout)
	defer cancel()
	found, err := g.read(ctx)
	if err != nil {
		return
	}
	gauge := func(desc *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	for state, count := range found.states {
		gauge(g.groups, float64(count), label(state.lifecycle.String(), "LIFECYCLE_"), label(state.fulfillment.String(), "FULFILLMENT_"))
	}
	gauge(g.desired, float64(found.desired))
	gauge(g.fulfilled, found.spot, "spot")
	gauge(g.fulfilled, found.payAsYouGo, "pay_as_you_go")
	gauge(g.cost, float64(found.cost)/microsPerUnit)
	gauge(g.payAsYouGo, float64(found.payAsYouGoCost)/microsPerUnit)
	gauge(g.due, float64(found.due))
	gauge(g.oldest, found.oldest.Seconds())
}

// microsPerUnit is how many micro-units a unit of a currency has.
const microsPerUnit = 1e6

// state is what groups are counted by.
type state struct {
	lifecycle   groupv1.Lifecycle
	fulfillment groupv1.Fulfillment
}

// sums are what all groups come to.
type sums struct {
	states               map[state]int
	desired              int64
	spot, payAsYouGo     float64
	cost, payAsYouGoCost int64 // in micro-units per hour
	due                  int
	oldest               time.Duration
}

// read sums up all groups.
func (g *Groups) read(ctx context.Context) (sums, error) {
	found, now := sums{states: map[state]int{}}, g.clock.Now()
	accounts, err := g.store.Accounts(ctx)
	if err != nil {
		return sums{}, err
	}
	for _, account := range accounts {
		after := ""
		for {
			records, err := g.store.List(ctx, account, after, page, false)
			if err != nil {
				return sums{}, err
			}
			for _, record := range records {
				after = record.Group.GetGroup().GetGroupId()
				found.add(record, now)
			}
			if len(records) < page {
				break
			}
		}
	}
	return found, nil
}

func (s *sums) add(record store.Record, now time.Time) {
	group := record.Group.GetGroup()
	s.states[state{group.GetLifecycle(), group.GetFulfillment()}]++
	if group.GetLifecycle() != groupv1.Lifecycle_LIFECYCLE_DELETE_RUNNING {
		s.desired += int64(group.GetSpec().GetTargetCapacity().GetTotal())
	}
	s.spot += group.GetCapacity().GetFulfilledSpot()
	s.payAsYouGo += group.GetCapacity().GetFulfilledPayAsYouGo()
	s.cost += group.GetCost().GetMicrosPerHour()
	s.payAsYouGoCost += group.GetCost().GetAllPayAsYouGoMicrosPerHour()
	if !record.Due.IsZero() && !record.Due.After(now) {
		s.due++
		s.oldest = max(s.oldest, now.Sub(record.Due))
	}
}
