package groupsvc

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/seed-198b1370/muster/pkg/clock"
	"github.com/seed-198b1370/muster/pkg/rpc"
	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/cloudtest"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store/boltstore"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store/memstore"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	payAsYouGo = fleetv1.BillingMethod_BILLING_METHOD_PAY_AS_YOU_GO
	spot       = fleetv1.BillingMethod_BILLING_METHOD_SPOT
)

// validator is made once: its rules are compiled when they are first used, which
// takes longer than a test does.
var validator = sync.OnceValues(func() (*rpc.Validator, error) { return rpc.NewValidator() })

var origin = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// A bench is the service between a cloud and a client, driven by hand.
type bench struct {
	t       testing.TB
	clock   *clock.Virtual
	cloud   *cloudtest.Cloud
	blind   bool // the allocator does not see stock
	orderly bool // the cloud is called in one order, so that ids are always the same
	health  *cloudtest.Health
	told    *stream
	watch   func() // called after each look; nil for none
	folder  string
	crash   *crash
	entropy *rand.ChaCha8

	metrics *prometheus.Registry // of the service as last started
	deps    Deps
	groups  store.Store // survives restarts when it is in memory
	service *Service
	client  groupv1.GroupServiceClient
	lt      groupv1.LaunchTemplateServiceClient
	scaling groupv1.ScalingServiceClient
	stop    func()
}

// newBench makes a bench whose cloud sells a few types in two zones. A folder
// puts the store on disk.
func newBench(t testing.TB, folder string) *bench {
	b := &bench{t: t, clock: clock.NewVirtual(origin), folder: folder, crash: &crash{}, entropy: rand.NewChaCha8([32]byte{1})}
	b.cloud = cloudtest.NewCloud(b.clock)
	b.health, b.told = &cloudtest.Health{Cloud: b.cloud}, &stream{b: b}
	b.cloud.Fault = func(point string) error { return b.crash.at(point) }
	b.cloud.Sell("zone-a", "small", 100_000, 1_000, 1_000)
	b.cloud.Sell("zone-b", "small", 100_000, 1_000, 1_000)
	b.cloud.Sell("zone-a", "large", 380_000, 1_000, 1_000)
	b.cloud.Sell("zone-b", "large", 380_000, 1_000, 1_000)
	b.start()
	t.Cleanup(func() { b.end() })
	return b
}

// start starts the service, anew after end.
func (b *bench) start() {
	b.t.Helper()
	if b.folder != "" {
		opened, err := boltstore.Open(b.folder)
		if err != nil {
			b.t.Fatal(err)
		}
		b.groups = opened
	} else if b.groups == nil {
		b.groups = memstore.New()
	}
	validator, err := validator()
	if err != nil {
		b.t.Fatal(err)
	}
	server := rpc.NewServer(validator, slog.New(slog.DiscardHandler))
	local := rpc.NewLocal()
	conn, err := local.Dial()
	if err != nil {
		b.t.Fatal(err)
	}
	fleetv1.RegisterFleetServiceServer(server, b.cloud)
	allocatorv1.RegisterAllocatorServiceServer(server, &cloudtest.Allocator{Cloud: b.cloud, Blind: b.blind})
	healthv1.RegisterHealthServiceServer(server, b.health)
	b.metrics = prometheus.NewRegistry()
	b.deps = Deps{
		Fleet: fleetv1.NewFleetServiceClient(conn), Allocator: allocatorv1.NewAllocatorServiceClient(conn),
		Health: healthv1.NewHealthServiceClient(conn), GroupEvents: b.told,
		Clock: b.clock, Metrics: b.metrics, Log: slog.New(slog.DiscardHandler),
	}
	config := Config{Entropy: b.entropy}
	if b.orderly {
		config.ParallelCalls = 1
	}
	b.service, err = compose(context.Background(), config.withDefaults(), b.deps, &crashing{Store: b.groups, crash: b.crash})
	if err != nil {
		b.t.Fatal(err)
	}
	b.deps.Metrics = nil // further replicas that a test starts count for themselves
	b.service.Register(server)
	b.client, b.lt = groupv1.NewGroupServiceClient(conn), groupv1.NewLaunchTemplateServiceClient(conn)
	b.scaling = groupv1.NewScalingServiceClient(conn)
	ctx, cancel := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(ctx, time.Second, local) })
	b.stop = func() {
		_ = conn.Close()
		cancel()
		serving.Wait()
		if b.folder != "" {
			_ = b.groups.Close()
		}
	}
}

