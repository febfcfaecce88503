package cli

import (
	"context"
	"log/slog"

	"github.com/seed-198b1370/muster/cmd/muster/internal/demo"
)

type demoCommand struct {
	Seed  uint64 `help:"Seed of the simulated market." default:"1"`
	Plain bool   `help:"Print lines one after another, as when the output is piped."`
}

// Run runs the demo.
func (c *demoCommand) Run(ctx context.Context, on console) error {
	config := demo.Config{Seed: c.Seed, Out: on.out, Log: on.logger(slog.LevelWarn)}
	if !c.Plain && widthOf(on.out) > 0 {
		config.Width = func() int { return widthOf(on.out) }
	}
	return demo.Run(ctx, config)
}
