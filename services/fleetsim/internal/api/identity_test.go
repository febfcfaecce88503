package api

import (
	"slices"
	"testing"
	"time"

	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

func FuzzInstanceNumber(f *testing.F) {
	f.Add("i-0000000000001")
	f.Add("i-fvvvvvvvvvvvv")
	f.Add("i-gvvvvvvvvvvvv")
	f.Fuzz(func(t *testing.T, id string) {
		if number := instanceNumber(id); number != 0 && instanceID(number) != id {
			t.Errorf("%q is read as %d, which is written %q", id, number, instanceID(number))
		}
	})
}

func FuzzDiskOf(f *testing.F) {
	f.Add("d-00000000000010")
	f.Add("d-fvvvvvvvvvvvvv")
	f.Add("d-0000000000000v")
	f.Fuzz(func(t *testing.T, id string) {
		if disk := diskOf(id); disk != (world.DiskID{}) && diskID(disk) != id {
			t.Errorf("%q is read as %v, which is written %q", id, disk, diskID(disk))
		}
	})
}

// FuzzResume holds that whatever is taken for a place in a list of prices is
// one that was given: of a time that has passed, no longer than it may be.
func FuzzResume(f *testing.F) {
	now := time.Date(2026, 11, 16, 8, 0, 0, 0, time.UTC)
	from := world.InstantOf(now.Add(-time.Hour))
	f.Add(stepKey("cn-shenzhen-d", from+1, stepQuery{from: from, to: world.InstantOf(now)}))
	f.Add("cn-shenzhen-d 1 1 9223372036854775807")
	f.Add("cn-shenzhen-d -9223372036854775808 -9223372036854775808 1")
	f.Add("cn-shenzhen-d  1 2")
	f.Fuzz(func(t *testing.T, key string) {
		query := stepQuery{zones: []string{"cn-shenzhen-d"}}
		if !query.resume(key, now) {
			return
		}
		if query.from > query.lastAt || query.lastAt >= query.to || query.to > world.InstantOf(now)+1 || query.to-query.from > world.Instant(longestSpan)+1 {
			t.Errorf("%q is read as %+v", key, query)
		}
	})
}

func TestInstanceID_sortsInOrderOfCreation(t *testing.T) {
	numbers := []uint64{1, 2, 9, 10, 31, 32, 33, 1023, 1024, 1 << 40, 1<<64 - 1}
	var ids []string
	for _, number := range numbers {
		id := instanceID(number)
		if instanceNumber(id) != number {
			t.Errorf("%d is written %q and read as %d", number, id, instanceNumber(id))
		}
		ids = append(ids, id)
	}
	if !slices.IsSorted(ids) {
		t.Errorf("not sorted: %v", ids)
	}
}

func FuzzSequenceOf(f *testing.F) {
	f.Add(uint64(7), cursorOf(7, 1))
	f.Add(uint64(7), cursorOf(7, 1)[:10]+"\n"+cursorOf(7, 1)[10:])
	f.Add(uint64(7), "garbage")
	f.Fuzz(func(t *testing.T, fleet uint64, cursor string) {
		sequence, ok := sequenceOf(fleet, cursor)
		if ok && cursorOf(fleet, sequence) != cursor {
			t.Errorf("%q is read as %d", cursor, sequence)
		}
		if again, ok := sequenceOf(fleet, cursorOf(fleet, sequence)); !ok || again != sequence {
			t.Errorf("%d is written and read as %d, %v", sequence, again, ok)
		}
		if _, ok := sequenceOf(fleet+1, cursorOf(fleet, sequence)); ok {
			t.Error("the cursor of another fleet was taken")
		}
	})
}
