package world

import "slices"

// asked is what a batch has asked for so far: what instances before one take
// can not be had by it.
type asked struct {
	stock map[int32]int64
	vcpus [2]int64
}

// batch acts on the instances of a batch that allow it. Request ids are those
// of a kind; with another mode of it the same id is another request's.
func (w *World) batch(b Batch, kind string, mode int, allow func(*Instance, int, *asked) error, act func(*Instance)) (Answer, error) {
	if _, ok := w.accounts[b.AccountID]; !ok {
		return Answer{}, &AccountError{AccountID: b.AccountID}
	}
	key, fingerprint := keyOf(b.AccountID, kind, b.RequestID), b.fingerprint(mode)
	if known, ok := w.requests.find(key); ok && b.RequestID != "" && !b.DryRun {
		if known.Fingerprint != fingerprint {
			return Answer{}, ErrRequestMismatch
		}
		return Answer{Outcomes: w.replayed(b)}, nil
	}
	answer := Answer{Outcomes: w.outcomes(b)}
	allowed, err := w.allowed(b, answer.Outcomes, allow)
	if err != nil {
		return Answer{}, err
	}
	if b.DryRun {
		return answer, nil
	}
	for _, place := range allowed {
		i := w.instances.at(b.Numbers[place])
		act(i)
		w.arm(i)
		answer.Outcomes[place].After = i.Status
		answer.Changed = true
	}
	if answer.Changed && b.RequestID != "" {
		w.requests.add(Request{Key: key, Fingerprint: fingerprint, Time: w.now})
	}
	return answer, nil
}

// allowed tells the places of the instances that allow a batch, and notes in
// the outcomes why others do not. Without best effort it fails with the first
// reason.
func (w *World) allowed(b Batch, outcomes []Outcome, allow func(*Instance, int, *asked) error) (places []int, err error) {
	sofar := asked{stock: map[int32]int64{}}
	for place, number := range b.Numbers {
		var why error = &NotFoundError{Place: place}
		if i, ok := w.live(b.AccountID, number); ok {
			why = allow(i, place, &sofar)
		}
		if why != nil && !b.BestEffort {
			return nil, why
		}
		outcomes[place].Err = why
		if why == nil && !slices.Contains(b.Numbers[:place], number) {
			places = append(places, place)
		}
	}
	return places, nil
}

// outcomes is what becomes of the instances of a batch if nothing does.
func (w *World) outcomes(b Batch) []Outcome {
	outcomes := make([]Outcome, len(b.Numbers))
	for place, number := range b.Numbers {
		if i, ok := w.live(b.AccountID, number); ok {
			outcomes[place] = Outcome{Before: i.Status, After: i.Status}
		} else {
			outcomes[place].Err = &NotFoundError{Place: place}
		}
	}
	return outcomes
}

// replayed is what became of the instances of a batch that was obeyed before. If
// it was on all or none, it was on all, also on those that are gone since.
func (w *World) replayed(b Batch) []Outcome {
	outcomes := w.outcomes(b)
	for place := range outcomes {
		if !b.BestEffort {
			outcomes[place].Err = nil
		}
	}
	return outcomes
}

// only allows instances of some statuses.
func only(wanted ...Status) func(*Instance, int, *asked) error {
	return func(i *Instance, place int, _ *asked) error {
		if !slices.Contains(wanted, i.Status) {
			return &StatusError{Place: place, Status: i.Status, Wanted: wanted}
		}
		return nil
	}
}

func (w *World) start(c Start) (Answer, error) {
	return w.batch(c.Batch, "start", 0, w.mayStart, func(i *Instance) {
		w.change(i, func() {
			i.Economical = false
			i.set(Starting, ReasonRequested, w.now, w.now.Add(w.slowed(i, w.startingFor(i))))
		})
		w.record(i, KindStarting, ReasonRequested)
	})
}

// mayStart tells what keeps an instance from being started. One that gave its
// stock back has to find it again, at a price within its bid unless it is still
// protected: then it pays its purchase price.
func (w *World) mayStart(i *Instance, place int, sofar *asked) error {
	if err := only(Stopped)(i, place, nil); err != nil {
		return err
	}
	owner := w.accounts[i.Account.id]
	pool := Pool{Offer: i.Offer, Spot: i.Spot}
	offer := &w.catalog.Offers()[i.Offer]
	switch {
	case owner.overdue:
		return &BalanceError{Balance: w.balanceOf(owner)}
	case i.Noticed != 0:
		return &LockedError{Place: place, Lock: LockRecycling}
	case w.stocks[i.Offer].outage:
		return &ZoneError{ZoneID: offer.ZoneID}
	case i.holds():
		return nil
	}
	if market := w.stock(i.Offer).price; !i.Protected && i.MaxPrice > 0 && i.MaxPrice < market {
		return &PriceError{Pool: pool, Bid: i.MaxPrice, Market: market}
	}
	vcpus := int64(offer.VCPUs)
	if limit, used := owner.settings.vcpus(i.Spot), owner.vcpus[flag(i.Spot)]+sofar.vcpus[flag(i.Spot)]; limit >= 0 && used+vcpus > limit {
		return &QuotaError{Spot: i.Spot, Wanted: vcpus, Used: used, Quota: limit}
	}
	if available := w.Stock(i.Offer).Available(i.Spot) - sofar.stock[i.Offer]; available < 1 {
		return &StockError{Pool: pool, Wanted: 1, Available: max(0, available)}
	}
	sofar.stock[i.Offer]++
	sofar.vcpus[flag(i.Spot)] += vcpus
	return nil
}

func (w *World) stop(c Stop) (Answer, error) {
	return w.batch(c.Batch, "stop", flag(c.Economical), only(Starting, Running), func(i *Instance) {
		i.Economical = c.Economical
		w.enter(i, Stopping, ReasonRequested, w.stoppingFor(i))
	})
}

func (w *World) reboot(c Reboot) (Answer, error) {
	return w.batch(c.Batch, "reboot", 0, only(Running), func(i *Instance) {
		w.enter(i, Starting, ReasonRequested, w.slowed(i, w.startingFor(i)))
	})
}
