package place

// judge makes the decision record of every pool, with the first rule that rules
// it out, and lists those that none does as eligible.
func (f *filling) judge(request *Request) {
	protection := f.protection(request)
	for i := range f.pools {
		pool := &f.pools[i]
		candidate := &request.Candidates[pool.index]
		decision := &f.decisions[i]
		*decision = Decision{
			Key: candidate.Key, Candidate: pool.index, Source: candidate.Source, Weight: candidate.Weight,
			Available: Unknown, InterruptionPermille: Unknown, MaxPrice: f.demand.maxPrice(candidate),
		}
		if pool.offer != nil && pool.offer.Pool(f.demand.Billing).OnSale {
			sold := pool.offer.Pool(f.demand.Billing)
			decision.Price = sold.Price
			decision.UnitPrice = unitPrice(sold.Price, decision.Weight)
			decision.Available = pool.left(f.demand.Billing)
			decision.Promised = pool.promised
			decision.InterruptionPermille = sold.InterruptionPermille
			decision.Verdict = f.verdict(pool, candidate, decision, protection)
		} else {
			decision.Verdict = NotOnSale
		}
		if decision.Verdict == NotNeeded {
			f.order = append(f.order, int32(i))
		}
	}
}

// verdict applies the rules to a pool that is on sale, in their fixed order. It
// tells NotNeeded for one that may be used: none has been used yet.
func (f *filling) verdict(pool *candidatePool, candidate *Candidate, decision *Decision, protection protection) Verdict {
	isProtected := protection.judge(candidate, decision)
	switch {
	case pool.excluded[f.demand.Billing]:
		return Excluded
	case decision.MaxPrice > 0 && decision.Price > decision.MaxPrice:
		return PriceTooHigh
	case isProtected:
		return PriceProtected
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
