package cli

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/seed-198b1370/muster/cmd/muster/internal/cli/value"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

type clockCommand struct {
	Show   clockShow   `cmd:"" default:"withargs" help:"Show the simulated time; change its speed with --speed. The default."`
	Pause  clockPause  `cmd:"" help:"Let simulated time stand still."`
	Resume clockResume `cmd:"" help:"Let simulated time run again, at its speed."`
	Step   clockStep   `cmd:"" help:"Move simulated time on by a duration. All that is due by then has happened when it answers."`
	Next   clockNext   `cmd:"" help:"Move simulated time on to the next event: something due for an instance, a fault, an account or the scenario."`
}

type clockShow struct {
	client
	Speed *float64 `placeholder:"N" help:"Simulated seconds that shall pass in one real second, 0.001 to 100,000."`
}

// Run sets the speed if one is named, then shows the clock.
func (c *clockShow) Run(ctx context.Context, on console) error {
	if c.Speed != nil {
		if err := checkSpeed(*c.Speed); err != nil {
			return err
		}
	}
	return c.simulation(func(simulation fleetv1.SimulationServiceClient) error {
		if c.Speed != nil {
			if _, err := simulation.SetClockSpeed(ctx, &fleetv1.SetClockSpeedRequest{Speed: *c.Speed}); err != nil {
				return err
			}
		}
		now, err := simulation.GetClock(ctx, &fleetv1.GetClockRequest{})
		if err != nil {
			return err
		}
		return c.show(on.out, now, func(w table) {
			paused := ""
			if now.GetPaused() {
				paused = ", paused"
			}
			row(w, fmt.Sprintf("%s at speed %v%s", stamp(now.GetTime()), now.GetSpeed(), paused))
		})
	})
}

type clockPause struct{ client }

// Run lets the clock stand still.
func (c *clockPause) Run(ctx context.Context, on console) error {
	return c.pause(ctx, on, false, "The clock stands still at %s. `muster clock resume` lets it run again.")
}

type clockResume struct{ client }

// Run lets the clock run again.
func (c *clockResume) Run(ctx context.Context, on console) error {
	return c.pause(ctx, on, true, "The clock runs again, from %s.")
}

func (c client) pause(ctx context.Context, on console, resume bool, format string) error {
	return c.simulation(func(simulation fleetv1.SimulationServiceClient) error {
		paused, err := simulation.PauseClock(ctx, &fleetv1.PauseClockRequest{Resume: resume})
		if err != nil {
			return err
		}
		return c.show(on.out, paused, func(w table) { w.say(fmt.Sprintf(format, stamp(paused.GetTime()))) })
	})
}

// mostStep is how far the clock moves on at once, at most.
const mostStep = 31 * 24 * time.Hour

type clockStep struct {
	client
	By string `arg:"" name:"duration" help:"How far, in simulated time: such as 90s, 5m, 24h or 7d, at most 31d."`
}

// Run moves the clock on by a duration.
func (c *clockStep) Run(ctx context.Context, on console) error {
	by, err := value.Within(c.By, mostStep)
	if err != nil {
		return of("DURATION", err)
	}
	return c.advance(ctx, on, func(now time.Time) *fleetv1.AdvanceClockRequest {
		return &fleetv1.AdvanceClockRequest{Target: &fleetv1.AdvanceClockRequest_To{To: timestamppb.New(now.Add(by))}}
	})
}

type clockNext struct{ client }

// Run moves the clock on to the next event.
func (c *clockNext) Run(ctx context.Context, on console) error {
	return c.advance(ctx, on, func(now time.Time) *fleetv1.AdvanceClockRequest {
		return &fleetv1.AdvanceClockRequest{Target: &fleetv1.AdvanceClockRequest_ToEventAfter{ToEventAfter: timestamppb.New(now)}}
	})
}

// advance moves the clock on from the time that it tells now.
func (c client) advance(ctx context.Context, on console, target func(now time.Time) *fleetv1.AdvanceClockRequest) error {
	return c.simulation(func(simulation fleetv1.SimulationServiceClient) error {
		before, err := simulation.GetClock(ctx, &fleetv1.GetClockRequest{})
		if err != nil {
			return err
		}
		advanced, err := simulation.AdvanceClock(ctx, target(before.GetTime().AsTime()))
		if err != nil {
			return err
		}
		return c.show(on.out, advanced, func(w table) {
			passed := advanced.GetTime().AsTime().Sub(before.GetTime().AsTime())
			if passed < time.Second {
				passed = passed.Round(time.Millisecond)
			} else { // what passed by itself between the two calls is of no interest
				passed = passed.Round(time.Second)
			}
			w.say(fmt.Sprintf("It is %s, %s later.", stamp(advanced.GetTime()), value.Spell(passed)))
		})
	})
}
