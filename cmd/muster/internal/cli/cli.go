// Package cli owns Muster's command line: its commands and flags, and how
// answers and errors are shown to a person or to a program. It must not know
// how services do what they are asked.
package cli

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/willabides/kongplete"
	"google.golang.org/grpc"

	"github.com/seed-198b1370/muster/pkg/access"
	"github.com/seed-198b1370/muster/pkg/rpc"
	"github.com/seed-198b1370/muster/pkg/secure"
)

// global is what can be asked for without a command.
type global struct {
	Version kong.VersionFlag `help:"Show the version and exit." env:"-"`
}

// A command is one that can be the first word of a command line.
type command struct {
	name, help string
	// flags is a pointer to the struct that holds its flags and commands below it.
	flags any
}

// commands are all that there are, in the order of the help.
func commands() []command {
	return []command{
		{"demo", "Show the main job: a group that keeps its capacity through a reclaim. Ends by itself in about a minute.", &demoCommand{}},
		{"up", "Run the whole system in this process.", &upCommand{}},
		{"serve", "Run one service.", &serveCommand{}},
		{"group", "Work with auto provisioning groups.", &groupCommand{}},
		{"template", "Work with launch templates, which say how the instances of groups are made.", &templateCommand{}},
		{"scaling", "Work with scaling tasks, which move the targets of groups at a time or by a metric.", &scalingCommand{}},
		{"preview", "Tell what a group file would launch now, and why, without launching it.", &previewCommand{}},
		{"market", "Show what the cloud sells: pools with their prices and stock, price history, advice.", &marketCommand{}},
		{"fleet", "Work with instances, disks, accounts and bills of the cloud, and cause trouble in the simulated one.", &fleetCommand{}},
		{"scenario", "Work with scenario files, which describe a simulated cloud from its beginning.", &scenarioCommand{}},
		{"clock", "Show the simulated time, change how fast it runs, stop it or move it on.", &clockCommand{}},
		{"health", "Show which instances can not be counted on and why, and set the rules by which they are judged.", &healthCommand{}},
		{"events", "Follow what becomes of instances.", &eventsCommand{}},
		{"webhook", "Have events sent over HTTP.", &webhookCommand{}},
		{"certs", "Make and show certificates for development.", &certsCommand{}},
		{"ready", "Ask whether a server is ready to be called; exit code 0 if it is.", &readyCommand{}},
		{"token", "Make tokens, which say who may call what.", &tokenCommand{}},
		{"completion", "Write what makes a shell complete command lines.", &completionCommand{}},
	}
}

// readable are the commands that a command line is read with: the one that its first
// word names, or all. Reading the tags of all flags of all commands takes far
// longer than most commands run.
func readable(args []string) []command {
	all := commands()
	for _, c := range all {
		if len(args) > 0 && c.name == args[0] {
			return []command{c}
		}
	}
	return all
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
	var root global
	exited := -1
	options := []kong.Option{
		kong.Name("muster"),
		kong.Description("Keeps a fleet of spot and pay-as-you-go instances at its target capacity, at the lowest cost, through reclaims.\n\n" +
			"Exit codes: 0 when all went well, 1 when a command failed or was refused, 2 when a command line makes no sense."),
		kong.Vars{"version": "muster " + version()},
		kong.Writers(out, errOut),
		kong.Exit(func(code int) { exited = code }), // after --help and --version
		kong.Help(printHelp),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true, WrapUpperBound: 100}),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(console{in: in, out: out, err: errOut}),
	}
	completing := isCompleting()
	if completing {
		args = nil // whatever they are, the shell says what is being written elsewhere
	}
	for _, c := range readable(args) {
		options = append(options, kong.DynamicCommand(c.name, c.help, "", c.flags))
	}
	if runsServices(args) {
		options = append(options, kong.DefaultEnvars(settingsPrefix))
	}
	parser, err := kong.New(&root, options...)
	if err != nil {
		printError(errOut, err, nil)
		return exitFailed
	}
	if completing {
		kongplete.Complete(parser)
		return exitOK
	}
	parsed, err := parser.Parse(args)
	if exited >= 0 {
		return exited
	}
	var misread *kong.ParseError
	if errors.As(err, &misread) {
		printUsage(errOut, err, misread.Context)
		return exitUsage
	}
	switch {
	case err == nil && asksForSettings(parsed):
		err = printSettings(out, parsed)
	case err == nil:
		err = parsed.Run()
	}
	return outcome(ctx, errOut, parsed, err)
}

