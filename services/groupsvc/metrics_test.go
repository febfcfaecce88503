package groupsvc

import (
	"math"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"

	"github.com/seed-198b1370/muster/services/groupsvc/internal/cloudtest"
)

// metric is what the service counts under a name and labels written as
// `name{label=value,...}`; for a histogram how often something was counted. False
// when there is none.
func (b *bench) metric(id string) (float64, bool) {
	b.t.Helper()
	families, err := b.metrics.Gather()
	if err != nil {
		b.t.Fatal(err)
	}
	for _, family := range families {
		for _, one := range family.GetMetric() {
			if idOf(family.GetName(), one.GetLabel()) != id {
				continue
			}
			switch {
			case one.GetHistogram() != nil:
				return float64(one.GetHistogram().GetSampleCount()), true
			case one.GetCounter() != nil:
				return one.GetCounter().GetValue(), true
			default:
				return one.GetGauge().GetValue(), true
			}
		}
	}
	return 0, false
}

func idOf(name string, labels []*dto.LabelPair) string {
	if len(labels) == 0 {
		return name
	}
	pairs := make([]string, 0, len(labels))
	for _, label := range labels {
		pairs = append(pairs, label.GetName()+"="+label.GetValue())
	}
	return name + "{" + strings.Join(pairs, ",") + "}"
}

func (b *bench) wantMetrics(when string, want map[string]float64) {
	b.t.Helper()
	for id, value := range want {
		if got, found := b.metric(id); !found || math.Abs(got-value) > 1e-9 {
			b.t.Errorf("%s %s is %v (there: %v), want %v", when, id, got, found, value)
		}
	}
}

// Groups, their capacity and cost, launches with their reasons, and how long the
// replacement of what is taken back took are counted.
func TestMetrics_groups(t *testing.T) {
	b := blinded(t)
	id := b.create(spec(10, 2, 8)).GetGroup().GetGroupId()
	b.settled(time.Minute)
	cost := float64(b.group(id).GetCost().GetMicrosPerHour()) / 1e6
	b.wantMetrics("a group that was delivered:", map[string]float64{
		"muster_groupsvc_groups{fulfillment=fulfilled,lifecycle=active}":                       1,
		"muster_groupsvc_capacity_desired_units":                                               10,
		"muster_groupsvc_capacity_fulfilled_units{billing_method=spot}":                        8,
		"muster_groupsvc_capacity_fulfilled_units{billing_method=pay_as_you_go}":               2,
		"muster_groupsvc_cost_per_hour":                                                        cost,
		"muster_groupsvc_pay_as_you_go_cost_per_hour":                                          1,
		"muster_groupsvc_launched_instances_total{billing_method=spot}":                        8,
		"muster_groupsvc_launched_instances_total{billing_method=pay_as_you_go}":               2,
		"muster_groupsvc_replacement_seconds":                                                  0,
		"muster_groupsvc_due_groups":                                                           0,
		"muster_groupsvc_due_oldest_seconds":                                                   0,
		"muster_groupsvc_launches_total{billing_method=spot,reason=,result=launched}":          1,
		"muster_groupsvc_launches_total{billing_method=pay_as_you_go,reason=,result=launched}": 1,
	})
	if cost <= 0 {
		t.Errorf("the group costs %v", cost)
	}

	// The pool that all of it is in runs dry and takes two back.
	var lost []string
	var from cloudtest.Pool
	for _, instance := range b.members(id) {
		if instance.GetBillingMethod() == spot && len(lost) < 2 {
			lost, from = append(lost, instance.GetInstanceId()), cloudtest.Pool{Zone: instance.GetZoneId(), Type: instance.GetInstanceType(), Method: spot}
		}
	}
	b.cloud.SetStock(from, 0)
	for _, gone := range lost {
		b.cloud.Notice(gone)
	}
	b.clock.Advance(40 * time.Second)
	b.settled(time.Minute)
	b.wantMetrics("two are replaced:", map[string]float64{
		"muster_groupsvc_replacement_seconds":                                                       2,
		"muster_groupsvc_launches_total{billing_method=spot,reason=NoInstanceStock,result=refused}": 1,
		"muster_groupsvc_launches_total{billing_method=spot,reason=,result=launched}":               2,
		"muster_groupsvc_launched_instances_total{billing_method=spot}":                             10,
		"muster_groupsvc_capacity_fulfilled_units{billing_method=spot}":                             8,
	})

	// A group that nobody looks at waits longer and longer.
	b.clock.Advance(10 * time.Minute)
	if waiting, _ := b.metric("muster_groupsvc_due_groups"); waiting != 1 {
		t.Errorf("%v groups wait, want 1", waiting)
	}
	if age, _ := b.metric("muster_groupsvc_due_oldest_seconds"); age < 540 || age > 600 {
		t.Errorf("it waits for %v s, want 540 to 600", age)
	}
}
