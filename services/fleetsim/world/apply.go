package world

import (
	"maps"
	"slices"
)

// Apply lets time pass and then obeys a command. What was due happens even when
// the command is refused; a refused command itself changes nothing.
func (w *World) Apply(now Instant, command Command) (Answer, error) {
	w.Advance(now)
	switch c := command.(type) {
	case Launch:
		return w.launch(c)
	case Release:
		return w.releaseAll(c), nil
	case Retag:
		return w.retag(c)
	case Reclaim:
		return w.reclaim(c), nil
	case SetDrained:
		return w.setDrained(c), nil
	default:
		return Answer{}, nil
	}
}

func (w *World) launch(c Launch) (Answer, error) {
	tags := NewTagSet(c.Tags)
	key, fingerprint := keyOf(c.AccountID, c.RequestID), c.fingerprint(tags)
	if known, ok := w.requests.find(key); ok {
		if known.Fingerprint != fingerprint {
			return Answer{}, ErrRequestMismatch
		}
		return Answer{First: known.First, Launched: int(known.Launched)}, nil
	}
	stock := w.Stock(c.Pool.Offer)
	if c.Pool.Spot && c.MaxPrice > 0 && c.MaxPrice < stock.Price {
		return Answer{}, &PriceError{Bid: c.MaxPrice, Market: stock.Price}
	}
	available := stock.Available(c.Pool.Spot)
	if available < int64(c.MinAmount) || available == 0 {
		return Answer{}, &StockError{Pool: c.Pool, Wanted: int64(c.MinAmount), Available: available}
	}
	launched := min(int64(c.Amount), available)
	answer := Answer{Changed: true, First: w.lastNumber + 1, Launched: int(launched)}
	for range launched {
		w.create(c, tags, stock.Price)
	}
	w.requests.add(Request{
		Key: key, Fingerprint: fingerprint, First: answer.First, Launched: uint32(launched), Time: w.now,
	})
	return answer, nil
}

func (w *World) create(c Launch, tags *TagSet, marketPrice int64) {
	w.lastNumber++
	i := &Instance{
		Number: w.lastNumber, Account: w.holding(c.AccountID).account, Tags: tags,
		Created: w.now, Offer: c.Pool.Offer, Status: Pending,
	}
	if c.Pool.Spot {
		i.Spot, i.Unprotected, i.Protected = true, c.Unprotected, !c.Unprotected
		i.PurchasePrice, i.MaxPrice = marketPrice, c.MaxPrice
	}
	w.insert(i)
	w.record(i, KindCreated, ReasonRequested)
}

func (w *World) releaseAll(c Release) Answer {
	var answer Answer
	for place, number := range c.Numbers {
		i, ok := w.live(c.AccountID, number)
		if !ok {
			answer.Missing = append(answer.Missing, place)
			continue
		}
		w.release(i, ReasonRequested)
		answer.Changed = true
	}
	return answer
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
		set := sets[place]
		if set.encoded == i.Tags.encoded {
			continue
		}
		owner := w.accounts[i.Account.id]
		owner.untag(i)
		w.tags.drop(i.Tags)
		i.Tags = w.tags.take(set)
		owner.tag(i)
		w.record(i, KindTagged, ReasonRequested)
		answer.Changed = true
	}
	return answer, nil
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

func (w *World) reclaim(c Reclaim) Answer {
	var answer Answer
	for place, number := range c.Numbers {
		if _, ok := w.instances[number]; !ok {
			answer.Missing = append(answer.Missing, place)
		}
	}
	for _, number := range w.reclaimable(c) {
		i := w.instances[number]
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

// reclaimable tells the spot instances that an order is about, oldest first.
func (w *World) reclaimable(c Reclaim) []uint64 {
	numbers := slices.Clone(c.Numbers)
	if c.ByPool {
		numbers = nil
		for _, offer := range c.Offers {
			if w.stocks[offer].spot > 0 {
				numbers = append(numbers, w.stocks[offer].held.all()...)
			}
		}
	}
	numbers = slices.DeleteFunc(numbers, func(number uint64) bool {
		i, ok := w.instances[number]
		return !ok || !i.Spot
	})
	slices.Sort(numbers)
	numbers = slices.Compact(numbers)
	if c.Max > 0 && len(numbers) > int(c.Max) {
		numbers = numbers[:c.Max]
	}
	return numbers
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
