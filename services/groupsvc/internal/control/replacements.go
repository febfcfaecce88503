package control

import (
	"slices"
	"sync"
	"time"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
)

// replacements knows which instances that had their interruption notice were made
// up for by a launch. It is for counting only: a process that starts anew may count
// one twice.
type replacements struct {
	mu sync.Mutex
	// done holds ids by group, of those that the cloud still shows. Guarded by mu.
	done map[store.Key]map[string]bool
}

// match takes the instances of a group that have their notice, in order of the
// notice, and tells of those that so many launches make up for when they were
// noticed.
func (r *replacements) match(key store.Key, noticed []*fleetv1.Instance, launched int) []time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	var times []time.Time
	done := map[string]bool{}
	for _, instance := range noticed {
		id := instance.GetInstanceId()
		switch {
		case r.done[key][id]:
			done[id] = true
		case len(times) < launched:
			times, done[id] = append(times, instance.GetInterruptionNoticeTime().AsTime()), true
		}
	}
	if len(done) == 0 {
		delete(r.done, key)
		return nil
	}
	if r.done == nil {
		r.done = map[store.Key]map[string]bool{}
	}
	r.done[key] = done
	return times
}

// countReplaced counts how long after the notices of instances others were launched
// in their place. With none launched it forgets instances that are gone.
func (l *look) countReplaced(launched int, at time.Time) {
	var noticed []*fleetv1.Instance
	for _, instance := range l.instances {
		if instance.GetInterruptionNoticeTime() != nil {
			noticed = append(noticed, instance)
		}
	}
	slices.SortStableFunc(noticed, func(a, b *fleetv1.Instance) int {
		return a.GetInterruptionNoticeTime().AsTime().Compare(b.GetInterruptionNoticeTime().AsTime())
	})
	for _, since := range l.c.replacements.match(l.key, noticed, launched) {
		l.c.Meter.Replaced(at.Sub(since))
	}
}
