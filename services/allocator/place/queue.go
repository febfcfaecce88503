package place

import (
	"cmp"
	"slices"
)

// A turn is where a pool stands in the order of a strategy: by class, then by
// price, then in the order of the candidates. Every strategy sorts by these
// numbers, which are made once: comparing them is cheap, and thousands of pools
// are compared many times.
type turn struct {
	class, price uint64
	pool         int32
}

func (t turn) compare(other turn) int {
	switch {
	case t.class != other.class:
		return cmp.Compare(t.class, other.class)
	case t.price != other.price:
		return cmp.Compare(t.price, other.price)
	default:
		return cmp.Compare(t.pool, other.pool)
	}
}

// A queue is turns to be sorted. There is one for a placement, with room for all
// pools, and whoever needs an order makes it there.
type queue []turn

// sort sorts a queue whose turns are in the order of their pools.
func (q queue) sort() {
	if len(q) < manyTurns {
		slices.SortFunc(q, turn.compare)
		return
	}
	q.sortByDigits()
}

// From manyTurns on it pays to sort by digits, of digitBits each.
const (
	manyTurns = 1_000
	digitBits = 11
)

// sortByDigits sorts digit by digit from the lowest, each time keeping the order
// of those whose digit is the same: the time grows as the queue does, where
// comparing grows faster and guesses wrong at every other turn. Digits that are
// the same for all are left out.
func (q queue) sortByDigits() {
	var varies turn
	for i := range q {
		varies.class |= q[i].class ^ q[0].class
		varies.price |= q[i].price ^ q[0].price
	}
	from, to := q, make(queue, len(q))
	for word := range 2 {
		bits := varies.word(word)
		for shift := 0; bits>>shift != 0; shift += digitBits {
			if bits>>shift&digitMask != 0 {
				from.scatter(to, word, shift)
				from, to = to, from
			}
		}
	}
	copy(q, from)
}

const digitMask = 1<<digitBits - 1

// word is the price or the class, the one that counts less first.
func (t *turn) word(number int) uint64 {
	if number == 0 {
		return t.price
	}
	return t.class
}

// scatter sorts turns by one digit.
func (q queue) scatter(to queue, word, shift int) {
	var starts [digitMask + 1]int32
	for i := range q {
		starts[q[i].word(word)>>shift&digitMask]++
	}
	next := int32(0)
	for digit, count := range starts {
		starts[digit] = next
		next += count
	}
	for i := range q {
		at := &starts[q[i].word(word)>>shift&digitMask]
		to[*at] = q[i]
		*at++
	}
}

// done marks what arrange has put into place.
const done = -1

// arrange puts decisions into the order of the queue, each moved once, and
// leaves no queue behind.
func (q queue) arrange(decisions []Decision) {
	for first := range q {
		if q[first].pool == done {
			continue
		}
		kept := decisions[first]
		for at := first; ; {
			from := int(q[at].pool)
			q[at].pool = done
			if from == first {
				decisions[at] = kept
				break
			}
			decisions[at] = decisions[from]
			at = from
		}
	}
}

// How the prices of turns are made.
type pricing uint8

const (
	// byUnitPrice sorts by the price of one unit of capacity.
	byUnitPrice pricing = iota
	// byPrice sorts by the price of one instance.
	byPrice
	// asGiven leaves the order of the candidates.
	asGiven
)

// line puts the eligible pools into the order of a strategy and numbers them.
// class may be nil when there is but one.
func (f *filling) line(prices pricing, class func(pool int32) uint64) {
	f.queue = f.queue[:0]
	for _, pool := range f.order {
		next := turn{pool: pool}
		if class != nil {
			next.class = class(pool)
		}
		switch decision := &f.decisions[pool]; prices {
		case byUnitPrice:
			next.price = priceKey(decision.Price, decision.Weight)
		case byPrice:
			next.price = uint64(decision.Price)
		case asGiven:
		}
		f.queue = append(f.queue, next)
	}
	f.queue.sort()
	if prices == byUnitPrice {
		f.sortExactly()
	}
	for i := range f.queue {
		pool := f.queue[i].pool
		f.order[i] = pool
		f.decisions[pool].Rank = int32(i) + 1
	}
}

// sortExactly sorts those anew that a priceKey does not tell apart.
func (f *filling) sortExactly() {
	for from := 0; from < len(f.queue); {
		to := from + 1
		for to < len(f.queue) && f.queue[to].class == f.queue[from].class && f.queue[to].price == f.queue[from].price {
			to++
		}
		if to-from > 1 {
			slices.SortStableFunc(f.queue[from:to], func(a, b turn) int {
				return compareUnitPrice(&f.decisions[a.pool], &f.decisions[b.pool])
			})
		}
		from = to
	}
}
