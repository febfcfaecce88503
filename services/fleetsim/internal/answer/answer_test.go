//go:build linux

package answer_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"pgregory.net/rapid"

	"github.com/seed-198b1370/muster/services/fleetsim/internal/answer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait of these tests.
const patience = 30 * time.Second

// serve serves instances of a state until the test ends, and tells the address
// of one.
func serve(t *testing.T, state func(uint64) answer.State) netip.AddrPort {
	t.Helper()
	listener, err := answer.Listen(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() {
		ended <- answer.Serve(ctx, listener, answer.Config{
			State: func(_ context.Context, remainder uint64) answer.State { return state(remainder) },
			Delay: 10 * time.Millisecond, Log: slog.New(slog.DiscardHandler),
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return netip.AddrPortFrom(answer.Address(7), uint16(listener.Addr().(*net.TCPAddr).Port))
}

// always is the same state for the instance of number 7, and no other instance.
func always(state answer.State) func(uint64) answer.State {
	return func(remainder uint64) answer.State {
		if remainder != 7 {
			return answer.Gone
		}
		return state
	}
}

func get(t *testing.T, at netip.AddrPort, within time.Duration) (int, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+at.String()+"/any", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	return resp.StatusCode, nil
}

func check(t *testing.T, at netip.AddrPort, within time.Duration) (healthpb.HealthCheckResponse_ServingStatus, error) {
	t.Helper()
	conn, err := grpc.NewClient(at.String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	resp, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{Service: "any"})
	return resp.GetStatus(), err
}

func TestServe_answersAsTheInstanceIs(t *testing.T) {
	for name, test := range map[string]struct {
		state   answer.State
		status  int
		serving healthpb.HealthCheckResponse_ServingStatus
	}{
		"works":       {answer.Works, http.StatusOK, healthpb.HealthCheckResponse_SERVING},
		"is impaired": {answer.Impaired, http.StatusServiceUnavailable, healthpb.HealthCheckResponse_NOT_SERVING},
		"is slow":     {answer.Slow, http.StatusOK, healthpb.HealthCheckResponse_SERVING},
	} {
		t.Run(name, func(t *testing.T) {
			at := serve(t, always(test.state))
			if status, err := get(t, at, patience); status != test.status || err != nil {
				t.Errorf("HTTP: %d, %v", status, err)
			}
			if serving, err := check(t, at, patience); serving != test.serving || err != nil {
				t.Errorf("gRPC: %v, %v", serving, err)
			}
		})
	}
}

// One that is gone resets, at every address that no instance has, too.
func TestServe_resetsWhatIsGone(t *testing.T) {
	at := serve(t, always(answer.Gone))
	for _, host := range []netip.Addr{at.Addr(), netip.MustParseAddr("127.0.0.1"), answer.Address(8)} {
		conn, err := net.Dial("tcp", netip.AddrPortFrom(host, at.Port()).String())
		if err == nil {
			defer conn.Close()
			conn.SetReadDeadline(time.Now().Add(patience))
			_, err = conn.Read(make([]byte, 1))
		}
		if !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("%v: %v, want a reset", host, err)
		}
	}
}

// One that hangs takes what is sent and says nothing; and what it was does not
// last longer than it is.
func TestServe_hangs(t *testing.T) {
	var state atomic.Int64
	state.Store(int64(answer.Hangs))
	at := serve(t, func(uint64) answer.State { return answer.State(state.Load()) })
	if status, err := get(t, at, 100*time.Millisecond); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("HTTP: %d, %v", status, err)
	}
	conn, err := net.Dial("tcp", at.String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if _, err := conn.Read(make([]byte, 1)); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("TCP: %v, want silence", err)
	}
	state.Store(int64(answer.Works))
	if status, err := get(t, at, patience); status != http.StatusOK || err != nil {
		t.Errorf("HTTP after it works again: %d, %v", status, err)
	}
}

// Nothing of another machine reaches the socket: it is kept to the loopback
// interface, which the kernel holds against each packet.
func TestListen_isKeptToTheLoopbackInterface(t *testing.T) {
	listener, err := answer.Listen(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	raw, err := listener.(*net.TCPListener).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var name string
	if err := raw.Control(func(fd uintptr) { name = boundTo(t, fd) }); err != nil {
		t.Fatal(err)
	}
	if name != "lo" {
		t.Errorf("bound to %q", name)
	}
}

// Addresses are told apart as far as there are any, and stay in their network.
func TestAddress_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.Uint64().Draw(t, "a"), rapid.Uint64().Draw(t, "b")
		if (answer.Address(a) == answer.Address(b)) != (a%answer.Addresses == b%answer.Addresses) {
			t.Fatalf("%d has %v, %d has %v", a, answer.Address(a), b, answer.Address(b))
		}
		if !netip.MustParsePrefix("127.64.0.0/10").Contains(answer.Address(a)) {
			t.Fatalf("%d has %v", a, answer.Address(a))
		}
	})
}
