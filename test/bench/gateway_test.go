package bench_test

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/seed-198b1370/muster/cmd/muster/stack"
	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/services/gateway"
	"github.com/seed-198b1370/muster/services/gateway/auth"
)

const (
	doorCallers = 64
	doorSlice   = 700 * time.Millisecond
)

// newVerifier knows one key, ak with the secret sk.
func newVerifier(tb testing.TB) *auth.Verifier {
	tb.Helper()
	keys, err := auth.NewKeys(auth.Key{ID: "ak", Secret: "sk", AccountID: rpc.DefaultAccount})
	if err != nil {
		tb.Fatal(err)
	}
	return auth.NewVerifier(keys, auth.NewMemory(nil, auth.MemoryLimit), nil, "")
}

// A doorstep is the whole system, reached by both of its doors over the loopback
// interface.
type doorstep struct {
	*door
	fleet  fleetv1.FleetServiceClient
	groups groupv1.GroupServiceClient
}

func newDoorstep(b *testing.B) doorstep {
	b.Helper()
	running, err := stack.Start(b.Context(), stack.Config{
		CalmMarket: true, Catalog: sixtyPools(b), Listen: "127.0.0.1:0", ECSListen: "127.0.0.1:0", ECSVerifier: newVerifier(b),
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := running.Stop(); err != nil {
			b.Error(err)
		}
	})
	conn, err := rpc.Dial(running.Addr())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close() })
	return doorstep{newDoor(b, running.ECSAddr()), fleetv1.NewFleetServiceClient(conn), groupv1.NewGroupServiceClient(conn)}
}

// DescribeInstances of the first page through the gateway, with signatures of
// version 3, reaches at least 0.5 of the throughput of the same call of gRPC,
// at 64 concurrent calls.
func BenchmarkBarGatewayDescribe(b *testing.B) {
	at := newDoorstep(b)
	runBare(b, at.fleet, 0)
	ratio := compare(b,
		func() float64 {
			return throughput(b, func(caller int) error { return at.call(caller, "DescribeInstances", "RegionId=cn-shenzhen") })
		},
		func() float64 {
			return throughput(b, func(int) error {
				listed, err := at.fleet.ListInstances(b.Context(), &fleetv1.ListInstancesRequest{PageSize: 10})
				if err == nil && len(listed.GetInstances()) != 10 {
					err = fmt.Errorf("listed %d", len(listed.GetInstances()))
				}
				return err
			})
		})
	bar("gateway_describe_instances_vs_grpc_throughput", fmt.Sprintf("%.2f", ratio), ">=0.50", ratio >= 0.5)
}

// An instant CreateAutoProvisioningGroup of one instance likewise.
func BenchmarkBarGatewayCreate(b *testing.B) {
	at := newDoorstep(b)
	const query = "AutoProvisioningGroupType=instant&LaunchTemplateConfig.1.InstanceType=ecs.b0.large" +
		"&LaunchTemplateConfig.1.VSwitchId=vsw-cn-shenzhen-d&RegionId=cn-shenzhen&TotalTargetCapacity=1"
	ratio := compare(b,
		func() float64 {
			reset(b, at.fleet)
			return throughput(b, func(caller int) error { return at.call(caller, "CreateAutoProvisioningGroup", query) })
		},
		func() float64 {
			reset(b, at.fleet)
			return throughput(b, func(int) error {
				_, err := at.groups.CreateGroup(b.Context(), &groupv1.CreateGroupRequest{Spec: &groupv1.GroupSpec{
					Type: groupv1.GroupType_GROUP_TYPE_INSTANT, TargetCapacity: &groupv1.TargetCapacity{Total: 1},
					Candidates: []*groupv1.Candidate{{InstanceType: "ecs.b0.large", ZoneId: "cn-shenzhen-d", VswitchId: "vsw-cn-shenzhen-d"}},
				}})
				return err
			})
		})
	bar("gateway_create_instant_group_vs_grpc_throughput", fmt.Sprintf("%.2f", ratio), ">=0.50", ratio >= 0.5)
}

