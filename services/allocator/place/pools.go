package place

// A candidatePool is a candidate with its offer, and what is known of it before
// a demand is looked at.
type candidatePool struct {
	offer *Offer // nil when not on sale
	// index is that of the candidate, zone that of its zone.
	index, zone int32
	// promised is what others have been promised of the stock.
	promised int32
	// taken is what the demands so far take, by Billing.
	taken [2]int32
	// excluded tells that it refused a launch and has not been restocked since,
	// by Billing.
	excluded [2]bool
}

// lookUp finds the offers of the candidates and what the request tells of them,
// and the zones that they lie in, both in the order of the candidates. A
// candidate whose type and zone came before is left out: it names the same
// pool, and the same stock.
func lookUp(request *Request, market Market) ([]candidatePool, []zone) {
	candidates := request.Candidates
	pools := make([]candidatePool, 0, len(candidates))
	table := newKeyTable(len(candidates))
	var few [fewZones]string
	zones := zoneIndex{ids: few[:0]}
	for i := range candidates {
		key := &candidates[i].Key
		slot := table.find(key, candidates, pools)
		if slot.after != 0 {
			continue
		}
		pools = append(pools, candidatePool{
			index: int32(i), zone: zones.of(key.Zone), offer: market.Offer(*key), promised: request.Promised[*key],
		})
		slot.after = int32(len(pools))
	}
	for i := range request.Exclusions {
		exclusion := &request.Exclusions[i]
		if slot := table.find(&exclusion.Key, candidates, pools); slot.after != 0 {
			pools[slot.after-1].exclude(exclusion)
		}
	}
	return pools, zones.held(request.Existing)
}

// exclude notes a refusal, unless the pool has been restocked since.
func (p *candidatePool) exclude(exclusion *Exclusion) {
	if p.offer == nil {
		return
	}
	if exclusion.Refused.IsZero() || !p.offer.Pool(exclusion.Billing).Restocked.After(exclusion.Refused) {
		p.excluded[exclusion.Billing] = true
	}
}

// left tells the stock of the pool of a billing method after what others have
// been promised and earlier demands take. Both billing methods draw on one
// stock, which is at least as large as the larger of what the cloud tells for
// each. A promise does not say which of the two it is of, so it counts for
// either.
func (p *candidatePool) left(billing Billing) int32 {
	own := p.offer.Pool(billing).Available
	if own == Unknown {
		return Unknown
	}
	if taken := p.taken[PayAsYouGo] + p.taken[Spot]; taken > 0 {
		own = min(own, max(p.offer.PayAsYouGo.Available, p.offer.Spot.Available)-taken)
	}
	return max(0, own-p.promised)
}
