package place

import "github.com/seed-198b1370/muster/pkg/money"

// A protection holds, by source, the lowest price per unit that is on sale
// under a billing method. It is nil where no candidate compares prices.
type protection map[int32]rate

// protection finds the lowest price per unit of each source with a candidate
// that asks for it.
func (f *filling) protection(request *Request) protection {
	var lowest protection
	for i := range f.pools {
		pool := &f.pools[i]
		candidate := &request.Candidates[pool.index]
		if candidate.PriceProtection == nil || pool.offer == nil || !pool.offer.Pool(f.demand.Billing).OnSale {
			continue
		}
		if lowest == nil {
			lowest = protection{}
		}
		own := rate{price: pool.offer.Pool(f.demand.Billing).Price, weight: candidate.Weight}
		if known, ok := lowest[candidate.Source]; !ok || own.compare(known) < 0 {
			lowest[candidate.Source] = own
		}
	}
	return lowest
}

// judge notes the highest price per unit that is allowed, and tells whether the
// pool is above it.
func (p protection) judge(candidate *Candidate, decision *Decision) bool {
	if candidate.PriceProtection == nil {
		return false
	}
	lowest := p[candidate.Source]
	percent := 100 + int64(*candidate.PriceProtection)
	decision.ProtectedUnitPrice = product(lowest.price, money.MilliunitsPerUnit, percent).over(100 * lowest.weight)
	// own / weight > lowest / weight * percent / 100, without a division.
	return product(decision.Price, lowest.weight, 100).compare(product(lowest.price, decision.Weight, percent)) > 0
}
