package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/seed-198b1370/muster/pkg/rpc"
)

// An unreachableError tells that a call got no answer from a server.
type unreachableError struct {
	server string
	cause  error
}

// Error implements error.
func (e *unreachableError) Error() string { return "can not reach " + e.server }

// Unwrap returns what the connection said.
func (e *unreachableError) Unwrap() error { return e.cause }

// advice tells what may help: a connection that was made and then fell over TLS
// was made to something that runs.
func (e *unreachableError) advice() string {
	cause := e.cause.Error()
	for _, sign := range []struct{ text, advice string }{
		{"first record does not look like a TLS handshake", "It speaks plain text: leave out the flags of TLS, and look for MUSTER_TLS in the environment."},
		{"expired certificate", "The certificate in --tls-cert-file has expired."},
		{"unknown certificate authority", "It does not know the authority of the certificate in --tls-cert-file."},
		{"certificate required", "It lets in only who has a certificate: name one with --tls-cert-file and --tls-key-file."},
		{"broken pipe", "It breaks connections off. Does it let in only who has a certificate? Name one with --tls-cert-file and --tls-key-file."},
		{"certificate signed by unknown authority", "Its certificate is signed by an authority that is not trusted: name that with --tls-ca-file."},
		{"x509:", "Its certificate is not accepted: " + afterLast(cause, "x509:")},
		{"server preface", "It answers, but not in plain text. Does it want TLS? Name the authority of its certificate with --tls-ca-file."},
		{"tls:", "There is no agreement over TLS: " + afterLast(cause, "tls:")},
	} {
		if strings.Contains(cause, sign.text) {
			return sign.advice
		}
	}
	return "Is the system running? Start it with: muster up"
}

// afterLast is what follows the last mark in a text, as a sentence.
func afterLast(text, mark string) string {
	return strings.Trim(text[strings.LastIndex(text, mark)+len(mark):], "\" ") + "."
}

// A repeatableError tells that a call may or may not have been carried out, and
// the flag with which it is the same call again.
type repeatableError struct {
	flag  string // with its value
	cause error
}

// Error implements error.
func (e *repeatableError) Error() string { return e.cause.Error() }

// Unwrap returns how the call failed.
func (e *repeatableError) Unwrap() error { return e.cause }

// A statusError is an error of a call.
type statusError interface {
	error
	GRPCStatus() *status.Status
}

// statusOf finds the status in an error, however it was wrapped; nil when there
// is none.
func statusOf(err error) *status.Status {
	var found statusError
	if !errors.As(err, &found) {
		return nil
	}
	return found.GRPCStatus()
}

// isCancelled tells whether an error says no more than that a command was ended.
func isCancelled(err error) bool {
	return errors.Is(err, context.Canceled) || statusOf(err).Code() == codes.Canceled // no status has the code OK
}

// isConnectionLoss tells whether a call failed because of the connection, and
// not because a service refused it.
func isConnectionLoss(err error) bool {
	s := statusOf(err)
	if s == nil || s.Code() != codes.Unavailable || len(s.Details()) > 0 {
		return false
	}
	// Nothing but its words tells an error of the client library from one that
	// a server sent.
	for _, word := range []string{
		"connection", "transport", "broken pipe", "reading from server", "resolver", "lookup", "RST_STREAM", "SubConn", "HTTP status",
	} {
		if strings.Contains(s.Message(), word) {
			return true
		}
	}
	return false
}

// isPassing tells whether a call that failed is worth another attempt: its
// server is away, is stopping, or waits for another.
func isPassing(err error) bool {
	s := statusOf(err)
	if s == nil {
		return false
	}
	switch s.Code() {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Canceled, codes.Aborted:
		return true
	default:
		return false
	}
}

// printError tells a person what went wrong and, where it is known, what to do
// about it.
func printError(out io.Writer, err error, flags flagFields) {
	var inFile *fileError
	var away *unreachableError
	switch {
	case errors.As(err, &inFile):
		say(out, strings.Join(inFile.linesFor(flags), "\n"))
	case errors.As(err, &away):
		say(out, "muster: "+away.Error())
		say(out, away.advice())
	default:
		printRefusal(out, err, flags)
	}
	printRepeat(out, err)
}

func printRefusal(out io.Writer, err error, flags flagFields) {
	var refused statusError
	if !errors.As(err, &refused) {
		say(out, "muster: "+err.Error())
		return
	}
	s := refused.GRPCStatus()
	violations := rpc.FieldViolations(s.Err())
	if len(violations) > 0 {
		say(out, "muster: the request was refused:")
		for _, violation := range violations {
			what, text := violation.GetField(), plainWords(violation.GetDescription())
			if flag := flags.of(violation.GetField()); flag != "" {
				what, text = flag, text+" ("+violation.GetField()+")"
			}
			say(out, fmt.Sprintf("  %s: %s", what, text))
		}
		sayAdvice(out, s)
		return
	}
	// What was wrapped around the status is for people; its own text is not.
	text := plainWords(strings.ReplaceAll(err.Error(), refused.Error(), s.Message()))
	if known := rpc.ReasonOf(s.Err()); known != "" {
		text += " (" + known + ")"
	}
	say(out, "muster: "+text)
	sayAdvice(out, s)
}

// printRepeat tells how a call whose fate is not known can be repeated.
func printRepeat(out io.Writer, err error) {
	var repeatable *repeatableError
	if errors.As(err, &repeatable) {
		say(out, "It can be repeated safely with "+repeatable.flag)
	}
}

// printUsage tells what is wrong with a command line and where its help is.
func printUsage(out io.Writer, err error, parsed *kong.Context) {
	command := "muster"
	if parsed != nil && parsed.Selected() != nil {
		command = helpedBy(parsed.Selected()).FullPath()
	}
	say(out, "muster: "+strings.ReplaceAll(err.Error(), "\n", "\nmuster: "))
	say(out, "Try: "+command+" --help")
}

// helpedBy is the command whose help tells of a command: a default subcommand
// need not have been named.
func helpedBy(node *kong.Node) *kong.Node {
	if node.Parent != nil && node.Parent.DefaultCmd == node {
		return node.Parent
	}
	return node
}
