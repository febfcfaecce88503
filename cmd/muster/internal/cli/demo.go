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
	config := demo.Config{Seed: c.Seed, Out: on.out, Log: on.logger(slog.LevelWarn)}
	if file, ok := on.out.(*os.File); ok && !c.Plain && term.IsTerminal(int(file.Fd())) {
		config.Width = func() int { return width(file) }
	}
	return demo.Run(ctx, config)
}

// narrow is the width of a terminal that does not tell its own.
const narrow = 80

func width(terminal *os.File) int {
	columns, _, err := term.GetSize(int(terminal.Fd()))
	if err != nil || columns <= 0 {
		return narrow
	}
	return columns
}
