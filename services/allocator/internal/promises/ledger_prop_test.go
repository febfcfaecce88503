package promises_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/seed-198b1370/muster/services/allocator/internal/promises"
	"github.com/seed-198b1370/muster/services/allocator/place"
)

// gone is a stock: how many instances of each pool are gone.
type gone map[place.Key]int64

func (g gone) Gone(of place.Key) int64 { return g[of] }

// A plain is a ledger that goes through a list of all promises for everything.
type plain struct {
	promises []plainPromise
	settled  gone
}

type plainPromise struct {
	key       string
	of        place.Key
	instances int64
	made      time.Time
}

// at brings a ledger up to a time.
func (p *plain) at(now time.Time, stock gone) {
	for of, lost := range stock {
		launched := lost - p.settled[of]
		p.settled[of] = lost
		for i := range p.promises {
			if promise := &p.promises[i]; promise.of == of {
				kept := min(launched, promise.instances)
				promise.instances -= kept
				launched -= kept
			}
		}
	}
	p.promises = slices.DeleteFunc(p.promises, func(promise plainPromise) bool {
		return promise.instances == 0 || !now.Before(promise.made.Add(promises.TTL))
	})
}

func (p *plain) promise(key string, now time.Time, placed map[place.Key]int32) {
	p.promises = slices.DeleteFunc(p.promises, func(promise plainPromise) bool { return promise.key == key })
	for of, instances := range placed {
		p.promises = append(p.promises, plainPromise{key: key, of: of, instances: int64(instances), made: now})
	}
}

func (p *plain) promised(key string, of place.Key) int32 {
	var sum int64
	for _, promise := range p.promises {
		if promise.of == of && promise.key != key {
			sum += promise.instances
		}
	}
	return int32(sum)
}

// Whatever is promised, launched, placed again and left to expire, a ledger
// tells what one tells that goes through all promises each time, and holds no
// more than those that stand.
func TestLedger_isAsPlainBookkeeping_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var keys []string
		var pools []place.Key
		for i := range 4 {
			keys = append(keys, fmt.Sprintf("group-%d", i))
			pools = append(pools, place.Key{Zone: "a", Type: fmt.Sprintf("t%d", i%3)})
		}
		ledger, model, stock := promises.NewLedger(), plain{settled: gone{}}, gone{}
		now := time.Unix(0, 0)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 20).Draw(t, "seconds")) * time.Second)
			if rapid.Bool().Draw(t, "launch") {
				stock[rapid.SampledFrom(pools).Draw(t, "launched")] += int64(rapid.IntRange(0, 12).Draw(t, "launches"))
			}
			ledger.Expire(now, stock)
			model.at(now, stock)
			if rapid.Bool().Draw(t, "place") {
				placed := rapid.MapOfN(rapid.SampledFrom(pools), rapid.Int32Range(1, 10), 0, 3).Draw(t, "placed")
				key := rapid.SampledFrom(keys).Draw(t, "key")
				ledger.Promise(key, now, placed, stock)
				model.promise(key, now, placed)
			}
			// Not always all of them: a ledger puts right what it is asked of.
			for _, of := range pools[:rapid.IntRange(0, len(pools)).Draw(t, "asked")] {
				for _, key := range append(keys, "") {
					if got, want := ledger.Promised(key, of, stock), model.promised(key, of); got != want {
						t.Fatalf("at %v, of %v to others than %q: promised %d, want %d", now.Unix(), of, key, got, want)
					}
				}
			}
		}
		for _, of := range pools {
			_ = ledger.Promised("", of, stock)
		}
		if got := ledger.Len(); got != len(model.promises) {
			t.Fatalf("holds %d promises, want %d", got, len(model.promises))
		}
		ledger.Expire(now.Add(promises.TTL), stock)
		if got := ledger.Len(); got != 0 {
			t.Fatalf("holds %d promises after their time, want none", got)
		}
	})
}
