// Package cli owns Muster's command line: its commands and flags, and how
// answers and errors are shown to a person or to a program. It must not know
// how services do what they are asked.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/alecthomas/kong"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/seed-198b1370/muster/pkg/rpc"
)

// commands is the whole command line. The order is that of the help.
type commands struct {
	Demo    demoCommand    `cmd:"" help:"Show the main job: a group that keeps its capacity through a reclaim. Ends by itself in about a minute."`
	Up      upCommand      `cmd:"" help:"Run the whole system in this process."`
	Serve   serveCommand   `cmd:"" help:"Run one service."`
	Group   groupCommand   `cmd:"" help:"Work with auto provisioning groups."`
	Preview previewCommand `cmd:"" help:"Tell what a group file would launch now, and why, without launching it."`
	Market  marketCommand  `cmd:"" help:"Show pools with their prices and stock."`
	Fleet   fleetCommand   `cmd:"" help:"Cause trouble in the simulated cloud."`
	Clock   clockCommand   `cmd:"" help:"Show the simulated time, or change how fast it runs."`
	Events  eventsCommand  `cmd:"" help:"Follow what becomes of instances."`
}

// console is where commands read and write.
type console struct {
	in       io.Reader
	out, err io.Writer
}

// logger makes a logger that writes to the console's error side.
func (c console) logger(level slog.Level) *slog.Logger {
	return slog.New(slog.NewTextHandler(c.err, &slog.HandlerOptions{Level: level}))
}

// Exit codes of the binary.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// Run runs a command line and returns the exit code of the process: 0 when all
// went well, 1 when the command failed, 2 when the command line makes no sense.
func Run(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) int {
	var root commands
	exited := -1
	parser, err := kong.New(&root,
		kong.Name("muster"),
		kong.Description("Keeps a fleet of spot and pay-as-you-go instances at its target capacity, at the lowest cost, through reclaims."),
		kong.Writers(out, errOut),
		kong.Exit(func(code int) { exited = code }), // after --help
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(console{in: in, out: out, err: errOut}),
	)
	if err != nil {
		_, _ = fmt.Fprintln(errOut, "muster:", err)
		return exitFailed
	}
	parsed, err := parser.Parse(args)
	if exited >= 0 {
		return exited
	}
	if err != nil {
		_, _ = fmt.Fprintf(errOut, "muster: %v\nTry: muster --help\n", err)
		return exitUsage
	}
	if err := parsed.Run(); err != nil {
		if ctx.Err() != nil && isCancelled(err) {
			return exitOK // the user ended it
		}
		printError(errOut, err)
		return exitFailed
	}
	return exitOK
}

// isCancelled tells whether an error says no more than that a command was ended.
func isCancelled(err error) bool {
	return errors.Is(err, context.Canceled) || status.Code(err) == codes.Canceled
}

// client is what commands that call a running system have in common.
type client struct {
	Server string `help:"Host and port of the system to call." default:"127.0.0.1:7070" env:"MUSTER_SERVER"`
	Output string `short:"o" help:"How to show the answer: ${enum}." enum:"table,json" default:"table"`
}

// dial connects to the system. The caller closes the connection.
func (c client) dial() (*grpc.ClientConn, error) { return rpc.Dial(c.Server) }

// call runs a function with a connection to the system.
func (c client) call(do func(conn *grpc.ClientConn) error) error {
	conn, err := c.dial()
	if err != nil {
		return err
	}
	if err := do(conn); err != nil {
		_ = conn.Close() // the first error tells more
		return err
	}
	return conn.Close()
}
