package world

import "slices"

func (w *World) launch(c Launch) (Answer, error) {
	tags := NewTagSet(c.Tags)
	key, fingerprint := keyOf(c.AccountID, "", c.RequestID), c.fingerprint(tags)
	if known, ok := w.requests.find(key); ok && !c.DryRun {
		if known.Fingerprint != fingerprint {
			return Answer{}, ErrRequestMismatch
		}
		return Answer{First: known.First, Launched: int(known.Launched)}, nil
	}
	owner, disks, err := w.mayLaunch(c)
	if err != nil {
		return Answer{}, err
	}
	launched, err := w.amount(c, owner)
	if err != nil {
		// Who pays as he goes goes before spot, also when he comes too early.
		made := !c.Pool.Spot && !c.DryRun && isShort(err) && w.makeRoom(c.Pool.Offer, int64(c.MinAmount)) > 0
		return Answer{Changed: made}, err
	}
	if c.DryRun {
		return Answer{Launched: int(launched)}, nil
	}
	answer := Answer{Changed: true, First: w.lastNumber + 1, Launched: int(launched)}
	w.create(w.model(c, owner, tags, disks), int(launched))
	w.requests.add(Request{
		Key: key, Fingerprint: fingerprint, First: answer.First, Launched: uint32(launched), Time: w.now,
	})
	return answer, nil
}

// mayLaunch holds a launch against everything but stock and quota.
func (w *World) mayLaunch(c Launch) (*holding, *DiskSet, error) {
	owner, ok := w.accounts[c.AccountID]
	if !ok {
		return nil, nil, &AccountError{AccountID: c.AccountID}
	}
	offer := &w.catalog.Offers()[c.Pool.Offer]
	if err := w.refusalOf(c.Pool); err != nil {
		return nil, nil, err
	}
	if owner.overdue {
		return nil, nil, &BalanceError{Balance: w.balanceOf(owner)}
	}
	if w.stocks[c.Pool.Offer].outage {
		return nil, nil, &ZoneError{ZoneID: offer.ZoneID}
	}
	disks, err := w.chooseDisks(offer.ZoneID, c.Disks)
	if err != nil {
		return nil, nil, err
	}
	if market := w.stock(c.Pool.Offer).price; c.Pool.Spot && c.MaxPrice > 0 && c.MaxPrice < market {
		return nil, nil, &PriceError{Pool: c.Pool, Bid: c.MaxPrice, Market: market}
	}
	return owner, disks, nil
}

// amount tells how many instances a launch gets: what quota and stock allow, if
// that is worth it.
func (w *World) amount(c Launch, owner *holding) (int64, error) {
	vcpus := int64(w.catalog.Offers()[c.Pool.Offer].VCPUs)
	within, err := owner.quota(c.Pool.Spot, vcpus, int64(c.Amount), int64(c.MinAmount))
	if err != nil {
		return 0, err
	}
	available := w.Stock(c.Pool.Offer).Available(c.Pool.Spot)
	if available < int64(c.MinAmount) || available == 0 {
		return 0, &StockError{Pool: c.Pool, Wanted: int64(c.MinAmount), Available: available}
	}
	return min(within, available), nil
}

// quota tells how many instances, up to an amount, the account may add.
func (h *holding) quota(spot bool, vcpus, amount, least int64) (int64, error) {
	limit, used := h.settings.vcpus(spot), h.vcpus[flag(spot)]
	if limit < 0 || used+amount*vcpus <= limit {
		return amount, nil
	}
	within := max(0, limit-used) / vcpus
	if within < least {
		return 0, &QuotaError{Spot: spot, Wanted: least * vcpus, Used: used, Quota: limit}
	}
	return within, nil
}

func isShort(err error) bool {
	_, short := err.(*StockError) //nolint:errorlint // amount wraps nothing
	return short
}

// model is what the instances of a launch have in common.
func (w *World) model(c Launch, owner *holding, tags *TagSet, disks *DiskSet) Instance {
	i := Instance{
		Account: owner.account, Tags: tags, Disks: disks,
		Created: w.now, Since: w.now, Offer: c.Pool.Offer, Status: Pending, Why: ReasonRequested,
	}
	if c.Attributes != (Attributes{}) {
		attributes := c.Attributes
		if attributes.First = 0; attributes.numbered() {
			attributes.First = w.lastNumber + 1
		}
		i.Attributes = &attributes
	}
	if c.Pool.Spot {
		i.Spot, i.Unprotected, i.Protected = true, c.Unprotected, !c.Unprotected
		i.PurchasePrice, i.MaxPrice = w.stock(c.Pool.Offer).price, c.MaxPrice
		i.StopOnReclaim = c.StopOnReclaim
	}
	return i
}

// allocatedTogether is how many instances of a launch are allocated together:
// fast, and as many as a lone survivor keeps the memory of.
const allocatedTogether = 8

// create makes so many instances after a model.
func (w *World) create(model Instance, count int) {
	made := make([]*Instance, count)
	var together []Instance
	for at := range made {
		if len(together) == 0 {
			together = make([]Instance, min(allocatedTogether, count-at))
		}
		i := &together[0]
		together = together[1:]
		*i = model
		w.lastNumber++
		i.Number = w.lastNumber
		i.Due = w.now.Add(w.slowed(i, w.pendingFor(i)))
		made[at] = i
	}
	w.insert(made...)
	w.recordAlike(made, KindCreated, ReasonRequested)
}

// chooseDisks takes the first category on offer of each disk that is asked for.
func (w *World) chooseDisks(zoneID string, requests []DiskRequest) (*DiskSet, error) {
	if len(requests) == 0 {
		return nil, nil //nolint:nilnil // no disks are no error
	}
	set := &DiskSet{from: fromCreation}
	for place, request := range requests {
		at := slices.IndexFunc(request.Categories, func(category DiskCategory) bool { return w.onOffer(zoneID, category) })
		if at < 0 {
			return nil, &DiskCategoryError{ZoneID: zoneID, Disk: place, Categories: request.Categories}
		}
		set.disks = append(set.disks, HeldDisk{
			Place: uint8(place), Category: request.Categories[at], SizeGiB: request.SizeGiB,
			Keep: request.Keep, System: request.System,
		})
	}
	return set, nil
}
