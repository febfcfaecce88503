package probe_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/seed-198b1370/muster/pkg/clock"
	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
	"github.com/seed-198b1370/muster/services/healthcheck/internal/probe"
)

func TestMain(m *testing.M) {
	if port := os.Getenv(takerEnv); port != "" {
		takeConnections()
		return
	}
	goleak.VerifyTestMain(m)
}

var loopback = netip.MustParseAddr("127.0.0.1")

func portOf(address net.Addr) int32 { return int32(address.(*net.TCPAddr).Port) }

// question makes a question of a kind.
func question(port int32, timeout time.Duration, kind func(*healthv1.Probe)) *probe.Question {
	asked := &healthv1.Probe{Port: port, Interval: durationpb.New(time.Second), Timeout: durationpb.New(timeout)}
	kind(asked)
	return probe.NewQuestion(asked)
}

func tcp(p *healthv1.Probe) { p.Kind = &healthv1.Probe_Tcp{Tcp: &healthv1.TcpProbe{}} }

func get(path string, want int32) func(*healthv1.Probe) {
	return func(p *healthv1.Probe) {
		p.Kind = &healthv1.Probe_Http{Http: &healthv1.HttpProbe{Path: path, ExpectedStatus: want}}
	}
}

func serving(service string) func(*healthv1.Probe) {
	return func(p *healthv1.Probe) { p.Kind = &healthv1.Probe_Grpc{Grpc: &healthv1.GrpcProbe{Service: service}} }
}

// listen serves each connection with a function until the test ends.
func listen(t *testing.T, serve func(*net.TCPConn)) int32 {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	group.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			group.Go(func() {
				defer conn.Close()
				serve(conn.(*net.TCPConn))
			})
		}
	})
	t.Cleanup(func() {
		listener.Close()
		group.Wait()
	})
	return portOf(listener.Addr())
}

func silent(conn *net.TCPConn) { io.Copy(io.Discard, conn) }
func resets(conn *net.TCPConn) { conn.SetLinger(0) }

// What an instance does, and what is said of it.
func TestQuestion_Ask(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/well":
		case "/moved":
			http.Redirect(w, r, "/sick", http.StatusFound)
		case "/endless":
			for {
				if _, err := w.Write(make([]byte, 1<<16)); err != nil {
					return
				}
			}
		default:
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer web.Close()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	states := health.NewServer()
	states.SetServingStatus("sick", healthpb.HealthCheckResponse_NOT_SERVING)
	rpc := grpc.NewServer()
	healthpb.RegisterHealthServer(rpc, states)
	go rpc.Serve(listener)
	defer rpc.Stop()
	webPort, rpcPort := portOf(web.Listener.Addr()), portOf(listener.Addr())
	speaks := func(conn *net.TCPConn) {
		conn.Write([]byte("220 mail ready\r\n"))
		silent(conn)
	}
	garbage := func(conn *net.TCPConn) {
		conn.Write([]byte(strings.Repeat("\x00\xffnonsense\r\n", 100)))
	}
	for name, test := range map[string]struct {
		question *probe.Question
		want     string
	}{
		"TCP, silent":              {question(listen(t, silent), time.Second, tcp), ""},
		"TCP, speaks first":        {question(listen(t, speaks), time.Second, tcp), ""},
		"TCP, closes":              {question(listen(t, func(*net.TCPConn) {}), time.Second, tcp), ""},
		"TCP, refused":             {question(portOf(closed.Addr()), time.Second, tcp), "connection refused"},
		"TCP, reset at once":       {question(listen(t, resets), time.Second, tcp), "connection reset"},
		"HTTP, well":               {question(webPort, time.Second, get("/well", 0)), ""},
		"HTTP, another is wanted":  {question(webPort, time.Second, get("/well", 204)), "status 200, want 204"},
		"HTTP, sick":               {question(webPort, time.Second, get("/sick", 0)), "status 503, want 200 to 399"},
		"HTTP, sick as wanted":     {question(webPort, time.Second, get("/sick", 503)), ""},
		"HTTP, redirect":           {question(webPort, time.Second, get("/moved", 0)), ""},
		"HTTP, endless":            {question(webPort, 5*time.Second, get("/endless", 0)), ""},
		"HTTP, silent":             {question(listen(t, silent), 50*time.Millisecond, get("/", 0)), "no answer within 50ms"},
		"HTTP, reset":              {question(listen(t, resets), time.Second, get("/", 0)), "connection reset"},
		"HTTP, garbage":            {question(listen(t, garbage), time.Second, get("/", 0)), "not an answer that can be read"},
		"gRPC, well":               {question(rpcPort, 5*time.Second, serving("")), ""},
		"gRPC, sick":               {question(rpcPort, 5*time.Second, serving("sick")), "NOT_SERVING, want SERVING"},
		"gRPC, unknown":            {question(rpcPort, 5*time.Second, serving("nobody")), "gRPC error NotFound"},
		"gRPC, silent":             {question(listen(t, silent), 50*time.Millisecond, serving("")), "no answer within 50ms"},
		"gRPC, reset":              {question(listen(t, resets), time.Second, serving("")), "connection refused, reset or closed"},
		"gRPC, an HTTP server":     {question(webPort, time.Second, serving("")), "connection refused, reset or closed"},
		"TCP, a port of an answer": {question(webPort, 20*time.Millisecond, tcp), ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := ""
			if err := test.question.Ask(t.Context(), loopback); err != nil {
				got = err.Error()
			}
			if got != test.want {
				t.Errorf("said %q, want %q", got, test.want)
			}
		})
	}
}

