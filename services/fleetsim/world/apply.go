package world

import (
	"maps"
	"slices"
)

// Apply lets time pass and then obeys a command. What was due happens even when
// the command is refused; a refused command itself changes nothing, but that
// the demand of a refused pay-as-you-go launch makes the market reclaim spot
// instances, which the answer tells.
func (w *World) Apply(now Instant, command Command) (Answer, error) {
	w.Advance(now)
	return w.obey(command)
}

// obey obeys a command now.
func (w *World) obey(command Command) (Answer, error) {
	switch c := command.(type) {
	case Launch:
		return w.launch(c)
	case Release:
		return w.releaseAll(c)
	case Start:
		return w.start(c)
	case Stop:
		return w.stop(c)
	case Reboot:
		return w.reboot(c)
	case Retag:
		return w.retag(c)
	case Describe:
		return w.describe(c)
	case AttachDisk:
		return w.attachDisk(c)
	case DetachDisk:
		return w.detachDisk(c)
	case DeleteDisk:
		return w.deleteDisk(c)
	default:
		return w.rule(command)
	}
}

// rule obeys a command of whoever runs the simulation.
func (w *World) rule(command Command) (Answer, error) {
	switch c := command.(type) {
	case Reclaim:
		return w.reclaim(c), nil
	case SetDrained:
		return w.setDrained(c), nil
	case Fail:
		return w.fail(c), nil
	case InjectFault:
		return w.injectFault(c)
	case ClearFaults:
		return w.clearFaults(c)
	case SetAccount:
		return w.setAccount(c)
	case Deposit:
		return w.deposit(c)
	default:
		return Answer{}, nil
	}
}

func (w *World) releaseAll(c Release) (Answer, error) {
	var answer Answer
	instances := make([]*Instance, 0, len(c.Numbers))
	for place, number := range c.Numbers {
		i, ok := w.live(c.AccountID, number)
		switch {
		case !ok:
			answer.Missing = append(answer.Missing, place)
		case i.Describe().DeletionProtection:
			return Answer{}, &ProtectedError{Place: place}
		case c.OnlyStopped && i.Status != Stopped:
			return Answer{}, &StatusError{Place: place, Status: i.Status, Wanted: []Status{Stopped}}
		default:
			instances = append(instances, i)
		}
	}
	if c.DryRun {
		return answer, nil
	}
	for _, i := range instances {
		if i.Status != Released { // named twice
			w.release(i, ReasonRequested)
			answer.Changed = true
		}
	}
	return answer, nil
}

func (w *World) retag(c Retag) (Answer, error) {
	// All is made before anything is changed.
	instances, sets := make([]*Instance, len(c.Numbers)), make([]*TagSet, len(c.Numbers))
	made := map[*TagSet]*TagSet{}
	for place, number := range c.Numbers {
		i, ok := w.live(c.AccountID, number)
		if !ok {
			return Answer{}, &NotFoundError{Place: place}
		}
		if made[i.Tags] == nil {
			made[i.Tags] = i.Tags.with(c.Set, c.Remove)
		}
		instances[place], sets[place] = i, made[i.Tags]
		if len(sets[place].tags) > MaxTags {
			return Answer{}, ErrTooManyTags
		}
	}
	var answer Answer
	for place, i := range instances {
		if set := sets[place]; set.encoded != i.Tags.encoded {
			w.retagOne(i, set)
			answer.Changed = true
		}
	}
	return answer, nil
}

func (w *World) retagOne(i *Instance, set *TagSet) {
	w.settle(i)
	w.settleDisks(i)
	owner := w.accounts[i.Account.id]
	w.uncount(i)
	w.untag(owner, i)
	w.tags.drop(i.Tags)
	i.Tags = w.tags.take(set, 1)
	for _, index := range owner.indexes(i.Tags) {
		index.set.add(i.Number)
	}
	w.count(i)
	w.record(i, KindTagged, ReasonRequested)
}

// with is the set after a change.
func (s *TagSet) with(set map[string]string, remove []string) *TagSet {
	tags := s.Map()
	for _, key := range remove {
		delete(tags, key)
	}
	maps.Copy(tags, set)
	return NewTagSet(tags)
}

func (w *World) describe(c Describe) (Answer, error) {
	i, ok := w.live(c.AccountID, c.Number)
	if !ok {
		return Answer{}, &NotFoundError{}
	}
	told := i.Describe()
	setIf(&told.Name, c.Name)
	setIf(&told.Description, c.Description)
	setIf(&told.DeletionProtection, c.DeletionProtection)
	if told == i.Describe() {
		return Answer{}, nil
	}
	i.Attributes = &told
	w.record(i, KindUpdated, ReasonRequested)
	return Answer{Changed: true}, nil
}

func setIf[T any](value, to *T) {
	if to != nil {
		*value = *to
	}
}

func (w *World) reclaim(c Reclaim) Answer {
	pools := make([]Pool, len(c.Offers))
	for at, offer := range c.Offers {
		pools[at] = Pool{Offer: offer, Spot: true}
	}
	numbers, missing := w.named(c.Numbers, c.ByPool, pools)
	answer := Answer{Missing: missing}
	reached := int32(0)
	for _, number := range numbers {
		i := w.instances.at(number)
		if !i.Spot || !i.holds() {
			continue
		}
		if c.Max > 0 && reached == c.Max {
			break
		}
		reached++
		switch {
		case i.Noticed != 0:
		case i.Protected:
			answer.Deferred++
			answer.Changed = answer.Changed || !i.ReclaimOrdered
			i.ReclaimOrdered = true
		default:
			answer.Noticed++
			answer.Changed = true
			w.notice(i, ReasonReclaimOrdered)
		}
	}
	return answer
}

// ascending sorts numbers and drops repeats.
func ascending(numbers []uint64) []uint64 {
	slices.Sort(numbers)
	return slices.Compact(numbers)
}

func (w *World) setDrained(c SetDrained) Answer {
	var answer Answer
	for _, pool := range c.Pools {
		s := &w.stocks[pool.Offer]
		if s.drained[flag(pool.Spot)] == c.Drained {
			continue
		}
		s.drained[flag(pool.Spot)] = c.Drained
		w.touch(pool.Offer)
		answer.Changed = true
	}
	return answer
}