// outcome tells how a command ended, as an exit code and, when it went wrong, in
// words.
func outcome(ctx context.Context, errOut io.Writer, parsed *kong.Context, err error) int {
	var misused usageError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &misused):
		printUsage(errOut, err, parsed)
		return exitUsage
	case ctx.Err() != nil && isCancelled(err): // the user ended it
		printRepeat(errOut, err)
		return exitOK
	default:
		printError(errOut, err, flagFieldsOf(parsed))
		return exitFailed
	}
}

// client is what commands that call a running system have in common.
type client struct {
	Server  string `help:"Host and port of the system to call." default:"127.0.0.1:7070" env:"MUSTER_SERVER"`
	Output  string `short:"o" help:"How to show the answer: ${enum}." enum:"table,json" default:"table"`
	Account string `placeholder:"NAME" help:"Account of the cloud to call as; by default the one that is always there." env:"MUSTER_ACCOUNT"`
	reaching
	doors
}

// call runs a function with a connection to the system.
func (c client) call(do func(conn grpc.ClientConnInterface) error) error {
	if err := errors.Join(checkAddress("--server", c.Server), c.checkDoors(), checkAccount("--account", c.Account)); err != nil {
		return err
	}
	conn := &doorConn{doors: c.doors, server: c.Server, dial: c.dial, open: map[string]*grpc.ClientConn{}}
	if err := do(accountConn{ClientConnInterface: conn, account: c.Account}); err != nil {
		_ = conn.Close() // the first error tells more
		if isConnectionLoss(err) {
			return &unreachableError{server: conn.lastCalled(), cause: err}
		}
		return err
	}
	return conn.Close()
}

// dial makes a connection to a server. It connects on first use.
func (c client) dial(server string) (*grpc.ClientConn, error) {
	files, err := c.files(server)
	if err != nil {
		return nil, err
	}
	var options []grpc.DialOption
	if files.Used() {
		credentials, err := secure.NewClientCredentials(files, slog.New(slog.DiscardHandler))
		if err != nil {
			return nil, err
		}
		options = append(options, grpc.WithTransportCredentials(credentials))
	}
	if c.Token != "" {
		token, err := access.Bearer(c.Token, files.Used(), slog.New(slog.DiscardHandler))
		if err != nil {
			return nil, err
		}
		options = append(options, grpc.WithPerRPCCredentials(token))
	}
	return rpc.Dial(server, options...)
}

// An accountConn names an account in each call, unless the name is empty.
type accountConn struct {
	grpc.ClientConnInterface
	account string
}

// Invoke implements [grpc.ClientConnInterface].
func (c accountConn) Invoke(ctx context.Context, method string, args, reply any, options ...grpc.CallOption) error {
	return c.ClientConnInterface.Invoke(c.named(ctx), method, args, reply, options...)
}

// NewStream implements [grpc.ClientConnInterface].
func (c accountConn) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, options ...grpc.CallOption) (grpc.ClientStream, error) {
	return c.ClientConnInterface.NewStream(c.named(ctx), desc, method, options...)
}

func (c accountConn) named(ctx context.Context) context.Context {
	if c.account == "" {
		return ctx
	}
	return rpc.WithAccount(ctx, c.account)
}

// printHelp prints the help of a command. One that does something without a
// subcommand shows the flags for that, too.
func printHelp(options kong.HelpOptions, parsed *kong.Context) error {
	if node := parsed.Selected(); node != nil && node.DefaultCmd != nil {
		node.Flags = append(node.Flags, node.DefaultCmd.Flags...)
	}
	if node := parsed.Selected(); node != nil {
		for _, flag := range node.Flags {
			flag.Help = spacedEnum(flag.Help, flag.Enum)
		}
	}
	return kong.DefaultHelpPrinter(options, parsed)
}

// spacedEnum is a help in which the choices of a flag can be broken into lines.
func spacedEnum(help, choices string) string {
	if choices == "" {
		return help
	}
	return strings.ReplaceAll(help, choices, strings.ReplaceAll(choices, ",", ", "))
}
