package plan

import (
	"cmp"
	"math/bits"
	"slices"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

// excess chooses instances to give up such that, of each method and in total,
// what is left still makes the target (S4). Only healthy instances that the fleet
// shows are relied upon: a launched one that never appears must not have cost a
// running one. Unhealthy ones above the target have gone before.
func excess(desired Desired, observed Observed) []Removal {
	held, wanted := observed.Healthy(), desired.Target.Plus(desired.Extra)
	total := held.Total() - wanted.Total()
	var removals []Removal
	for _, method := range methods {
		own := held.Of(method) - wanted.Of(method)
		members := healthyOf(observed, method)
		if !worthScaling(desired, members, own) {
			continue
		}
		members = unprotected(members)
		order := desired.PayAsYouGoOrder
		if method == fleetv1.BillingMethod_BILLING_METHOD_SPOT {
			order = desired.SpotOrder
		}
		removable := givesWay(desired, observed, method, min(own, total))
		advised, members := advisedOf(members, order, &removable)
		for _, instance := range advised {
			total -= instance.Class.Weight
			removals = append(removals, desired.excessRemoval(instance, order.FirstReason))
		}
		for _, instance := range choose(members, order, fullness(without(observed, advised), order, method), removable) {
			total -= instance.Class.Weight
			removals = append(removals, desired.excessRemoval(instance, order.reason()))
		}
	}
	return removals
}

// worthScaling tells excess from rounding. The last instance of a placement may
// pass the target, by less than its weight (S3); to take smaller ones out for
// that would undo launches that were just made. So what is below the heaviest
// instance is left, unless a change of the spec that launched nothing is being
// carried out: that is followed as closely as weights allow.
func worthScaling(desired Desired, members []Instance, own int64) bool {
	if desired.gives(members) {
		return own > 0
	}
	heaviest, launched := int64(0), false
	for _, instance := range members {
		heaviest = max(heaviest, instance.Class.Weight)
		launched = launched || !instance.Created.Before(desired.Since)
	}
	return len(members) > 0 && (own >= heaviest || desired.Attempt && !launched && own > 0)
}

// awaitShown tells whether what is pending makes, beyond what is shown, more of
// some method than is wanted, by more than rounding.
func awaitShown(desired Desired, observed Observed) bool {
	shown, wanted := observed.Healthy(), desired.Target.Plus(desired.Extra)
	expected := shown.Plus(observed.pending())
	beyond := func(held Amounts, method fleetv1.BillingMethod) int64 {
		return max(0, min(held.Of(method)-wanted.Of(method), held.Total()-wanted.Total()))
	}
	for _, method := range methods {
		more := beyond(expected, method)
		if more > beyond(shown, method) && more >= heaviest(observed, method) {
			return true
		}
	}
	return false
}

// heaviest is the weight of the heaviest instance of a method, shown or not.
func heaviest(observed Observed, method fleetv1.BillingMethod) int64 {
	weight := int64(0)
	for _, instance := range healthyOf(observed, method) {
		weight = max(weight, instance.Class.Weight)
	}
	for _, pending := range observed.Pending {
		if pending.Method == method {
			weight = max(weight, pending.Weight)
		}
	}
	return weight
}

func healthyOf(observed Observed, method fleetv1.BillingMethod) []Instance {
	var members []Instance
	for _, instance := range observed.Instances {
		if instance.Healthy() && instance.Method == method {
			members = append(members, instance)
		}
	}
	return members
}

// unprotected are those of instances that may be given up at all.
func unprotected(instances []Instance) []Instance {
	return slices.DeleteFunc(slices.Clone(instances), func(i Instance) bool { return i.Protected })
}

// fullness tells how full each zone is, in what an order counts; nil for an
// order that does not look at that.
func fullness(observed Observed, order Order, method fleetv1.BillingMethod) map[string]int64 {
	if order.Zones != MostCapacityZone && order.Zones != MostInstancesZone {
		return nil
	}
	held := map[string]int64{}
	for _, instance := range observed.Instances {
		switch {
		case !instance.Healthy():
		case order.Zones == MostInstancesZone:
			held[instance.Zone]++
		case instance.Method == method:
			held[instance.Zone] += instance.Class.Weight
		}
	}
	return held
}

// choose takes instances in the order of removal for as long as they fit in
// what is removable.
func choose(members []Instance, order Order, held map[string]int64, removable int64) []Instance {
	slices.SortFunc(members, func(a, b Instance) int { return compare(order, a, b) })
	if held != nil {
		return chooseByZone(members, order, held, removable)
	}
	var chosen []Instance
	for _, instance := range members {
		if instance.Class.Weight <= removable {
			removable -= instance.Class.Weight
			chosen = append(chosen, instance)
		}
	}
	return chosen
}

// chooseByZone takes one instance after the other from the zone that holds most
// at that moment, of those that have one that fits.
func chooseByZone(members []Instance, order Order, held map[string]int64, removable int64) []Instance {
	zones := map[string][]Instance{}
	for _, instance := range members {
		zones[instance.Zone] = append(zones[instance.Zone], instance)
	}
	var chosen []Instance
	for {
		var fullest []Instance
		for zone, left := range zones {
			// What does not fit now never will: what is removable only shrinks.
			left = slices.DeleteFunc(left, func(i Instance) bool { return i.Class.Weight > removable })
			zones[zone] = left
			if len(left) > 0 && (len(fullest) == 0 || isFuller(order, held, left[0], fullest[0])) {
				fullest = left
			}
		}
		if len(fullest) == 0 {
			return chosen
		}
		next := fullest[0]
		zones[next.Zone] = fullest[1:]
		removable -= next.Class.Weight
		if order.Zones == MostInstancesZone {
			held[next.Zone]--
		} else {
			held[next.Zone] -= next.Class.Weight
		}
		chosen = append(chosen, next)
	}
}

// isFuller tells whether the zone of one instance is to give before that of
// another.
func isFuller(order Order, held map[string]int64, a, b Instance) bool {
	lastNamed := 0
	if order.Zones == MostInstancesZone {
		lastNamed = cmp.Compare(b.Class.ZoneRank, a.Class.ZoneRank)
	}
	return cmp.Or(cmp.Compare(held[b.Zone], held[a.Zone]), lastNamed, cmp.Compare(a.Zone, b.Zone)) < 0
}

// compare orders instances by which goes first.
func compare(order Order, a, b Instance) int {
	byZone, byPool := 0, 0
	if order.Zones == LastZone {
		byZone = cmp.Compare(b.Class.ZoneRank, a.Class.ZoneRank)
	}
	switch order.Pools {
	case LowestPriorityPool:
		byPool = cmp.Compare(b.Class.Priority, a.Class.Priority)
	case LastPool:
		byPool = cmp.Compare(b.Class.Candidate, a.Class.Candidate)
	case DearestInstance:
		byPool = cmp.Compare(b.Price, a.Price)
	case DearestPool:
	}
	return cmp.Or(byZone, byPool, compareUnitPrice(b, a), a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID))
}

// compareUnitPrice compares price per unit without dividing: a/wa against b/wb
// is a*wb against b*wa, in 128 bits.
func compareUnitPrice(a, b Instance) int {
	aHigh, aLow := bits.Mul64(uint64(max(0, a.Price)), uint64(b.Class.Weight))
	bHigh, bLow := bits.Mul64(uint64(max(0, b.Price)), uint64(a.Class.Weight))
	return cmp.Or(cmp.Compare(aHigh, bHigh), cmp.Compare(aLow, bLow))
}
