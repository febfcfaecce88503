package api

import (
	"strings"

	"github.com/seed-198b1370/muster/pkg/rpc"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// poolKey is a pool in a page token: its names, which outlive a change of the
// catalog, not its place.
func (f *fleet) poolKey(pool world.Pool) string {
	offer := &f.Catalog.Offers()[pool.Offer]
	billing := "payg"
	if pool.Spot {
		billing = "spot"
	}
	return offer.InstanceType + " " + offer.ZoneID + " " + billing
}

// firstPoolAfter is the place of the first pool of the page of a token; false
// for a token that is none.
func (f *fleet) firstPoolAfter(token string) (int, bool) {
	key, ok := rpc.DecodePageToken(poolList, token)
	if !ok || key == "" {
		return 0, ok
	}
	names := strings.Split(key, " ")
	if len(names) != 3 || names[2] != "payg" && names[2] != "spot" {
		return 0, false
	}
	index, sold := f.Catalog.Find(names[1], names[0])
	switch {
	case !sold:
		return 2 * index, true
	case names[2] == "payg":
		return 2*index + 1, true
	default:
		return 2*index + 2, true
	}
}
