// Package system starts Muster for tests, in each of the shapes in which users
// run it, behind one surface: clients of its services. It owns processes,
// ports and folders; it must not know what is tested.
package system

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/seed-198b1370/muster/cmd/muster/stack"
	"github.com/seed-198b1370/muster/pkg/rpc"
	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
	"github.com/seed-198b1370/muster/services/fleetsim/catalog"
	"github.com/seed-198b1370/muster/services/healthcheck"
)

// Patience bounds how long a test waits for something that should come soon,
// in real time. It is long because machines are slow at times, and only a
// failing test ever waits for so long.
const Patience = 90 * time.Second

// Options tell how a system is started.
type Options struct {
	// Speed of the simulated clock; 0 means 600: an hour in six seconds.
	Speed float64
	// Catalog in the CSV form of the simulated cloud; empty means the one
	// built in.
	Catalog string
	// WildMarket lets prices and other tenants' demand move. By default they
	// stand still.
	WildMarket bool
	// LookInterval of the group service, in simulated time; 0 means its
	// default.
	LookInterval time.Duration
	// WithoutEvents starts the group service cut off from the events.
	WithoutEvents bool
	// Scenario is what the simulated cloud begins as, in YAML; it takes the place
	// of Catalog and WildMarket. Processes only.
	Scenario string
	// Store is the URL of the Redis that all replicas of the group service share;
	// empty for a folder of its own. Processes only.
	Store string
	// Replicas of the group service; 0 means one. More need a Store.
	Replicas int
	// LeaseDuration of the group service, in simulated time; 0 means its default.
	// Processes only.
	LeaseDuration time.Duration
	// Via tells at which address the others reach a service, given its name and its
	// own address; nil for that one. Processes only.
	Via func(service, address string) string
	// Folder is where processes keep their data; empty for one that goes with the
	// test.
	Folder string
	// Probed gives instances addresses at which they answer health probes, on
	// the port [System.InstancePort].
	Probed bool
}

func (o Options) speed() float64 {
	if o.Speed == 0 {
		return 600
	}
	return o.Speed
}

// A System is Muster, running.
type System struct {
	// Clients of the services.
	Groups     groupv1.GroupServiceClient
	Templates  groupv1.LaunchTemplateServiceClient
	Scaling    groupv1.ScalingServiceClient
	Allocator  allocatorv1.AllocatorServiceClient
	Fleet      fleetv1.FleetServiceClient
	Simulation fleetv1.SimulationServiceClient
	Health     healthv1.HealthServiceClient
	// InstancePort is where instances answer health probes; 0 for nowhere.
	InstancePort int
	// Conns are the connections behind the clients, one for each process.
	Conns []*grpc.ClientConn
}

// A Deployment is a shape in which the system can be started.
type Deployment struct {
	// Name of the deployment, for subtests.
	Name string
	// Start starts it; it is stopped when the test ends.
	Start func(testing.TB, Options) *System
}

// Deployments are all shapes that one machine can run without more than the
// binary, which was built with [Build].
func Deployments(binary string) []Deployment {
	return []Deployment{
		{Name: "in process", Start: StartInProcess},
		{Name: "four processes", Start: func(t testing.TB, o Options) *System { return startProcesses(t, binary, o) }},
	}
}

