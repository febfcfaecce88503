package probe

import (
	"container/heap"
	"context"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"github.com/seed-198b1370/muster/pkg/clock"
)

const (
	// minInterval is how long, in real time, from one probe to the next at
	// least, however fast the cloud's clock runs.
	minInterval = time.Second
	// defaultInFlight bounds the probes that wait for an answer.
	defaultInFlight = 4096
	// gather is how long the scheduler sleeps at least, so that it wakes for
	// several probes at a time.
	gather = 5 * time.Millisecond
	// jitterPercent is by how much an interval varies, so that probes do not
	// march in step.
	jitterPercent = 10
)

// A Result is what came of asking once.
type Result[K any] struct {
	// Key names the instance, Probe the question: its place among those given.
	Key   K
	Probe int
	// Failure is empty for a good answer, else what came instead.
	Failure string
	// Round is that of the questions, see [Scheduler.Set].
	Round uint32
}

// SchedulerConfig tells how a scheduler works.
type SchedulerConfig struct {
	// MaxInFlight bounds the probes that wait for an answer; 0 means 4,096.
	// Those beyond it come later.
	MaxInFlight int
	// Seed decides when each instance is asked.
	Seed uint64
	// Wall is the clock that intervals are kept by.
	Wall clock.Clock
	// Speed tells how many seconds of the cloud's time pass in a real one.
	Speed func() float64
	// Ask asks once. Nil: [Question.Ask].
	Ask func(context.Context, *Question, netip.Addr) error
}

// A Scheduler asks instances, each by its questions, again and again. Its
// methods are safe for use by several goroutines; Run is called once.
type Scheduler[K comparable] struct {
	config  SchedulerConfig
	results chan Result[K]
	wake    chan struct{} // has one item when something is due earlier

	mu     sync.Mutex
	random *rand.Rand
	queue  queue[K]
	asked  map[K][]*asked[K]
}

// asked is one question to one instance.
type asked[K any] struct {
	key      K
	question *Question
	host     netip.Addr
	due      time.Time
	probe    int
	round    uint32
	dropped  bool
}

// NewScheduler makes a scheduler that asks nobody yet.
func NewScheduler[K comparable](config SchedulerConfig) *Scheduler[K] {
	if config.MaxInFlight == 0 {
		config.MaxInFlight = defaultInFlight
	}
	if config.Ask == nil {
		config.Ask = func(ctx context.Context, q *Question, host netip.Addr) error { return q.Ask(ctx, host) }
	}
	return &Scheduler[K]{
		config: config, results: make(chan Result[K], 256), wake: make(chan struct{}, 1),
		random: rand.New(rand.NewPCG(config.Seed, 0)), asked: map[K][]*asked[K]{},
	}
}

// Results gives what instances answered. Whoever does not read it holds up
// further probes.
func (s *Scheduler[K]) Results() <-chan Result[K] { return s.results }

// Set asks an instance these questions from now on, and no others. The first
// time is somewhere within an interval, so that instances that come together are
// not asked together. Results carry the round, by which those of earlier
// questions can be told.
func (s *Scheduler[K]) Set(key K, host netip.Addr, questions []*Question, round uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(key)
	now := s.config.Wall.Now()
	for i, question := range questions {
		one := &asked[K]{key: key, question: question, host: host, probe: i, round: round}
		one.due = now.Add(time.Duration(s.random.Int64N(int64(s.interval(question)))))
		s.asked[key] = append(s.asked[key], one)
		heap.Push(&s.queue, one)
	}
	s.rouse()
}

// Remove asks an instance nothing any more.
func (s *Scheduler[K]) Remove(key K) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(key)
}

// drop forgets the questions to an instance; the queue loses them as they come
// due. The caller holds mu.
func (s *Scheduler[K]) drop(key K) {
	for _, one := range s.asked[key] {
		one.dropped = true
	}
	delete(s.asked, key)
}

func (s *Scheduler[K]) rouse() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// interval is how long from one time to the next, in real time.
func (s *Scheduler[K]) interval(question *Question) time.Duration {
	return max(minInterval, time.Duration(float64(question.Interval)/s.config.Speed()))
}

// Run asks until the context ends, and returns when no probe is on its way any
// more.
func (s *Scheduler[K]) Run(ctx context.Context) {
	var inFlight sync.WaitGroup
	defer inFlight.Wait()
	slots := make(chan struct{}, s.config.MaxInFlight)
	for {
		due, next := s.takeDue()
		for _, one := range due {
			select {
			case slots <- struct{}{}:
			case <-ctx.Done():
				return
			}
			inFlight.Go(func() {
				s.ask(ctx, one)
				<-slots
			})
		}
		if !s.sleep(ctx, next) {
			return
		}
	}
}

// takeDue takes what is due, and tells when more will be; the zero time for
// never.
func (s *Scheduler[K]) takeDue() (due []*asked[K], next time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.config.Wall.Now()
	for len(s.queue) > 0 {
		first := s.queue[0]
		if first.due.After(now) && !first.dropped {
			return due, first.due
		}
		heap.Pop(&s.queue)
		if !first.dropped {
			due = append(due, first)
		}
	}
	return due, time.Time{}
}

// sleep waits for the next time; false when the context ended.
func (s *Scheduler[K]) sleep(ctx context.Context, next time.Time) bool {
	var timer <-chan time.Time
	if !next.IsZero() {
		if soonest := s.config.Wall.Now().Add(gather); next.Before(soonest) {
			next = soonest
		}
		waiting := s.config.Wall.NewTimer(next)
		defer waiting.Stop()
		timer = waiting.C
	}
	select {
	case <-timer:
	case <-s.wake:
	case <-ctx.Done():
		return false
	}
	return true
}

// ask asks once, tells the result, and puts the question back.
func (s *Scheduler[K]) ask(ctx context.Context, one *asked[K]) {
	result := Result[K]{Key: one.key, Probe: one.probe, Round: one.round}
	if err := s.config.Ask(ctx, one.question, one.host); err != nil {
		result.Failure = err.Error()
	}
	if ctx.Err() != nil {
		return
	}
	select {
	case s.results <- result:
	case <-ctx.Done():
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if one.dropped {
		return
	}
	interval := s.interval(one.question)
	spread := int64(interval) * jitterPercent / 100
	one.due = one.due.Add(interval + time.Duration(s.random.Int64N(2*spread+1)-spread))
	if now := s.config.Wall.Now(); one.due.Before(now) { // the machine does not keep up
		one.due = now
	}
	first := len(s.queue) == 0 || one.due.Before(s.queue[0].due)
	heap.Push(&s.queue, one)
	if first {
		s.rouse()
	}
}

// queue is a heap of questions by time.
type queue[K any] []*asked[K]

// Len implements [heap.Interface].
func (q queue[K]) Len() int { return len(q) }

// Less implements [heap.Interface].
func (q queue[K]) Less(i, j int) bool { return q[i].due.Before(q[j].due) }

// Swap implements [heap.Interface].
func (q queue[K]) Swap(i, j int) { q[i], q[j] = q[j], q[i] }

// Push implements [heap.Interface].
func (q *queue[K]) Push(x any) { *q = append(*q, x.(*asked[K])) } //nolint:errcheck,forcetypeassert // the heap holds nothing else

// Pop implements [heap.Interface].
func (q *queue[K]) Pop() any {
	last := len(*q) - 1
	x := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	return x
}
