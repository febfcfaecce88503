package view

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/allocator/place"
)

func told(number int, billing fleetv1.BillingMethod, available int32) *fleetv1.Pool {
	return &fleetv1.Pool{
		ZoneId: "a", InstanceType: fmt.Sprintf("t%d", number), BillingMethod: billing, PriceMicrosPerHour: int64(available),
		PayAsYouGoPriceMicrosPerHour: 1000, AvailableInstances: &available,
	}
}

// offersOf copies all offers of a snapshot.
func offersOf(s *Snapshot) map[place.Key]place.Offer {
	offers := map[place.Key]place.Offer{}
	for key := range s.index {
		offers[key] = *s.Offer(key)
	}
	return offers
}

// However the market moves, a snapshot shows what was told up to its making,
// and never changes afterwards.
func TestSnapshot_neverChanges_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		book := newBook(nil)
		model := map[place.Key]place.Offer{}
		var snapshots []*Snapshot
		var wants []map[place.Key]place.Offer
		for minute := range rapid.IntRange(1, 12).Draw(t, "responses") {
			now := time.Unix(int64(minute)*60, 0).UTC()
			response := &fleetv1.WatchPoolsResponse{AsOfTime: timestamppb.New(now)}
			for range rapid.IntRange(0, 60).Draw(t, "pools") {
				number, available := rapid.IntRange(0, 4*pageSize).Draw(t, "number"), rapid.Int32Range(0, 3).Draw(t, "available")
				billing := rapid.SampledFrom([]place.Billing{place.PayAsYouGo, place.Spot}).Draw(t, "billing")
				response.Pools = append(response.Pools, told(number, fleetv1.BillingMethod(billing+1), available))
				key := place.Key{Zone: "a", Type: fmt.Sprintf("t%d", number)}
				offer := model[key]
				offer.ListPrice = 1000
				pool := offer.Pool(billing)
				if pool.OnSale && available > pool.Available {
					pool.Restocked = now
				}
				pool.OnSale, pool.Available, pool.Price = true, available, int64(available)
				pool.InterruptionPermille = place.Unknown
				model[key] = offer
			}
			book.apply(response)
			if rapid.Bool().Draw(t, "publish") {
				snapshots = append(snapshots, book.publish(now))
				wants = append(wants, maps.Clone(model))
				if !snapshots[len(snapshots)-1].AsOf().Equal(now) {
					t.Errorf("snapshot of %v, want %v", snapshots[len(snapshots)-1].AsOf(), now)
				}
			}
		}
		for i, snapshot := range snapshots {
			if diff := cmp.Diff(wants[i], offersOf(snapshot)); diff != "" {
				t.Fatalf("snapshot %d of %d (-want +got)\n%s", i, len(snapshots), diff)
			}
		}
	})
}

// A change of one pool in a market of 5,000 copies one page, not the market.
func BenchmarkBook_change(b *testing.B) {
	book := newBook(nil)
	all := &fleetv1.WatchPoolsResponse{}
	for i := range 2_500 {
		all.Pools = append(all.Pools, told(i, 1, 5), told(i, 2, 5))
	}
	book.apply(all)
	book.publish(time.Time{})
	change := &fleetv1.WatchPoolsResponse{Pools: []*fleetv1.Pool{told(1_234, 2, 4)}}
	b.ReportAllocs()
	for b.Loop() {
		book.apply(change)
		book.publish(time.Time{})
	}
}
