package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"syscall"
	"time"

	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
)

const (
	// settle is how long a connection must last before a TCP probe takes it for
	// one: a host takes connections for a process that then resets them.
	settle = 100 * time.Millisecond
	// maxBodyBytes is how much of an answer is read.
	maxBodyBytes = 4 << 10
	// maxHeaderBytes is how long the headers of an answer may be.
	maxHeaderBytes = 16 << 10
)

// A Question is what is asked of instances, again and again.
type Question struct {
	probe *healthv1.Probe
	// Interval is how long from one time to the next, on the cloud's clock.
	Interval time.Duration
	// Timeout is how long an answer may take, in real time.
	Timeout time.Duration
}

// NewQuestion makes the question of a probe in which no default is left out.
func NewQuestion(probe *healthv1.Probe) *Question {
	return &Question{probe: probe, Interval: probe.GetInterval().AsDuration(), Timeout: probe.GetTimeout().AsDuration()}
}

// Ask asks the host at an address. It returns nil when the answer is good, else
// an error that says in few words what came instead. No connection is kept.
func (q *Question) Ask(ctx context.Context, host netip.Addr) error {
	ctx, cancel := context.WithTimeout(ctx, q.Timeout)
	defer cancel()
	address := netip.AddrPortFrom(host, uint16(q.probe.GetPort())).String()
	var err error
	switch kind := q.probe.GetKind().(type) {
	case *healthv1.Probe_Http:
		err = askHTTP(ctx, address, kind.Http)
	case *healthv1.Probe_Grpc:
		err = askGRPC(ctx, address, kind.Grpc.GetService())
	default:
		err = askTCP(ctx, address)
	}
	return q.inWords(ctx, err)
}

// inWords makes short words of what the network said, which are the same
// whatever port of ours was used.
func (q *Question) inWords(ctx context.Context, err error) error {
	var timeout net.Error
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil || errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Errorf("no answer within %v", q.Timeout)
	case errors.Is(err, syscall.ECONNREFUSED):
		return errors.New("connection refused")
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return errors.New("connection reset")
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("connection closed without an answer")
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return errors.New("no route to the instance")
	}
	var wrong *answerError
	if errors.As(err, &wrong) {
		return wrong
	}
	return errors.New("not an answer that can be read")
}

// An answerError is an answer that was read and is not a good one.
type answerError struct{ text string }

// Error implements error.
func (e *answerError) Error() string { return e.text }

func wrongAnswer(format string, args ...any) error { return &answerError{fmt.Sprintf(format, args...)} }

// dial connects without keeping the port busy afterwards: a closed connection is
// reset, so that none waits for a minute in the kernel's table.
func dial(ctx context.Context, _, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{KeepAlive: -1}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // only a courtesy to the kernel
	}
	return conn, nil
}

// askTCP connects and holds the connection for a moment.
func askTCP(ctx context.Context, address string) error {
	conn, err := dial(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	deadline, _ := ctx.Deadline()
	if err := conn.SetReadDeadline(settleBy(deadline)); err != nil {
		return err
	}
	var one [1]byte
	_, err = conn.Read(one[:])
	switch {
	case err == nil, errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, io.EOF):
		return nil // it speaks first, it waits, or it has nothing to say
	default:
		return err
	}
}

// settleBy is until when a connection must last, of a probe with a deadline.
func settleBy(deadline time.Time) time.Time {
	by := time.Now().Add(settle) //nolint:forbidigo // deadlines of real connections are real time
	if deadline.Before(by) {
		return deadline
	}
	return by
}

// askHTTP gets a path.
func askHTTP(ctx context.Context, address string, probe *healthv1.HttpProbe) error {
	transport := &http.Transport{DialContext: dial, DisableKeepAlives: true, MaxResponseHeaderBytes: maxHeaderBytes, DisableCompression: true}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+probe.GetPath(), http.NoBody)
	if err != nil {
		return err
	}
	request.Header.Set("User-Agent", "muster-health")
	response, err := transport.RoundTrip(request) // a redirect is an answer
	if err != nil {
		return err
	}
	_, _ = io.CopyN(io.Discard, response.Body, maxBodyBytes) // its beginning is enough
	_ = response.Body.Close()
	status, want := response.StatusCode, int(probe.GetExpectedStatus())
	if want != 0 && status != want {
		return wrongAnswer("status %d, want %d", status, want)
	}
	if want == 0 && (status < 200 || status > 399) {
		return wrongAnswer("status %s, want 200 to 399", strconv.Itoa(status))
	}
	return nil
}