// StartInProcess starts everything in the test's process, state in memory.
func StartInProcess(t testing.TB, options Options) *System {
	t.Helper()
	config := stack.Config{
		Health: healthcheck.Config{PrivateWebhooks: true},
		Seed:   1, Speed: options.speed(), CalmMarket: !options.WildMarket, LookInterval: options.LookInterval,
		WithoutEvents: options.WithoutEvents, Grace: time.Second,
	}
	if options.Probed {
		config.InstancePort = -1
	}
	if options.Catalog != "" {
		parsed, err := catalog.Parse(strings.NewReader(options.Catalog))
		if err != nil {
			t.Fatal(err)
		}
		config.Catalog = parsed
	}
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	running, err := stack.Start(ctx, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := running.Stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	system := newSystem(running.Conn(), running.Conn(), running.Conn(), running.Conn())
	system.InstancePort = running.InstancePort()
	return system
}

// startProcesses starts each service in a process of its own.
func startProcesses(t testing.TB, binary string, options Options) *System {
	t.Helper()
	_, system := StartProcesses(t, binary, options)
	return system
}

// Services are the processes of a system that runs each service alone.
type Services struct {
	Fleetsim, Allocator, Healthcheck, Groupsvc *Process
	// Healthchecks are all replicas of it; Healthcheck is the first.
	Healthchecks []*Process
	// Groupsvcs are all replicas of it; Groupsvc is the first.
	Groupsvcs []*Process
}

// StartProcesses starts each service in a process of its own, on free ports of
// the loopback interface.
func StartProcesses(t testing.TB, binary string, options Options) (*Services, *System) {
	t.Helper()
	return startServices(t, binary, options, "", 1)
}

// StartReplicated is StartProcesses with so many replicas of the health check
// over a NATS server that is there.
func StartReplicated(t testing.TB, binary string, options Options, natsURL string, replicas int) (*Services, *System) {
	t.Helper()
	return startServices(t, binary, options, natsURL, replicas)
}

func startServices(t testing.TB, binary string, options Options, natsURL string, replicas int) (*Services, *System) {
	t.Helper()
	dir := options.Folder
	if dir == "" {
		dir = t.TempDir()
	}
	via := func(_, address string) string { return address }
	if options.Via != nil {
		via = options.Via
	}
	args := func(service string, more ...string) []string {
		return append([]string{"serve", service, "--listen", "127.0.0.1:0", "--log-level", "warn"}, more...)
	}
	folder := func(service string) []string { return []string{"--data-dir", filepath.Join(dir, service)} }
	instancePort := 0
	if options.Probed {
		instancePort = freePort(t)
	}
	cloud := append(folder("fleetsim"), "--speed", formatFloat(options.speed()), "--instance-listen-port", strconv.Itoa(instancePort))
	if !options.WildMarket && options.Scenario == "" {
		cloud = append(cloud, "--calm")
	}
	if options.Catalog != "" {
		cloud = append(cloud, "--catalog", writeFile(t, dir, "catalog.csv", options.Catalog))
	}
	if options.Scenario != "" {
		cloud = append(cloud, "--scenario", writeFile(t, dir, "scenario.yaml", options.Scenario))
	}
	s := &Services{}
	s.Fleetsim = StartProcess(t, binary, args("fleetsim", cloud...)...)
	s.Allocator = StartProcess(t, binary, args("allocator", "--fleet", via("fleetsim", s.Fleetsim.GRPC))...)
	for i := range replicas {
		events := append(folder("healthcheck"), "--webhooks-to-private-addresses", "--fleet", via("fleetsim", s.Fleetsim.GRPC))
		if natsURL == "" {
			events = append(events, "--nats-listen", "127.0.0.1:0")
		} else {
			events = append(events, "--nats", natsURL, "--replica-name", "replica-"+strconv.Itoa(i))
		}
		s.Healthchecks = append(s.Healthchecks, StartProcess(t, binary, args("healthcheck", events...)...))
	}
	s.Healthcheck = s.Healthchecks[0]
	if natsURL == "" {
		natsURL = s.Healthcheck.NATS
	}
	reached := neighbours{
		fleet: via("fleetsim", s.Fleetsim.GRPC), allocator: via("allocator", s.Allocator.GRPC), health: via("healthcheck", s.Healthcheck.GRPC),
	}
	for range max(1, options.Replicas) {
		s.Groupsvcs = append(s.Groupsvcs, StartProcess(t, binary, args("groupsvc", options.controller(reached, natsURL, folder)...)...))
	}
	s.Groupsvc = s.Groupsvcs[0]
	if options.WithoutEvents {
		s.Healthcheck.Kill()
	}
	system := newSystem(s.Groupsvc.Dial(t), s.Allocator.Dial(t), s.Fleetsim.Dial(t), s.Healthcheck.Dial(t))
	system.InstancePort = instancePort
	return s, system
}

// neighbours are the addresses at which the group service reaches others.
type neighbours struct{ fleet, allocator, health string }

// controller are the flags of a replica of the group service.
func (o Options) controller(n neighbours, natsURL string, folder func(string) []string) []string {
	flags := []string{"--fleet", n.fleet, "--allocator", n.allocator, "--health", n.health, "--nats", natsURL}
	if o.Store == "" {
		flags = append(flags, folder("groupsvc")...)
	} else {
		flags = append(flags, "--store", o.Store, "--log-level", "debug") // looks are counted
	}
	if o.LookInterval > 0 {
		flags = append(flags, "--look-interval", o.LookInterval.String())
	}
	if o.LeaseDuration > 0 {
		flags = append(flags, "--lease-duration", o.LeaseDuration.String())
	}
	return flags
}

func writeFile(t testing.TB, dir, name, content string) string {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// freePort is a port that nobody listens on now.
func freePort(t testing.TB) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

// StartAllInOne starts `muster up` as a process on a data folder.
func StartAllInOne(t testing.TB, binary, dataDir string, speed float64) (*Process, *System) {
	t.Helper()
	up := StartProcess(t, binary, "up", "--webhooks-to-private-addresses", "--listen", "127.0.0.1:0", "--data-dir", dataDir, "--calm", "--speed", formatFloat(speed), "--log-level", "warn",
		"--instance-listen-port", "0")
	conn := up.Dial(t)
	return up, newSystem(conn, conn, conn, conn)
}

// Connect makes the clients of a system that others started, until the test
// ends, from the addresses of its services.
func Connect(t testing.TB, groups, allocator, fleet, health string) *System {
	t.Helper()
	var conns [4]*grpc.ClientConn
	for i, address := range []string{groups, allocator, fleet, health} {
		conn, err := rpc.Dial(address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		conns[i] = conn
	}
	return newSystem(conns[0], conns[1], conns[2], conns[3])
}

func newSystem(groups, allocator, fleet, health *grpc.ClientConn) *System {
	return &System{
		Groups: groupv1.NewGroupServiceClient(groups), Templates: groupv1.NewLaunchTemplateServiceClient(groups), Allocator: allocatorv1.NewAllocatorServiceClient(allocator),
		Scaling: groupv1.NewScalingServiceClient(groups),
		Fleet:   fleetv1.NewFleetServiceClient(fleet), Simulation: fleetv1.NewSimulationServiceClient(fleet),
		Health: healthv1.NewHealthServiceClient(health), Conns: []*grpc.ClientConn{groups, allocator, fleet, health},
	}
}
