package plan

import "slices"

// HasExcess tells whether a plan would give up instances of a billing method
// because there are too many.
func HasExcess(desired Desired, observed Observed) bool {
	desired = substituted(desired, observed)
	return (desired.Replace || desired.Attempt) && !desired.Suspended.Terminate && len(excess(desired, observed)) > 0
}

// advisedOf are those of members that go first by advice, for as long as they fit
// in what is removable, and the other members.
func advisedOf(members []Instance, order Order, removable *int64) (advised, others []Instance) {
	others = slices.SortedFunc(slices.Values(members), func(a, b Instance) int { return compare(order, a, b) })
	for _, share := range order.First {
		left := share.Count
		others = slices.DeleteFunc(others, func(instance Instance) bool {
			goes := left > 0 && instance.Zone == share.Zone && instance.Type == share.Type && instance.Class.Weight <= *removable
			if goes {
				left--
				*removable -= instance.Class.Weight
				advised = append(advised, instance)
			}
			return goes
		})
	}
	return advised, others
}

// without is what is there but for some instances.
func without(observed Observed, gone []Instance) Observed {
	if len(gone) == 0 {
		return observed
	}
	ids := map[string]bool{}
	for _, instance := range gone {
		ids[instance.ID] = true
	}
	observed.Instances = slices.DeleteFunc(slices.Clone(observed.Instances), func(i Instance) bool { return ids[i.ID] })
	return observed
}
