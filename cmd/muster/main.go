// Command muster is Muster in one binary: the whole system in one process,
// each service alone, and the client commands.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/seed-198b1370/muster/cmd/muster/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