// throughput has a call made by many callers for one slice, and tells how many
// a second were answered. Each call is given the number of its caller.
func throughput(b *testing.B, call func(caller int) error) float64 {
	b.Helper()
	var answered atomic.Int64
	var callers sync.WaitGroup
	end, used := time.Now().Add(doorSlice), processorTime()
	took := seconds(func() {
		for caller := range doorCallers {
			callers.Go(func() {
				for time.Now().Before(end) {
					if err := call(caller); err != nil {
						b.Errorf("call failed: %v", err)
						return
					}
					answered.Add(1)
				}
			})
		}
		callers.Wait()
	})
	b.Logf("%d calls, %.0f us of processor time each", answered.Load(), (processorTime()-used).Seconds()*1e6/float64(answered.Load()))
	return float64(answered.Load()) / took
}

// A door is the ECS API as a client with a connection for each caller knows it.
// It is no library, so that what it costs itself is little.
type door struct {
	host   string
	nonces atomic.Int64
	conns  []*doorConn
}

type doorConn struct {
	net.Conn
	read    *bufio.Reader
	request []byte
}

func newDoor(tb testing.TB, host string) *door {
	tb.Helper()
	d := &door{host: host}
	for range doorCallers {
		conn, err := new(net.Dialer).DialContext(tb.Context(), "tcp", host)
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() { _ = conn.Close() })
		d.conns = append(d.conns, &doorConn{Conn: conn, read: bufio.NewReader(conn)})
	}
	return d
}

// emptyHash is the hash of an empty body.
const emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// call makes a call whose query is given as it is signed: encoded and in order.
func (d *door) call(caller int, action, query string) error {
	conn := d.conns[caller]
	nonce, date := strconv.FormatInt(d.nonces.Add(1), 10), time.Now().UTC().Format("2006-01-02T15:04:05Z")
	const signedHeaders = "host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version"
	headers := "host:" + d.host + "\nx-acs-action:" + action + "\nx-acs-content-sha256:" + emptyHash + "\nx-acs-date:" + date +
		"\nx-acs-signature-nonce:" + nonce + "\nx-acs-version:2014-05-26\n"
	canonical := sha256.Sum256([]byte("POST\n/\n" + query + "\n" + headers + "\n" + signedHeaders + "\n" + emptyHash))
	mac := hmac.New(sha256.New, []byte("sk"))
	_, _ = mac.Write([]byte("ACS3-HMAC-SHA256\n" + hex.EncodeToString(canonical[:])))
	conn.request = append(conn.request[:0], "POST /?"+query+" HTTP/1.1\r\n"+headers...)
	conn.request = append(conn.request, "accept:application/json\nuser-agent:bench\ncontent-length:0\nauthorization:ACS3-HMAC-SHA256 Credential=ak,SignedHeaders="+
		signedHeaders+",Signature="+hex.EncodeToString(mac.Sum(nil))+"\r\n\r\n"...)
	if _, err := conn.Write(conn.request); err != nil {
		return err
	}
	status, length, err := conn.readHead()
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		body, _ := io.ReadAll(io.LimitReader(conn.read, length))
		return fmt.Errorf("answered %d: %s", status, body)
	}
	_, err = conn.read.Discard(int(length))
	return err
}

// readHead reads the status of an answer and the length of its body.
func (c *doorConn) readHead() (status int, length int64, err error) {
	for first := true; ; first = false {
		line, err := c.read.ReadSlice('\n')
		if err != nil {
			return 0, 0, err
		}
		text := strings.TrimSpace(string(line))
		switch {
		case first && len(text) < 12:
			return 0, 0, fmt.Errorf("no HTTP: %q", text)
		case first:
			if status, err = strconv.Atoi(text[9:12]); err != nil {
				return 0, 0, err
			}
		case text == "":
			return status, length, nil
		case strings.HasPrefix(text, "Content-Length: "):
			if length, err = strconv.ParseInt(text[16:], 10, 64); err != nil {
				return 0, 0, err
			}
		}
	}
}

