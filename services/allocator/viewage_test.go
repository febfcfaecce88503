package allocator_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/seed-198b1370/muster/pkg/rpc"
	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/allocator"
)

// A placement rests on what the fleet told a short while ago, or not at all. A
// sign of life is enough; a stream that has not told the whole market is not.
func TestPlace_refusesAViewThatIsTooOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startWith(t, &fleet{}, allocator.Config{MaxViewAge: 10 * time.Second})
		stream := <-h.fleet.streams
		stream.tell(1, true, spotPool("a", 5))
		<-h.service.Ready()
		check := func(wantAge time.Duration) {
			t.Helper()
			synctest.Wait()
			response, err := h.client.Place(t.Context(), request(1, "a"))
			if wantAge > 10*time.Second {
				if status.Code(err) != codes.Unavailable || !rpc.HasReason(err, allocatorv1.ErrorReason_ERROR_REASON_VIEW_TOO_OLD) || retryDelay(err) <= 0 {
					t.Errorf("a view %v old: got %v, want UNAVAILABLE, VIEW_TOO_OLD", wantAge, err)
				}
				return
			}
			if age := response.GetViewAge().AsDuration(); err != nil || age < wantAge || age > wantAge+time.Millisecond {
				t.Errorf("a view %v old: got %v, %v", wantAge, age, err)
			}
		}
		check(0)
		time.Sleep(9 * time.Second)
		check(9 * time.Second)
		stream.tell(2, true)
		check(0)
		stream.broken <- errors.New("broken")
		stream = <-h.fleet.streams // a tenth of a second later
		stream.tell(3, false, spotPool("b", 5))
		time.Sleep(9800 * time.Millisecond)
		check(9900 * time.Millisecond)
		time.Sleep(time.Second)
		check(11 * time.Second)
		whatIf := request(1, "a")
		whatIf.WhatIf = &allocatorv1.Market{Pools: []*fleetv1.Pool{spotPool("a", 5)}}
		h.place(t, whatIf)
		stream.tell(4, true, spotPool("a", 5))
		check(0)
	})
}