// However an instance answers, nothing is left open.
func TestQuestion_Ask_leaksNothing(t *testing.T) {
	fds := func() int {
		open, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(open)
	}
	hanging, resetting := listen(t, silent), listen(t, resets)
	before := fds()
	for range 20 {
		for _, kind := range []func(*healthv1.Probe){tcp, get("/", 0), serving("")} {
			for _, port := range []int32{hanging, resetting} {
				_ = question(port, 10*time.Millisecond, kind).Ask(t.Context(), loopback)
			}
		}
	}
	deadline := time.After(30 * time.Second)
	for fds() > before+3 { // the other side closes a moment later
		select {
		case <-time.After(time.Millisecond):
		case <-deadline:
			t.Fatalf("%d descriptors are open, %d before", fds(), before)
		}
	}
}

// A scheduler that is told what to answer.
func newScheduler(config probe.SchedulerConfig) *probe.Scheduler[int] {
	config.Wall = clock.NewWall()
	if config.Speed == nil {
		config.Speed = func() float64 { return 1 }
	}
	return probe.NewScheduler[int](config)
}

// each interval, give or take a tenth, and at once never: instances that come
// together are asked spread over an interval.
func TestScheduler_keepsIntervals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		asks := map[netip.Addr][]time.Time{}
		var mu sync.Mutex
		s := newScheduler(probe.SchedulerConfig{Ask: func(_ context.Context, _ *probe.Question, host netip.Addr) error {
			mu.Lock()
			defer mu.Unlock()
			asks[host] = append(asks[host], time.Now())
			return errors.New("no")
		}})
		ended := make(chan bool)
		go func() { s.Run(ctx); close(ended) }()
		go func() {
			for {
				select {
				case <-s.Results():
				case <-ctx.Done():
					return
				}
			}
		}()
		begun := time.Now()
		asked := probe.NewQuestion(&healthv1.Probe{Interval: durationpb.New(30 * time.Second), Timeout: durationpb.New(time.Second)})
		for i := range 100 {
			s.Set(i, netip.AddrFrom4([4]byte{127, 64, 0, byte(i)}), []*probe.Question{asked}, 1)
		}
		time.Sleep(10 * time.Minute)
		cancel()
		<-ended
		early := 0
		for host, times := range asks {
			if len(times) < 17 || len(times) > 23 {
				t.Errorf("%v was asked %d times in 10 minutes", host, len(times))
			}
			if times[0].Sub(begun) < 15*time.Second {
				early++
			}
			for i := range times[1:] {
				if gap := times[i+1].Sub(times[i]); gap < 26*time.Second || gap > 34*time.Second {
					t.Errorf("%v was asked again after %v", host, gap)
				}
			}
		}
		if early < 25 || early > 75 {
			t.Errorf("%d of 100 were first asked in the first half of the interval", early)
		}
	})
}

// However fast the cloud's clock runs, no instance is asked more than once a
// second, give or take a tenth; and never are more asked at a time than allowed.
func TestScheduler_isBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var inFlight, most, total atomic.Int64
		s := newScheduler(probe.SchedulerConfig{
			MaxInFlight: 10, Speed: func() float64 { return 3600 },
			Ask: func(ctx context.Context, _ *probe.Question, _ netip.Addr) error {
				total.Add(1)
				now := inFlight.Add(1)
				defer inFlight.Add(-1)
				for old := most.Load(); now > old && !most.CompareAndSwap(old, now); old = most.Load() {
				}
				select { // nobody answers
				case <-time.After(100 * time.Millisecond):
				case <-ctx.Done():
				}
				return errors.New("no")
			},
		})
		ended := make(chan bool)
		go func() { s.Run(ctx); close(ended) }()
		go func() {
			for {
				select {
				case <-s.Results():
				case <-ctx.Done():
					return
				}
			}
		}()
		asked := probe.NewQuestion(&healthv1.Probe{Interval: durationpb.New(30 * time.Second)})
		for i := range 50 {
			s.Set(i, loopback, []*probe.Question{asked}, 1)
		}
		time.Sleep(10 * time.Second)
		cancel()
		<-ended
		if most.Load() != 10 {
			t.Errorf("%d were asked at a time", most.Load())
		}
		if got := total.Load(); got > 50*12 || got < 50*7 {
			t.Errorf("asked %d times in 10 seconds", got)
		}
	})
}

// Who is removed, or is asked other things, is not asked the old ones any more.
func TestScheduler_setAndRemove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s := newScheduler(probe.SchedulerConfig{Ask: func(context.Context, *probe.Question, netip.Addr) error { return nil }})
		ended := make(chan bool)
		go func() { s.Run(ctx); close(ended) }()
		asked := []*probe.Question{probe.NewQuestion(&healthv1.Probe{Interval: durationpb.New(time.Second)})}
		s.Set(1, loopback, asked, 1)
		if got := <-s.Results(); got.Key != 1 || got.Round != 1 || got.Failure != "" {
			t.Errorf("got %+v", got)
		}
		s.Set(1, loopback, asked, 2)
		for range 3 {
			if got := <-s.Results(); got.Round != 2 {
				t.Errorf("got %+v", got)
			}
		}
		s.Remove(1)
		time.Sleep(10 * time.Second)
		select {
		case got := <-s.Results():
			t.Errorf("after it was removed came %+v", got)
		default:
		}
		cancel()
		<-ended
	})
}
