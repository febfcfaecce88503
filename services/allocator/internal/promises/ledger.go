package promises

import (
	"container/list"
	"math"
	"time"

	"github.com/seed-198b1370/muster/services/allocator/place"
)

// TTL is how long a promise stands when the market does not show its launch.
const TTL = 30 * time.Second

// Bounds of what a ledger holds. Beyond them the oldest holders lose theirs.
const (
	maxHolders  = 10_000
	maxPromises = 100_000
)

// A Stock tells how many instances the stock of a type in a zone has lost so
// far, in all.
type Stock interface{ Gone(of place.Key) int64 }

// A Ledger holds promises: of which pool, how many instances, to whom. The
// caller tells the time, which must not go back, and of each pool how many
// instances its stock has lost so far, in all: what it loses after a promise was
// made is taken for launches, of the oldest promise first.
type Ledger struct {
	pools map[place.Key]*pool
	// holders are by key, and in line with the one that placed longest ago first.
	holders  map[string]*list.Element // of *holder
	line     *list.List
	promises int
}

// A pool is what is promised of the shared stock of a type in a zone.
type pool struct {
	// gone is what the stock had lost when the figures were last put right.
	gone int64
	// sum is of all promises, oldest first in line.
	sum  int64
	line *list.List // of *promise
}

// A holder is who placed, with what is promised to it.
type holder struct {
	key      string
	made     time.Time
	promises map[place.Key]*list.Element // of *promise
}

// A promise is a number of instances of a pool.
type promise struct {
	holder    *holder
	instances int64
}

// NewLedger makes a ledger without promises.
func NewLedger() *Ledger {
	return &Ledger{pools: map[place.Key]*pool{}, holders: map[string]*list.Element{}, line: list.New()}
}

// Expire forgets the promises that have stood for their time.
func (l *Ledger) Expire(now time.Time, stock Stock) {
	for front := l.line.Front(); front != nil; front = l.line.Front() {
		if now.Before(holderIn(front).made.Add(TTL)) {
			return
		}
		l.forget(front, stock)
	}
}

// Len tells how many promises stand.
func (l *Ledger) Len() int { return l.promises }

// Promised tells how many instances of a pool are promised to others than the
// holder of a key.
func (l *Ledger) Promised(key string, of place.Key, stock Stock) int32 {
	if l.pools[of] == nil {
		return 0
	}
	gone := stock.Gone(of)
	p := l.settle(of, gone)
	if p == nil {
		return 0
	}
	// A market that is older than the figures does not show as gone what is not
	// promised any more either.
	sum := p.sum + p.gone - gone
	if own := l.promiseOf(key, of); own != nil {
		sum -= own.instances
	}
	return int32(min(max(0, sum), math.MaxInt32))
}

// Promise gives the holder of a key promises instead of those it has: of each
// pool so many instances, above 0.
func (l *Ledger) Promise(key string, now time.Time, instances map[place.Key]int32, stock Stock) {
	if old := l.holders[key]; old != nil {
		l.forget(old, stock)
	}
	if len(instances) == 0 {
		return
	}
	h := &holder{key: key, made: now, promises: make(map[place.Key]*list.Element, len(instances))}
	l.holders[key] = l.line.PushBack(h)
	for of, count := range instances {
		p := l.settle(of, stock.Gone(of))
		if p == nil {
			p = &pool{gone: stock.Gone(of), line: list.New()}
			l.pools[of] = p
		}
		h.promises[of] = p.line.PushBack(&promise{holder: h, instances: int64(count)})
		p.sum += int64(count)
		l.promises++
	}
	for len(l.holders) > maxHolders || l.promises > maxPromises && len(l.holders) > 1 {
		l.forget(l.line.Front(), stock)
	}
}

// settle takes what the stock of a pool has lost off its oldest promises. It
// gives the pool, or nil when nothing of it is promised.
func (l *Ledger) settle(of place.Key, gone int64) *pool {
	p := l.pools[of]
	if p == nil || gone <= p.gone {
		return p
	}
	launched := gone - p.gone
	p.gone = gone
	for front := p.line.Front(); front != nil && launched > 0; front = p.line.Front() {
		oldest := promiseIn(front)
		kept := min(launched, oldest.instances)
		oldest.instances -= kept
		p.sum -= kept
		launched -= kept
		if oldest.instances == 0 {
			l.remove(of, p, front)
		}
	}
	return l.pools[of]
}

// forget drops a holder and all that is promised to it. What stock has gone was
// gone before, to the oldest.
func (l *Ledger) forget(element *list.Element, stock Stock) {
	h := holderIn(element)
	for of := range h.promises {
		p := l.settle(of, stock.Gone(of))
		if promised := h.promises[of]; promised != nil {
			p.sum -= promiseIn(promised).instances
			l.remove(of, p, promised)
		}
	}
	// The last promise to go has taken the holder along.
}

// remove takes a promise out of all books, and what is empty then.
func (l *Ledger) remove(of place.Key, p *pool, promised *list.Element) {
	h := promiseIn(promised).holder
	p.line.Remove(promised)
	l.promises--
	if p.line.Len() == 0 {
		delete(l.pools, of)
	}
	delete(h.promises, of)
	if len(h.promises) == 0 {
		l.line.Remove(l.holders[h.key])
		delete(l.holders, h.key)
	}
}

// promiseOf is what a holder has been promised of a pool, or nil.
func (l *Ledger) promiseOf(key string, of place.Key) *promise {
	element := l.holders[key]
	if key == "" || element == nil {
		return nil
	}
	if promised := holderIn(element).promises[of]; promised != nil {
		return promiseIn(promised)
	}
	return nil
}

func holderIn(element *list.Element) *holder {
	h, _ := element.Value.(*holder)
	return h
}

func promiseIn(element *list.Element) *promise {
	p, _ := element.Value.(*promise)
	return p
}
