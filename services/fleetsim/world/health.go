package world

// A Health is how an instance looks from outside. The numbers are those of the
// fleet's contract.
type Health uint8

// The healths.
const (
	// HealthOK works.
	HealthOK Health = 1
	// HealthImpaired does not work as it should.
	HealthImpaired Health = 2
	// HealthWarning is slow.
	HealthWarning Health = 3
	// HealthInitializing is not up yet.
	HealthInitializing Health = 5
	// HealthInsufficientData is not heard from.
	HealthInsufficientData Health = 6
	// HealthNotApplicable is stopped.
	HealthNotApplicable Health = 7
)

// healthOf is how an instance looks from outside now.
func (w *World) healthOf(i *Instance) Health {
	switch {
	case i.Status == Pending || i.Status == Starting:
		return HealthInitializing
	case i.Status != Running:
		return HealthNotApplicable
	case w.stocks[i.Offer].outage:
		return HealthImpaired
	case i.Health != 0:
		return i.Health
	default:
		return HealthOK
	}
}

// fail makes instances fail or work again.
func (w *World) fail(c Fail) Answer {
	numbers, missing := w.named(c.Numbers, c.ByPool, c.Pools)
	answer := Answer{Missing: missing}
	reached := int32(0)
	for _, number := range numbers {
		i := w.instances.at(number)
		if i.Status != Running {
			continue
		}
		if c.Max > 0 && reached == c.Max {
			break
		}
		reached++
		if w.failOne(i, c.Failure) {
			answer.Affected++
			answer.Changed = true
		}
	}
	return answer
}

// failOne tells whether the failure changed the instance.
func (w *World) failOne(i *Instance, failure Failure) bool {
	if failure == FailureCrash {
		w.change(i, func() {
			i.Health = 0
			i.set(Stopped, ReasonFailure, w.now, 0)
		})
		w.record(i, KindStopped, ReasonFailure)
		return true
	}
	health := map[Failure]Health{
		FailureHang: HealthInsufficientData, FailureImpair: HealthImpaired, FailureSlow: HealthWarning,
	}[failure]
	if i.Health == health {
		return false
	}
	before := w.healthOf(i)
	w.change(i, func() { i.Health = health })
	if w.healthOf(i) != before {
		w.record(i, KindHealth, failureReason(health == 0))
	}
	return true
}

func failureReason(over bool) Reason {
	if over {
		return ReasonRecovered
	}
	return ReasonFailure
}

// named tells instances by number or by pool, oldest first, and the places of
// those that are not there.
func (w *World) named(numbers []uint64, byPool bool, pools []Pool) (found []uint64, missing []int) {
	if !byPool {
		for place, number := range numbers {
			if w.instances.at(number) != nil {
				found = append(found, number)
			} else {
				missing = append(missing, place)
			}
		}
		return ascending(found), missing
	}
	for _, pool := range pools {
		for _, number := range w.stocks[pool.Offer].held.all() {
			if w.instances.at(number).Spot == pool.Spot {
				found = append(found, number)
			}
		}
	}
	return ascending(found), nil
}
