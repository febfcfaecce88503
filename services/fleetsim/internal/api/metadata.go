package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/seed-198b1370/muster/services/fleetsim/internal/metadata"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// newMetadata makes the handler of instance metadata, which an instance is told
// whoever owns it.
func newMetadata(d *Deps) http.Handler {
	find := func(ctx context.Context, id string) (metadata.Instance, error) {
		number := instanceNumber(id)
		if number == 0 {
			return metadata.Instance{}, metadata.ErrNotFound
		}
		instance, err := look(ctx, d.Engine, func(w *world.World) *world.Instance { return anyones(w, number) })
		switch {
		case err != nil:
			return metadata.Instance{}, errors.New("the simulated cloud does not answer")
		case instance == nil:
			return metadata.Instance{}, metadata.ErrNotFound
		}
		offer := &d.Catalog.Offers()[instance.Offer]
		attributes := instance.Describe()
		options := attributes.Options.Options()
		told := metadata.Instance{
			ID: id, Type: offer.InstanceType, Name: attributes.Name, UserData: options.UserData, TokensRequired: options.TokensRequired,
			RegionID: d.Catalog.RegionID(), ZoneID: offer.ZoneID, Spot: instance.Spot,
		}
		if at := instance.ReleaseAt(); at != 0 {
			told.Termination = at.Time()
		}
		return told, nil
	}
	return metadata.New(find, d.Engine.Pace().Now, d.MetadataKey)
}

// anyones finds an instance whoever owns it; nil when it is not there.
func anyones(w *world.World, number uint64) *world.Instance {
	for account := range w.Facts().Accounts {
		page := w.List(world.Query{AccountID: account, ByNumber: true, Numbers: []uint64{number}, Limit: 1})
		if len(page.Listed) > 0 {
			return &page.Listed[0].Instance
		}
	}
	return nil
}
