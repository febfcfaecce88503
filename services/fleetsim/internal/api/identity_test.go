package api

import (
	"slices"
	"testing"
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
