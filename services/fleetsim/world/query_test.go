package world_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-198b1370/muster/services/fleetsim/market"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// Counts by one tag are kept as instances change once there are many; by
// several tags they are counted anew. All must tell the same.
func TestCount_byTags(t *testing.T) {
	w := populate(t, 6_000, 100)
	all := world.Tag{Key: "app", Value: "web"}
	group := world.Tag{Key: "muster:group", Value: fmt.Sprintf("apg-%013d", 7)}
	check := func() {
		t.Helper()
		sum := func(tags ...world.Tag) (total int64) {
			for _, count := range w.Count(world.CountQuery{AccountID: "default", Tags: tags}) {
				total += count.Instances
			}
			return total
		}
		if sum() != int64(w.Live()) || sum(all) != int64(w.Live()) || sum(all, group) != sum(group) {
			t.Errorf("%d instances: counted %d, by a common tag %d, of a group %d and %d", w.Live(), sum(), sum(all), sum(group), sum(all, group))
		}
		if diff := cmp.Diff(w.Count(world.CountQuery{AccountID: "default"}), w.Count(world.CountQuery{AccountID: "default", Tags: []world.Tag{all}})); diff != "" {
			t.Error(diff)
		}
	}
	check()
	for number := uint64(1); number < 6_000; number += 3 {
		if _, err := w.Apply(w.Now(), world.Release{AccountID: "default", Numbers: []uint64{number}}); err != nil {
			t.Fatal(err)
		}
	}
	check()
	stop := world.Stop{Batch: world.Batch{AccountID: "default", Numbers: []uint64{2, 5, 8}}}
	if _, err := w.Apply(w.Now(), stop); err != nil {
		t.Fatal(err)
	}
	check()
	for _, command := range []world.Command{
		world.Reclaim{Numbers: []uint64{11, 14, 17}}, world.Fail{Numbers: []uint64{20, 23}, Failure: world.FailureHang},
		world.InjectFault{ID: "dark", Effect: world.ZoneOutage{ZoneID: "cn-shenzhen-c"}},
		world.Retag{AccountID: "default", Numbers: []uint64{11, 20, 26}, Set: map[string]string{"muster:group": "other", "more": "so"}},
		world.Retag{AccountID: "default", Numbers: []uint64{11, 29}, Set: map[string]string{"muster:group": group.Value}, Remove: []string{"more"}},
		world.Deposit{AccountID: "default", RequestID: "d", Micros: -1e15},
		world.ClearFaults{},
	} {
		if _, err := w.Apply(w.Now().Add(time.Minute), command); err != nil {
			t.Fatal(err)
		}
		check()
	}
	spot := true
	for _, count := range w.Count(world.CountQuery{AccountID: "default", Pools: world.Selector{ZoneID: "cn-shenzhen-c", Billing: &spot}}) {
		if !count.Pool.Spot {
			t.Errorf("counted %+v", count)
		}
	}
	if none := w.Count(world.CountQuery{AccountID: "nobody"}); none != nil {
		t.Errorf("an account that there is not has %v", none)
	}
}

// A page looks at a bounded number of instances, so that it can be short or
// empty, and following pages finds all the same.
func TestList_pagesFindEverything(t *testing.T) {
	w := populate(t, 12_000, 100)
	stop := world.Stop{Batch: world.Batch{AccountID: "default", Numbers: []uint64{3, 7_000, 11_999}}}
	if _, err := w.Apply(w.Now(), stop); err != nil {
		t.Fatal(err)
	}
	q := world.Query{AccountID: "default", Statuses: []world.Status{world.Stopping}, Limit: 2}
	var found []uint64
	pages := 0
	for more := true; more; {
		page := w.List(q)
		for _, listed := range page.Listed {
			found = append(found, listed.Instance.Number)
		}
		q.After, more = page.Next, page.Next != 0
		pages++
	}
	if diff := cmp.Diff([]uint64{3, 7_000, 11_999}, found); diff != "" || pages < 3 {
		t.Errorf("%d pages: %s", pages, diff)
	}
}

