package place

// judge makes the decision record of every pool, with the first rule that rules
// it out, and lists those that none does as eligible.
func (f *filling) judge(request *Request, pools []candidatePool) {
	for i := range pools {
		pool := &pools[i]
		candidate := &request.Candidates[pool.index]
		decision := &f.decisions[i]
		*decision = Decision{
			Key: candidate.Key, Candidate: pool.index, Weight: candidate.Weight, Available: Unknown,
			MaxPrice: f.demand.maxPrice(candidate),
		}
		if decision.Verdict = f.verdict(request, pool, decision); decision.Verdict == NotNeeded {
			f.order = append(f.order, int32(i))
		}
	}
}

// verdict applies the rules in their fixed order. It tells NotNeeded for a pool
// that may be used: none has been used yet.
func (f *filling) verdict(request *Request, pool *candidatePool, decision *Decision) Verdict {
	if pool.offer == nil || !pool.offer.Pool(f.demand.Billing).OnSale {
		return NotOnSale
	}
	sold := pool.offer.Pool(f.demand.Billing)
	decision.Price = sold.Price
	decision.UnitPrice = unitPrice(sold.Price, decision.Weight)
	decision.Available = pool.left(f.demand.Billing)
	switch {
	case isExcluded(request.Exclusions, decision.Key, f.demand.Billing, sold):
		return Excluded
	case decision.MaxPrice > 0 && sold.Price > decision.MaxPrice:
		return PriceTooHigh
	case decision.Available == 0:
		return NoStock
	case !f.room.fits(decision.Weight):
		return LimitReached
	default:
		return NotNeeded
	}
}

// maxPrice is the lower of the maximum prices of a demand and a candidate.
// Pay-as-you-go has none: its price is the list price.
func (d *Demand) maxPrice(candidate *Candidate) int64 {
	switch {
	case d.Billing != Spot:
		return 0
	case d.MaxPrice == 0 || candidate.MaxPrice == 0:
		return max(d.MaxPrice, candidate.MaxPrice)
	default:
		return min(d.MaxPrice, candidate.MaxPrice)
	}
}

// left tells the stock of the pool of a billing method after what earlier
// demands take. Both billing methods draw on one stock, which is at least as
// large as the larger of what the cloud tells for each.
func (p *candidatePool) left(billing Billing) int32 {
	own := p.offer.Pool(billing).Available
	taken := p.taken[PayAsYouGo] + p.taken[Spot]
	if own == Unknown || taken == 0 {
		return own
	}
	shared := max(p.offer.PayAsYouGo.Available, p.offer.Spot.Available)
	return max(0, min(own, shared-taken))
}

func isExcluded(exclusions []Exclusion, key Key, billing Billing, pool *Pool) bool {
	for i := range exclusions {
		exclusion := &exclusions[i]
		if exclusion.Billing != billing || exclusion.Key.Type != key.Type || exclusion.Key.Zone != key.Zone {
			continue
		}
		if exclusion.Refused.IsZero() || !pool.Restocked.After(exclusion.Refused) {
			return true
		}
	}
	return false
}
