package world

// ticks is when the market moves.
type ticks struct{ start, length int64 }

// of tells the tick that a time lies in.
func (t ticks) of(at Instant) int64 {
	past := int64(at) - t.start
	tick := past / t.length
	if past%t.length < 0 {
		tick--
	}
	return tick
}

// begin tells when a tick begins.
func (t ticks) begin(tick int64) Instant { return Instant(t.start + tick*t.length) }

// A step is a kind of thing that is next to happen by itself. At one moment
// they happen in this order.
type step int

const (
	stepNone step = iota
	stepTick
	stepFaultEnds
	stepPlanned
	stepSettlement
	stepTimer
)

// NextDue is when something may next happen by itself: the next tick of the
// market, or before it.
func (w *World) NextDue() Instant { return min(w.NextEvent(), w.ticks.begin(w.tick+1)) }

// NextEvent is when something is next due for an instance, a fault, an account
// or the agenda; if nothing is, the next tick of the market.
func (w *World) NextEvent() Instant {
	if at, what := w.nextEvent(); what != stepNone {
		return at
	}
	return w.ticks.begin(w.tick + 1)
}

// nextEvent is the first thing that is due but for ticks.
func (w *World) nextEvent() (at Instant, what step) {
	for w.stale() {
		w.timers.pop()
	}
	consider := func(due Instant, kind step) {
		if what == stepNone || due < at {
			at, what = due, kind
		}
	}
	for i := range w.faults {
		if until := w.faults[i].Until; until != 0 {
			consider(until, stepFaultEnds)
		}
	}
	if len(w.agenda) > 0 {
		consider(w.agenda[0].At, stepPlanned)
	}
	if w.settles {
		consider(w.settleAt, stepSettlement)
	}
	if len(w.timers) > 0 {
		consider(w.timers[0].at, stepTimer)
	}
	return at, what
}

// stale tells whether the first timer means nothing any more.
func (w *World) stale() bool {
	if len(w.timers) == 0 {
		return false
	}
	i := w.instances.at(w.timers[0].number)
	return i == nil || i.dueAt() != w.timers[0].at
}

// Advance lets time pass. All that is due by then happens, in order of time. A
// time in the past changes nothing.
func (w *World) Advance(to Instant) {
	for {
		at, what := w.nextStep(to)
		if len(w.bare) > 0 && (what != stepTimer || at > w.now) {
			w.reclaimBare()
			continue
		}
		if what == stepNone {
			break
		}
		w.now = max(w.now, at)
		switch what {
		case stepTick:
			w.enterTick(w.ticks.of(at))
		case stepFaultEnds:
			w.endFaults()
		case stepPlanned:
			planned := w.agenda[0].Command
			w.agenda = w.agenda[1:]
			// Whoever planned it is not there to be told of a refusal.
			_, _ = w.obey(planned)
		case stepSettlement:
			w.settleAccounts()
		case stepTimer:
			w.pass(w.instances.at(w.timers.pop().number))
		case stepNone:
		}
	}
	w.now = max(w.now, to)
}

// nextStep tells what is to happen next, up to a time. Ticks that can do
// nothing to an instance are passed over, but the last one before something
// else.
func (w *World) nextStep(to Instant) (Instant, step) {
	at, what := w.nextEvent()
	if what != stepNone && at > to {
		what = stepNone
	}
	until := to
	if what != stepNone {
		until = at
	}
	tick := w.tick + 1
	if w.spotHeld == 0 {
		// Whatever happens needs the prices of its own time.
		tick = max(tick, w.ticks.of(until))
	}
	if begin := w.ticks.begin(tick); begin <= until {
		return begin, stepTick
	}
	return at, what
}

// enterTick moves the market. Shocks that end at this very moment have no part
// in the new price.
func (w *World) enterTick(tick int64) {
	w.tick = tick
	w.effects.Ticked = true
	w.endFaults()
	if w.spotHeld == 0 {
		return
	}
	for offer := range w.stocks {
		if w.stocks[offer].spot > 0 {
			w.reclaimByMarket(int32(offer))
		}
	}
}

// pass does what is due for an instance now.
func (w *World) pass(i *Instance) {
	switch {
	case i.Due != 0 && i.Due <= w.now:
		w.passStatus(i)
	case i.Noticed != 0 && i.ReleaseAt() <= w.now:
		w.takeBack(i)
	default:
		w.endProtection(i)
	}
	if i.Status != Released {
		w.arm(i)
	}
}

// passStatus lets an instance come out of a status that passes by itself.
func (w *World) passStatus(i *Instance) {
	switch i.Status {
	case Pending:
		w.enter(i, Starting, ReasonNone, w.slowed(i, w.startingFor(i)))
	case Starting:
		w.change(i, func() {
			i.Health = 0
			if i.Started == 0 {
				i.Started = w.now
			}
			i.set(Running, ReasonNone, w.now, 0)
		})
		w.record(i, KindRunning, ReasonNone)
	case Stopping:
		w.change(i, func() { i.set(Stopped, i.Why, w.now, 0) })
		w.record(i, KindStopped, i.Why)
	case Running, Stopped, Released:
	}
}

// takeBack ends the time that a notice gave: the instance is released, or gives
// back its stock and stays, stopped.
func (w *World) takeBack(i *Instance) {
	if !i.StopOnReclaim {
		w.release(i, i.NoticeReason)
		return
	}
	reason := i.NoticeReason
	w.change(i, func() {
		i.Noticed, i.NoticeReason, i.ReclaimOrdered = 0, ReasonNone, false
		i.Economical = true
		i.set(Stopped, reason, w.now, 0)
	})
	w.record(i, KindStopped, reason)
}

// enter brings an instance into a status that passes after a while.
func (w *World) enter(i *Instance, status Status, reason Reason, after Duration) {
	w.change(i, func() { i.set(status, reason, w.now, w.now.Add(after)) })
	kind := KindStarting
	if status == Stopping {
		kind = KindStopping
	}
	w.record(i, kind, reason)
}

// arm sets the timer of an instance. When most timers mean nothing any more, all
// are set anew.
func (w *World) arm(i *Instance) {
	due := i.dueAt()
	if due == 0 {
		return
	}
	w.timers.push(timer{due, i.Number})
	if len(w.timers) <= 4*w.instances.count+timersKept {
		return
	}
	w.timers = nil
	for i := range w.instances.all() {
		if due := i.dueAt(); due != 0 {
			w.timers.push(timer{due, i.Number})
		}
	}
}