// Every filter keeps out what it names and nothing else.
func TestList_filters(t *testing.T) {
	w := world.New(world.Config{Catalog: small(t), Market: still{}, Seed: 1, Origin: origin})
	launch := func(id string, offer int32, spot bool, name string) {
		t.Helper()
		_, err := w.Apply(w.Now(), world.Launch{
			AccountID: "default", RequestID: id, Pool: world.Pool{Offer: offer, Spot: spot}, Amount: 1, MinAmount: 1, Unprotected: spot,
			Tags: map[string]string{"role": id}, Attributes: world.Attributes{Name: name},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	launch("a", 0, false, "web-1")
	launch("b", 1, true, "web-2")
	launch("c", 2, true, "db")
	launch("d", 3, false, "")
	w.Advance(origin.Add(market.Tick))
	if _, err := w.Apply(w.Now(), world.Reclaim{Numbers: []uint64{2}}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Apply(w.Now(), world.Fail{Numbers: []uint64{3, 4}, Failure: world.FailureHang}); err != nil {
		t.Fatal(err)
	}
	spot := true
	for name, test := range map[string]struct {
		query world.Query
		want  []uint64
	}{
		"all":          {world.Query{}, []uint64{1, 2, 3, 4}},
		"zone":         {world.Query{Pools: world.Selector{ZoneID: "cn-test-d"}}, []uint64{2, 4}},
		"type":         {world.Query{Pools: world.Selector{InstanceType: "ecs.a.large"}}, []uint64{1, 2}},
		"pool":         {world.Query{Pools: world.Selector{ZoneID: "cn-test-c", InstanceType: "ecs.b.large"}}, []uint64{3}},
		"no such pool": {world.Query{Pools: world.Selector{ZoneID: "cn-test-d", InstanceType: "ecs.b.large"}}, nil},
		"billing":      {world.Query{Pools: world.Selector{Billing: &spot}}, []uint64{2, 3}},
		"family":       {world.Query{Family: "ecs.g"}, []uint64{4}},
		"lock":         {world.Query{Lock: world.LockRecycling}, []uint64{2}},
		"health":       {world.Query{Health: world.HealthInsufficientData}, []uint64{3, 4}},
		"name":         {world.Query{NamePattern: "db"}, []uint64{3}},
		"pattern":      {world.Query{NamePattern: "w*-*"}, []uint64{1, 2}},
		"any name":     {world.Query{NamePattern: "*"}, []uint64{1, 2, 3, 4}},
		"tag":          {world.Query{Tags: []world.Tag{{Key: "role", Value: "d"}}}, []uint64{4}},
		"no such tag":  {world.Query{Tags: []world.Tag{{Key: "role", Value: "e"}}}, nil},
		"numbers":      {world.Query{ByNumber: true, Numbers: []uint64{4, 9, 1, 4}}, []uint64{1, 4}},
		"after":        {world.Query{After: 2}, []uint64{3, 4}},
		"other":        {world.Query{AccountID: "other"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if test.query.AccountID == "" {
				test.query.AccountID = "default"
			}
			test.query.Limit = 10
			var got []uint64
			for _, listed := range w.List(test.query).Listed {
				got = append(got, listed.Instance.Number)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDisks_pagesFindEverything(t *testing.T) {
	w := world.New(world.Config{Catalog: small(t), Market: still{}, Seed: 1, Origin: origin})
	disks := []world.DiskRequest{
		{Categories: []world.DiskCategory{world.DiskCloud}, SizeGiB: 20, System: true},
		{Categories: []world.DiskCategory{world.DiskCloud}, SizeGiB: 20, Keep: true},
	}
	answer, err := w.Apply(origin, world.Launch{AccountID: "default", RequestID: "a", Pool: world.Pool{Offer: 1}, Amount: 5, MinAmount: 5, Disks: disks})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Apply(origin, world.Release{AccountID: "default", Numbers: []uint64{answer.First + 1, answer.First + 4}}); err != nil {
		t.Fatal(err)
	}
	list := func(q world.DiskQuery) (found []world.DiskID) {
		q.AccountID = "default"
		for more := true; more; {
			page, next := w.Disks(q)
			for _, disk := range page {
				found = append(found, disk.ID)
			}
			q.After, more = next, next != nil
		}
		return found
	}
	want := []world.DiskID{{Number: 1, Place: 0}, {Number: 1, Place: 1}, {Number: 2, Place: 1}, {Number: 3, Place: 0}, {Number: 3, Place: 1}, {Number: 4, Place: 0}, {Number: 4, Place: 1}, {Number: 5, Place: 1}}
	for limit := 1; limit < 10; limit++ {
		if diff := cmp.Diff(want, list(world.DiskQuery{Limit: limit})); diff != "" {
			t.Errorf("by %d: %s", limit, diff)
		}
	}
	if diff := cmp.Diff([]world.DiskID{{Number: 2, Place: 1}, {Number: 5, Place: 1}}, list(world.DiskQuery{Limit: 1, OnlyDetached: true})); diff != "" {
		t.Errorf("detached: %s", diff)
	}
	if diff := cmp.Diff(want[3:5], list(world.DiskQuery{Limit: 10, Instance: 3})); diff != "" {
		t.Errorf("of one instance: %s", diff)
	}
}
