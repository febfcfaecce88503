package cli

import (
	"context"
	"log/slog"
	"os"

	"golang.org/x/term"

	"github.com/seed-198b1370/muster/cmd/muster/internal/demo"
)

type demoCommand struct {
	Seed  uint64 `help:"Seed of the simulated market." default:"1"`
	Plain bool   `help:"Print lines one after another, as when the output is piped."`
}

// Run runs the demo.
func (c *demoCommand) Run(ctx context.Context, on console) error {
	file, isFile := on.out.(*os.File)
	live := !c.Plain && isFile && term.IsTerminal(int(file.Fd()))
	return demo.Run(ctx, demo.Config{Seed: c.Seed, Out: on.out, Live: live, Log: on.logger(slog.LevelWarn)})
}
