package probe_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
	"github.com/seed-198b1370/muster/services/healthcheck/internal/probe"
)

// takerEnv makes the test binary a process that takes connections.
const takerEnv = "MUSTER_TEST_TAKES_CONNECTIONS"

// takeConnections tells its port and takes connections until its input ends.
func takeConnections() {
	listener, err := net.Listen("tcp4", "0.0.0.0:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				io.Copy(io.Discard, conn)
				conn.Close()
			}()
		}
	}()
	io.Copy(io.Discard, os.Stdin)
}

// taker starts a process that takes connections.
func taker(b *testing.B) (port int32) {
	b.Helper()
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), takerEnv+"=1")
	in, err := command.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := command.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		in.Close()
		command.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	number, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		b.Fatal(err)
	}
	return int32(number)
}

// BenchmarkScheduler measures the processor time of probing 100,000 instances
// over TCP every 30 seconds, for ten seconds, in percent of one core; the side
// that answers is another process. Beside it, in the same run, stands what bare
// connections to the same process cost, one after the other: that is the
// kernel's share, mostly. What counts is time on the processor, so that others
// on the machine matter little.
func BenchmarkScheduler(b *testing.B) {
	const instances, interval, lasts = 100_000, 30 * time.Second, 10 * time.Second
	port := taker(b)
	asked := []*probe.Question{probe.NewQuestion(&healthv1.Probe{
		Kind: &healthv1.Probe_Tcp{Tcp: &healthv1.TcpProbe{}}, Port: port,
		Interval: durationpb.New(interval), Timeout: durationpb.New(2 * time.Second),
	})}
	for b.Loop() {
		ctx, cancel := context.WithTimeout(b.Context(), lasts)
		s := newScheduler(probe.SchedulerConfig{})
		for i := range instances {
			s.Set(i, hostOf(i), asked, 1)
		}
		ended := make(chan bool)
		begun, before := time.Now(), processorTime(b)
		go func() { s.Run(ctx); close(ended) }()
		done, failed := 0, 0
		for running := true; running; {
			select {
			case result := <-s.Results():
				done++
				if result.Failure != "" {
					failed++
					b.Logf("failed: %s", result.Failure)
				}
			case <-ended:
				running = false
			}
		}
		cancel()
		used, took := processorTime(b)-before, time.Since(begun)
		each := used.Seconds() / float64(done)

		before = processorTime(b)
		for i := range done / 4 {
			bare(b, netip.AddrPortFrom(hostOf(i), uint16(port)).String())
		}
		bareEach := (processorTime(b) - before).Seconds() / float64(done/4)
		b.ReportMetric(100*each*instances/interval.Seconds(), "%-of-core")
		b.ReportMetric(each*1e6, "cpu-µs/probe")
		b.ReportMetric(each/bareEach, "of-bare")
		b.ReportMetric(float64(done)/took.Seconds(), "probes/s")
		b.ReportMetric(float64(failed), "failed")
	}
}

// hostOf spreads instances over the loopback network.
func hostOf(i int) netip.Addr {
	return netip.AddrFrom4([4]byte{127, byte(64 + i>>16), byte(i >> 8), byte(i)})
}

// bare makes a connection and resets it.
func bare(b *testing.B, address string) {
	conn, err := net.DialTimeout("tcp", address, 2*time.Second)
	if err != nil {
		b.Fatal(err)
	}
	conn.(*net.TCPConn).SetLinger(0)
	conn.Close()
}

// processorTime is what the process has used of the processors so far.
func processorTime(b *testing.B) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
