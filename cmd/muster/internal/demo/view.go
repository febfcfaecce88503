package demo

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/seed-198b1370/muster/cmd/muster/internal/cli/wrap"
	"github.com/seed-198b1370/muster/pkg/money"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
)

// A view shows the story. On a terminal, a picture of the group is redrawn in place
// below what has been said; otherwise everything is printed line after line,
// the picture only when it has something new to tell.
type view struct {
	mu sync.Mutex
	// All guarded by mu.
	out     io.Writer
	width   func() int // how wide the terminal is; nil when there is none
	drawn   int        // lines of the picture that stand on the terminal
	status  string     // status line that was printed last
	printed time.Time  // simulated time of that
	pools   string     // pools that were printed last
	current *snapshot
}

// lineEvery is the simulated time between two status lines while the group is
// being delivered.
const lineEvery = 5 * time.Second

func newView(out io.Writer, width func() int) *view { return &view{out: out, width: width} }

// say tells the next step of the story.
func (v *view) say(text string) { v.print("\n==> " + text + "\n") }

// event tells what became of instances.
func (v *view) event(line string) { v.print("    " + line) }

// print prints above the picture.
func (v *view) print(text string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.erase()
	_, _ = fmt.Fprintln(v.out, wrap.Text(text, v.columns()))
	v.draw()
}

// columns is how wide the terminal is; 0 when there is none.
func (v *view) columns() int {
	if v.width == nil {
		return 0
	}
	return v.width()
}

// show shows how the group stands.
func (v *view) show(now *snapshot) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.current = now
	if v.width != nil {
		v.erase()
		v.draw()
		return
	}
	status := statusLine(now)
	if status == v.status || now.time.Before(v.printed.Add(lineEvery)) && !now.delivered() {
		return
	}
	v.status, v.printed = status, now.time
	_, _ = fmt.Fprintf(v.out, "%s  %s\n", now.time.Format(time.TimeOnly), status)
	if pools := poolLines(now); now.delivered() && pools != v.pools {
		v.pools = pools
		_, _ = fmt.Fprint(v.out, pools)
	}
}

// erase removes the picture from the terminal.
func (v *view) erase() {
	if v.drawn > 0 {
		_, _ = fmt.Fprintf(v.out, "\x1b[%dA\x1b[J", v.drawn)
		v.drawn = 0
	}
}

// draw draws the picture at the end of the terminal, no line of it longer than
// the terminal is wide: a line that wraps could not be erased.
func (v *view) draw() {
	if v.width == nil || v.current == nil {
		return
	}
	width := v.width()
	picture := fmt.Sprintf("\n%s  %s\n          %s\n%s", v.current.time.Format(time.TimeOnly), capacityLine(v.current),
		costLine(v.current), poolLines(v.current))
	for line := range strings.Lines(picture) {
		line = strings.TrimSuffix(line, "\n")
		_, _ = fmt.Fprintln(v.out, line[:min(len(line), width)])
		v.drawn++
	}
}

// end tells the end of the story and leaves the picture above it.
func (v *view) end(text string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.erase()
	v.draw()
	text = wrap.Text("\n==> "+text, v.columns())
	v.width, v.drawn = nil, 0
	_, _ = fmt.Fprintln(v.out, text)
}

// statusLine tells capacity and cost in one line.
func statusLine(s *snapshot) string { return capacityLine(s) + "  " + costLine(s) }

func capacityLine(s *snapshot) string {
	capacity := s.group.GetCapacity()
	return fmt.Sprintf("%3.0f of %d units (%.0f pay-as-you-go, %.0f spot; %.0f running)", capacity.GetFulfilled(),
		s.group.GetSpec().GetTargetCapacity().GetTotal(), capacity.GetFulfilledPayAsYouGo(), capacity.GetFulfilledSpot(), capacity.GetRunning())
}

func costLine(s *snapshot) string {
	capacity, cost := s.group.GetCapacity(), s.group.GetCost()
	return fmt.Sprintf("%d noticed  %s CNY/h, all pay-as-you-go %s", capacity.GetNoticedInstances(),
		yuan(cost.GetMicrosPerHour()), yuan(cost.GetAllPayAsYouGoMicrosPerHour()))
}

// yuan writes an amount to the hundredth: nobody reads more in passing.
func yuan(micros int64) string { return fmt.Sprintf("%.2f", float64(micros)/money.MicrosPerUnit) }

// poolLines tells what the group holds of each pool, a line each: # for an
// instance that counts, ! for one with its notice.
func poolLines(s *snapshot) string {
	var lines strings.Builder
	for _, held := range s.pools {
		fmt.Fprintf(&lines, "    %-14s %-14s %-13s %4d  %s%s\n", held.instanceType, held.zone, billingWord(held.billing), held.instances,
			strings.Repeat("#", held.instances-held.noticed), strings.Repeat("!", held.noticed))
	}
	return lines.String()
}

func billingWord(billing fleetv1.BillingMethod) string {
	if billing == fleetv1.BillingMethod_BILLING_METHOD_SPOT {
		return "spot"
	}
	return "pay-as-you-go"
}

func kindWord(kind healthv1.InstanceEventKind) string {
	return strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(kind.String(), "INSTANCE_EVENT_KIND_")), "_", " ")
}

// summarize tells what happened, in figures.
func (s *story) summarize(before *snapshot) {
	now := s.watcher.latest()
	counts, cost := now.tally, now.group.GetCost()
	saved := 0.0
	if list := cost.GetAllPayAsYouGoMicrosPerHour(); list > 0 {
		saved = 100 - 100*float64(cost.GetMicrosPerHour())/float64(list)
	}
	order := "after"
	if counts.replacedBeforeRelease {
		order = "before"
	}
	s.view.end(strings.Join([]string{
		"What happened",
		fmt.Sprintf("    %d instances were launched, %d of them to replace others.", counts.created, counts.created-before.tally.created),
		fmt.Sprintf("    %d got their interruption notice. The last replacement was launched %v of simulated time after the first notice, %s the first of the %d was released.",
			counts.noticed, counts.lastReplacement.Sub(counts.firstNotice).Round(time.Millisecond), order, counts.interrupted),
		fmt.Sprintf("    The group holds %.0f of %d units for %s CNY per hour, %.0f %% below the %s that all pay-as-you-go would cost.",
			now.group.GetCapacity().GetFulfilled(), now.group.GetSpec().GetTargetCapacity().GetTotal(), yuan(cost.GetMicrosPerHour()),
			saved, yuan(cost.GetAllPayAsYouGoMicrosPerHour())),
		"",
		"Next: run `muster up`, then `muster market`, or see the README.",
	}, "\n"))
}
