package cli

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/seed-198b1370/muster/pkg/rpc"
)

// printError tells a person what went wrong and, where it is known, what to do
// about it.
func printError(out io.Writer, err error) {
	var inFile *fileError
	if errors.As(err, &inFile) {
		_, _ = fmt.Fprintln(out, inFile)
		return
	}
	s, isStatus := status.FromError(err)
	if !isStatus {
		_, _ = fmt.Fprintln(out, "muster:", err)
		return
	}
	violations := rpc.FieldViolations(err)
	if len(violations) > 0 {
		_, _ = fmt.Fprintln(out, "muster: the request was refused:")
		for _, violation := range violations {
			_, _ = fmt.Fprintf(out, "  %s: %s\n", violation.GetField(), violation.GetDescription())
		}
		return
	}
	reason := ""
	if known := rpc.ReasonOf(err); known != "" {
		reason = " (" + known + ")"
	}
	_, _ = fmt.Fprintf(out, "muster: %s%s\n", s.Message(), reason)
	if s.Code() == codes.Unavailable && strings.Contains(s.Message(), "connection") {
		_, _ = fmt.Fprintln(out, "Is the system running? Start it with: muster up")
	}
}
