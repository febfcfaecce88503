package allocator_test

import (
	"sync"
	"testing"
)

// Many place while the market moves: each answer is of one state of the market,
// never of two. The pools of both zones always have the same stock.
func TestPlace_whileTheMarketMoves(t *testing.T) {
	h := start(t)
	stream := <-h.fleet.streams
	stream.tell(0, true, spotPool("a", 1), spotPool("b", 1))
	<-h.service.Ready()
	done := make(chan struct{})
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				response, err := h.client.Place(t.Context(), request(1000, "a", "b"))
				if err != nil {
					t.Error(err)
					return
				}
				minute := response.GetViewTime().AsTime().Minute()
				for _, p := range response.GetPlacements()[0].GetPools() {
					if int(p.GetAvailableInstances()) != minute+1 {
						t.Errorf("pool of %s has %d in the view of minute %d", p.GetZoneId(), p.GetAvailableInstances(), minute)
					}
				}
			}
		})
	}
	for i := range 500 {
		minute := i % 60
		stream.tell(minute, false, spotPool("a", int32(minute+1)), spotPool("b", int32(minute+1)))
	}
	close(done)
	callers.Wait()
}