func (b *bench) end() {
	if b.stop != nil {
		b.stop()
		b.stop = nil
	}
}

// restart is what follows a kill: the process is gone and a new one starts.
func (b *bench) restart() {
	b.t.Helper()
	b.end()
	b.crash = &crash{}
	b.start()
	if b.folder == "" {
		b.clock.Advance(6 * time.Minute) // leases in memory end by themselves
	}
}

// settle advances the clock from look to look for a while.
func (b *bench) settle(period time.Duration) error {
	end := b.clock.Now().Add(period)
	for {
		next, err := b.service.Tick(b.t.Context())
		if err != nil {
			return err
		}
		if b.watch != nil {
			b.watch()
		}
		if err := b.service.teller.Publish(b.t.Context()); err != nil {
			return err
		}
		now := b.clock.Now()
		if next.IsZero() || next.After(end) {
			b.clock.Advance(end.Sub(now))
			return nil
		}
		b.clock.Advance(next.Sub(now))
	}
}

// settled is settle for tests in which nothing fails.
func (b *bench) settled(period time.Duration) {
	b.t.Helper()
	if err := b.settle(period); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) create(spec *groupv1.GroupSpec) *groupv1.CreateGroupResponse {
	b.t.Helper()
	resp, err := b.client.CreateGroup(b.t.Context(), &groupv1.CreateGroupRequest{Spec: spec})
	if err != nil {
		b.t.Fatal(err)
	}
	return resp
}

func (b *bench) group(id string) *groupv1.Group {
	b.t.Helper()
	resp, err := b.client.GetGroup(b.t.Context(), &groupv1.GetGroupRequest{GroupId: id})
	if err != nil {
		b.t.Fatal(err)
	}
	return resp.GetGroup()
}

func (b *bench) activities(id string) []*groupv1.Activity {
	b.t.Helper()
	resp, err := b.client.ListActivities(b.t.Context(), &groupv1.ListActivitiesRequest{GroupId: id})
	if err != nil {
		b.t.Fatal(err)
	}
	return resp.GetActivities()
}

func (b *bench) members(id string) []*fleetv1.Instance { return b.cloud.Instances(TagGroup, id) }

// spec is a maintain group over the small type in both zones.
func spec(total, payAsYouGo, spot int32) *groupv1.GroupSpec {
	return &groupv1.GroupSpec{
		TargetCapacity: &groupv1.TargetCapacity{Total: total, PayAsYouGo: payAsYouGo, Spot: spot},
		Candidates:     []*groupv1.Candidate{{ZoneId: "zone-a", InstanceType: "small"}, {ZoneId: "zone-b", InstanceType: "small"}},
	}
}

func countOf(instances []*fleetv1.Instance, method fleetv1.BillingMethod) int {
	count := 0
	for _, instance := range instances {
		if instance.GetBillingMethod() == method {
			count++
		}
	}
	return count
}

// A crash kills the service at one point of all that it asks of others: from
// there on nothing it asks has an effect.
type crash struct {
	mu sync.Mutex
	// Guarded by mu.
	on     int // number of the point to die at; 0 for none
	points int
	dead   bool
	where  string
}

var errKilled = errors.New("killed")

// at counts a point and tells whether the service is dead there.
func (c *crash) at(point string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.points++
	if c.points == c.on {
		c.dead, c.where = true, point
	}
	if c.dead {
		return status.Error(codes.Unavailable, "killed")
	}
	return nil
}

// crashing is a store that a killed service can no longer reach.
type crashing struct {
	store.Store
	crash *crash
}

// Save implements store.Store.
func (c *crashing) Save(ctx context.Context, change store.Change) error {
	if c.crash.at("before Save") != nil {
		return errKilled
	}
	if err := c.Store.Save(ctx, change); err != nil {
		return err
	}
	if c.crash.at("after Save") != nil {
		return errKilled
	}
	return nil
}

// Release implements store.Store.
func (c *crashing) Release(ctx context.Context, key store.Key, done store.Done) error {
	if c.crash.at("before Release") != nil {
		return errKilled
	}
	return c.Store.Release(ctx, key, done)
}

// Claim implements store.Store.
func (c *crashing) Claim(ctx context.Context, now time.Time, lease store.Lease, limit int) ([]store.Key, error) {
	if c.crash.at("before Claim") != nil {
		return nil, errKilled
	}
	keys, err := c.Store.Claim(ctx, now, lease, limit)
	if c.crash.at("after Claim") != nil {
		return nil, errKilled
	}
	return keys, err
}