// Small calls cost the gateway at most 60 microseconds of processor time each,
// HTTP and the signature of version 3 included: it runs in a process of its own,
// before services that answer at once.
func BenchmarkBarGatewayCPU(b *testing.B) {
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	command := exec.CommandContext(ctx, os.Args[0], "-test.run=^$", "-test.bench=^BenchmarkGatewayAlone$", "-test.benchtime=1x")
	command.Env = append(os.Environ(), aloneEnv+"=1")
	command.Stderr = os.Stderr
	stdin, err := command.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	stdout, err := command.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := command.Start(); err != nil {
		b.Fatal(err)
	}
	lines := bufio.NewReader(stdout)
	said := func() (address string, cpu time.Duration) { // what the gateway says when it is asked
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				b.Fatal(err)
			}
			if rest, ok := strings.CutPrefix(line, "alone "); ok {
				var nanos int64
				if _, err := fmt.Sscan(rest, &address, &nanos); err != nil {
					b.Fatal(err)
				}
				return address, time.Duration(nanos)
			}
		}
	}
	address, _ := said()
	door := newDoor(b, address)
	query := "AutoProvisioningGroupId=apg-1&RegionId=" + url.QueryEscape("cn-shenzhen") + "&TerminateInstances=true"
	var costs []float64
	for range rounds {
		before := ask(b, stdin, said)
		begin := time.Now()
		rate := throughput(b, func(caller int) error { return door.call(caller, "DeleteAutoProvisioningGroup", query) })
		calls := rate * time.Since(begin).Seconds()
		costs = append(costs, (ask(b, stdin, said)-before).Seconds()*1e6/calls)
	}
	if err := stdin.Close(); err != nil {
		b.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, lines)
	if err := command.Wait(); err != nil {
		b.Error(err)
	}
	b.Logf("microseconds: %.1f", costs)
	cost := median(costs)
	bar("gateway_cpu_microseconds_a_call", fmt.Sprintf("%.1f", cost), "<=60", cost <= 60)
}

func ask(b *testing.B, stdin io.Writer, said func() (string, time.Duration)) time.Duration {
	b.Helper()
	if _, err := io.WriteString(stdin, "\n"); err != nil {
		b.Fatal(err)
	}
	_, cpu := said()
	return cpu
}

// aloneEnv makes a process of this binary a gateway.
const aloneEnv = "MUSTER_BENCH_GATEWAY_ALONE"

// atOnce answers what small calls become.
type atOnce struct {
	groupv1.GroupServiceClient
	groupv1.LaunchTemplateServiceClient
	fleetv1.FleetServiceClient
}

func (atOnce) GetGroup(context.Context, *groupv1.GetGroupRequest, ...grpc.CallOption) (*groupv1.GetGroupResponse, error) {
	return &groupv1.GetGroupResponse{Group: &groupv1.Group{Lifecycle: groupv1.Lifecycle_LIFECYCLE_ACTIVE}}, nil
}

func (atOnce) DeleteGroup(context.Context, *groupv1.DeleteGroupRequest, ...grpc.CallOption) (*groupv1.DeleteGroupResponse, error) {
	return &groupv1.DeleteGroupResponse{}, nil
}

// BenchmarkGatewayAlone is the gateway of BenchmarkBarGatewayCPU. It tells its
// address and its processor time at the beginning and for each line that it
// reads.
func BenchmarkGatewayAlone(b *testing.B) {
	if os.Getenv(aloneEnv) == "" {
		return
	}
	behind := atOnce{}
	g, err := gateway.New(gateway.Config{}, gateway.Deps{Groups: behind, Templates: behind, Fleet: behind, Verifier: newVerifier(b)})
	if err != nil {
		b.Fatal(err)
	}
	listener, err := new(net.ListenConfig).Listen(b.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- g.Serve(ctx, listener, time.Second) }()
	lines := bufio.NewScanner(os.Stdin)
	for more := true; more; more = lines.Scan() {
		fmt.Fprintf(os.Stdout, "\nalone %s %d\n", listener.Addr(), processorTime().Nanoseconds())
	}
	cancel()
	if err := <-ended; err != nil {
		b.Error(err)
	}
}
