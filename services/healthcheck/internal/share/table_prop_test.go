package share

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// S7: whatever comes, goes and dies: no partition has two owners, none forgets
// its place, and once every replica that is left has renewed three times each
// has its fair share.
func TestTable_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := newTable(Place{Cursor: "begin", Position: 1})
		alive, gone := map[string]bool{}, map[string]bool{}
		reached := [Partitions]int64{}
		for i := range reached {
			reached[i] = 1
		}
		position := int64(1)
		dead := func(one replica) bool { return gone[one.Name] }
		renew := func(name string) {
			alive[name] = true
			now = now.renewed(name, 1, dead)
			mine, _ := now.find(name)
			for i := range reached { // as a replica does that begins at the oldest place
				if mine.Owns&(1<<i) != 0 {
					if at := now.oldest(1 << i); at.Position != reached[i] {
						t.Fatalf("partition %d is at %v, want %d", i, at, reached[i])
					}
				}
			}
			check(t, now)
		}
		name := rapid.Custom(func(t *rapid.T) string { return fmt.Sprint("r", rapid.IntRange(1, 9).Draw(t, "replica")) })
		t.Repeat(map[string]func(*rapid.T){
			"renew": func(t *rapid.T) {
				if one := name.Draw(t, "who"); !gone[one] {
					renew(one)
				}
			},
			"publish": func(t *rapid.T) {
				mine, _ := now.find(name.Draw(t, "who"))
				position++
				now = now.reached(Place{Cursor: fmt.Sprint(position), Position: position}, mine.Owns)
				for i := range reached {
					if mine.Owns&(1<<i) != 0 {
						reached[i] = position
					}
				}
				check(t, now)
			},
			"leave": func(t *rapid.T) {
				one := name.Draw(t, "who")
				now = now.without(one)
				delete(alive, one)
			},
			"die": func(t *rapid.T) {
				one := name.Draw(t, "who")
				gone[one] = true
				delete(alive, one)
			},
		})
		if len(alive) == 0 {
			return
		}
		for range 3 {
			for one := range alive {
				renew(one)
			}
		}
		owned := 0
		for one := range alive {
			mine, _ := now.find(one)
			if has := mine.Owns.len(); has > fairShare(len(alive)) {
				t.Fatalf("%s of %d owns %d partitions", one, len(alive), has)
			} else {
				owned += has
			}
		}
		if owned != Partitions {
			t.Fatalf("%d partitions are owned", owned)
		}
	})
}

// check holds a table against what is always true of one.
func check(t *rapid.T, now table) {
	taken, placed := Set(0), Set(0)
	for _, one := range now.Replicas {
		if taken&one.Owns != 0 {
			t.Fatalf("partitions with two owners: %+v", now)
		}
		taken |= one.Owns
	}
	for _, one := range now.Places {
		if placed&one.Of != 0 || one.Of == 0 {
			t.Fatalf("partitions with two places, or a place of none: %+v", now)
		}
		placed |= one.Of
	}
	if placed != everything {
		t.Fatalf("partitions without a place: %+v", now)
	}
}

func TestTable_oldest(t *testing.T) {
	now := newTable(Place{Cursor: "a", Position: 10}).reached(Place{Cursor: "b", Position: 20}, 0b0011).reached(Place{Cursor: "c"}, 0b0100)
	for of, want := range map[Set]string{0b0001: "b", 0b1001: "a", 0b0110: "c", 0: ""} {
		if got := now.oldest(of); got.Cursor != want {
			t.Errorf("oldest of %b is %v, want %q", of, got, want)
		}
	}
}

// S7: a fleet that was set back counts anew. A place in what was before it is not
// the older one for being the smaller number, nor the newer.
func TestTable_oldestOfTwoHistories(t *testing.T) {
	before, after := Place{Cursor: "a", Position: 900, History: "1"}, Place{Cursor: "b", Position: 20, History: "2"}
	now := newTable(before).reached(after, 0b0011)
	for of, want := range map[Set]Place{0b0001: after, 0b0100: before, 0b0110: {}} {
		if got := now.oldest(of); got != want {
			t.Errorf("oldest of %b is %v, want %v", of, got, want)
		}
	}
}

// What replicas of all versions must agree on.
func TestPartitionOf(t *testing.T) {
	for id, want := range map[string]uint64{"i-0000000000001": 30, "i-0000000000002": 43, "": 37} {
		if got := partitionOf(id); got != want {
			t.Errorf("instance %q is in partition %d, want %d", id, got, want)
		}
	}
}
