package promises_test

import (
	"math"
	"strconv"
	"testing"
	"time"

	"github.com/seed-198b1370/muster/services/allocator/internal/promises"
	"github.com/seed-198b1370/muster/services/allocator/place"
)

var large = place.Key{Zone: "a", Type: "ecs.c6.large"}

// One who still looks at an older market, in which launches do not show, finds
// that they are promised still.
func TestLedger_heedsTheMarketOfTheCaller(t *testing.T) {
	ledger := promises.NewLedger()
	ledger.Promise("group", time.Unix(0, 0), map[place.Key]int32{large: 10}, gone{})
	for _, step := range []struct {
		gone int64
		want int32
	}{{0, 10}, {4, 6}, {0, 10}, {4, 6}, {7, 3}} {
		if got := ledger.Promised("", large, gone{large: step.gone}); got != step.want {
			t.Errorf("with %d gone: promised %d, want %d", step.gone, got, step.want)
		}
	}
}

// However many ask, a ledger holds a bounded number of promises, and lets those
// go first that placed longest ago.
func TestLedger_isBounded(t *testing.T) {
	ledger := promises.NewLedger()
	pools := map[place.Key]int32{}
	for i := range 30 {
		pools[place.Key{Zone: "a", Type: strconv.Itoa(i)}] = 1
	}
	for i := range 4_000 {
		ledger.Promise(strconv.Itoa(i), time.Unix(0, 0), pools, gone{})
	}
	if got := ledger.Len(); got > 100_000 {
		t.Errorf("holds %d promises", got)
	}
	of := place.Key{Zone: "a", Type: "0"}
	if all, others := ledger.Promised("", of, gone{}), ledger.Promised("3999", of, gone{}); others != all-1 {
		t.Errorf("the last to place holds %d of %d promises, want 1", all-others, all)
	}
	if all, others := ledger.Promised("", of, gone{}), ledger.Promised("0", of, gone{}); others != all {
		t.Errorf("the first to place still holds %d promises", all-others)
	}
	for i := range 11_000 {
		ledger.Promise(strconv.Itoa(i), time.Unix(0, 0), map[place.Key]int32{of: math.MaxInt32}, gone{})
	}
	if got := ledger.Len(); got > 10_000 {
		t.Errorf("holds %d promises of as many holders", got)
	}
	if got := ledger.Promised("", of, gone{}); got != math.MaxInt32 {
		t.Errorf("promised %d, want the largest number", got)
	}
}
