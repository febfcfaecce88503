package world

// timersKept is how many timers there can be however few instances there are.
const timersKept = 10_000

// timer says that something may be due for an instance. A timer is never taken
// back: when it comes up, it counts only if the instance is still there and due
// at that very time.
type timer struct {
	at     Instant
	number uint64
}

func (t timer) before(other timer) bool {
	return t.at < other.at || t.at == other.at && t.number < other.number
}

// timers is a heap: earliest first, then the oldest instance.
type timers []timer

func (h *timers) push(t timer) {
	*h = append(*h, t)
	all := *h
	for child := len(all) - 1; child > 0; {
		parent := (child - 1) / 2
		if !all[child].before(all[parent]) {
			return
		}
		all[child], all[parent] = all[parent], all[child]
		child = parent
	}
}

func (h *timers) pop() timer {
	all := *h
	first := all[0]
	last := len(all) - 1
	all[0] = all[last]
	all = all[:last]
	*h = all
	for parent := 0; ; {
		child := 2*parent + 1
		if child >= len(all) {
			return first
		}
		if child+1 < len(all) && all[child+1].before(all[child]) {
			child++
		}
		if !all[child].before(all[parent]) {
			return first
		}
		all[child], all[parent] = all[parent], all[child]
		parent = child
	}
}
