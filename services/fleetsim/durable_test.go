package fleetsim_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/seed-198b1370/muster/pkg/clock"
	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim"
	"github.com/seed-198b1370/muster/services/fleetsim/catalog"
)

// TestReopen_goesOnAsIfNothingHadHappened kills a cloud (by copying its folder)
// and closes one, after each of many random commands, and holds the reopened
// ones against the first: instances, pools, transitions, answers (S6).
func TestReopen_goesOnAsIfNothingHadHappened(t *testing.T) {
	folder := t.TempDir()
	config := fleetsim.Config{Seed: 3, DataDir: folder}
	c := start(t, config, false)
	random := rand.New(rand.NewPCG(1, 2))
	var ids []string
	for step := range 9 {
		for range 5 {
			req := launch(fmt.Sprint("r", random.IntN(60)), 1+random.Int32N(10), func(r *fleetv1.RunInstancesRequest) {
				r.MinAmount = 1
				r.ZoneId = []string{"cn-shenzhen-d", "cn-shenzhen-e"}[random.IntN(2)]
				r.SpotProtection = fleetv1.SpotProtection(random.IntN(3))
				r.Tags = map[string]string{"group": fmt.Sprint("g", random.IntN(4))}
				if random.IntN(3) == 0 {
					r.MaxPriceMicrosPerHour = 85_000
				}
			})
			if resp, err := c.fleet.RunInstances(t.Context(), req); err == nil {
				ids = append(ids, resp.GetInstanceIds()...)
			}
			c.clock.Advance(time.Duration(random.Int64N(int64(10 * time.Minute))))
		}
		some := []string{ids[random.IntN(len(ids))]}
		if _, err := c.fleet.DeleteInstances(t.Context(), &fleetv1.DeleteInstancesRequest{InstanceIds: some}); err != nil {
			t.Fatal(err)
		}
		order := &fleetv1.ReclaimInstancesRequest{MaxInstances: 5, Target: &fleetv1.ReclaimInstancesRequest_Pools{Pools: &fleetv1.PoolSelector{ZoneId: "cn-shenzhen-e"}}}
		if _, err := c.simulation.ReclaimInstances(t.Context(), order); err != nil {
			t.Fatal(err)
		}
		drained := &fleetv1.PoolSelector{ZoneId: "cn-shenzhen-f", InstanceType: "ecs.c6.large"}
		if _, err := c.simulation.DrainPools(t.Context(), &fleetv1.DrainPoolsRequest{Pools: drained}); err != nil {
			t.Fatal(err)
		}
		killed := config
		killed.DataDir = copyFolder(t, folder)
		again := start(t, killed, false)
		compare(t, c, again)
		again.stop()
		if step%3 == 2 { // in order: the journal becomes a snapshot
			now := c.clock.Now()
			c.stop()
			c = start(t, config, false)
			c.clock.Advance(now.Sub(origin))
			reference := start(t, killed, false)
			reference.clock.Advance(now.Sub(origin))
			compare(t, reference, c)
			reference.stop()
		}
	}
}

// compare lets both clouds see the same, now and hours later.
func compare(t *testing.T, a, b *cloud) {
	t.Helper()
	if behind := a.clock.Now().Sub(b.clock.Now()); behind > 0 {
		b.clock.Advance(behind)
	}
	listA, cursorA := a.list(&fleetv1.ListInstancesRequest{PageSize: 250})
	listB, cursorB := b.list(&fleetv1.ListInstancesRequest{PageSize: 250})
	if diff := cmp.Diff(listA, listB, protocmp.Transform()); diff != "" {
		t.Fatalf("instances differ: %s", diff)
	}
	if cursorA != cursorB {
		t.Fatalf("cursors differ: %s, %s", cursorA, cursorB)
	}
	total := decode(t, cursorA)
	transitionsA, _ := a.watch("", total, nil)
	transitionsB, _ := b.watch("", total, nil)
	if diff := cmp.Diff(describe(transitionsA), describe(transitionsB)); diff != "" {
		t.Fatalf("transitions differ: %s", diff)
	}
	poolsA, err := a.fleet.ListPools(t.Context(), &fleetv1.ListPoolsRequest{InstanceTypes: []string{"ecs.c6.large"}})
	if err != nil {
		t.Fatal(err)
	}
	poolsB, err := b.fleet.ListPools(t.Context(), &fleetv1.ListPoolsRequest{InstanceTypes: []string{"ecs.c6.large"}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(poolsA, poolsB, protocmp.Transform()); diff != "" {
		t.Fatalf("pools differ: %s", diff)
	}
}

func TestReopen_keepsWhatItWasBegunWith(t *testing.T) {
	config := fleetsim.Config{Seed: 5, DataDir: t.TempDir(), Origin: origin, Volatility: still()}
	first := start(t, config, true)
	first.run(launch("a", 1))
	before := first.Clock().Now()
	first.stop()

	another := config
	another.Origin, another.Speed = origin.Add(1000*time.Hour), 60
	second := start(t, another, true)
	if now := second.Clock().Now(); now.Before(before.Add(-time.Minute)) || now.After(before.Add(100*time.Hour)) {
		t.Errorf("stopped at %v, goes on at %v", before, now)
	}
	second.stop()

	c, err := catalog.Parse(strings.NewReader("zone_id,instance_type,family,architecture,vcpus,memory_mib,gpus,pay_as_you_go_micros_per_hour,spot_base_permille,capacity_instances\n" +
		"cn-test-c,ecs.a.large,ecs.a,x86,2,4096,0,1000000,200,10\n"))
	if err != nil {
		t.Fatal(err)
	}
	bad := config
	bad.Seed, bad.Volatility, bad.Catalog = 6, nil, c
	_, err = fleetsim.New(bad, fleetsim.Deps{})
	for _, want := range []string{"begun with seed 5, not 6", "begun with volatility 0, not 1", "begun with another catalog"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	// A refusal has let go of the folder.
	third := start(t, config, true)
	if all, _ := third.list(&fleetv1.ListInstancesRequest{}); len(all) != 1 {
		t.Errorf("%d instances", len(all))
	}
}

func TestNew_saysAllThatIsWrong(t *testing.T) {
	wild := 11.0
	_, err := fleetsim.New(fleetsim.Config{Speed: 1e9, Volatility: &wild, RetainTransitions: -1}, fleetsim.Deps{})
	for _, want := range []string{"speed 1e+09 is not between", "volatility 11 is not between", "-1 transitions to retain are not between"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// victimEnv names the data directory of a process that is there to be killed.
const victimEnv = "FLEETSIM_VICTIM"

// victim runs a fast cloud in a folder, launches in it as fast as it can, and
// says after each answer, and each transition, what it was told. It ends only
// when it can not begin.
func victim(folder string) {
	service, err := fleetsim.New(fleetsim.Config{Seed: 1, Speed: 600, DataDir: folder, Origin: origin}, fleetsim.Deps{})
	if err != nil {
		fmt.Println("error", err)
		return
	}
	validator, err := rpc.NewValidator()
	if err != nil {
		fmt.Println("error", err)
		return
	}
	server := rpc.NewServer(validator, slog.New(slog.DiscardHandler))
	service.Register(server)
	local := rpc.NewLocal()
	conn, err := local.Dial()
	if err != nil {
		fmt.Println("error", err)
		return
	}
	ctx := context.Background()
	go func() { _ = service.Run(ctx) }()
	go func() { _ = server.Serve(ctx, time.Second, local) }()
	fleet := fleetv1.NewFleetServiceClient(conn)
	lines := make(chan string)
	go func() {
		stream, err := fleet.WatchInstances(ctx, &fleetv1.WatchInstancesRequest{})
		for err == nil {
			var resp *fleetv1.WatchInstancesResponse
			resp, err = stream.Recv()
			for _, line := range describe(resp.GetTransitions()) {
				lines <- "saw " + line
			}
		}
	}()
	for worker := range 4 {
		go func() {
			for i := 0; ; i++ {
				// Ids repeat from one life to the next.
				id := fmt.Sprintf("w%d-%d", worker, i)
				resp, err := fleet.RunInstances(ctx, launch(id, 3, func(r *fleetv1.RunInstancesRequest) {
					r.SpotProtection, r.ZoneId = fleetv1.SpotProtection_SPOT_PROTECTION_NONE, "cn-shenzhen-"+string("cdef"[worker])
				}))
				if err == nil {
					lines <- fmt.Sprint("told ", id, " ", resp.GetInstanceIds())
				}
			}
		}()
	}
	for line := range lines {
		fmt.Println(line)
	}
}

// TestKill_losesNothingThatWasTold kills a process again and again at random
// moments. What it had told must hold in every later life: answers to the same
// request (S1, S6), and every transition that was streamed.
func TestKill_losesNothingThatWasTold(t *testing.T) {
	folder := t.TempDir()
	told := map[string]string{}
	saw := map[string]bool{}
	for life := range 6 {
		command := exec.Command(os.Args[0], "-test.run=^$")
		command.Env = append(os.Environ(), victimEnv+"="+folder)
		out, err := command.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		command.Stderr = &bytes.Buffer{}
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		limit := 200 + rand.IntN(1500)
		lines := bufio.NewScanner(out)
		lines.Buffer(nil, 1<<20)
		for count := 0; lines.Scan(); count++ {
			if count == limit {
				if err := command.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
			line := lines.Text()
			kind, rest, _ := strings.Cut(line, " ")
			switch kind {
			case "told":
				id, answer, _ := strings.Cut(rest, " ")
				if before, ok := told[id]; ok && before != answer {
					t.Errorf("S1: life %d: request %s was answered %s, then %s", life, id, before, answer)
				}
				told[id] = answer
			case "saw":
				if strings.HasSuffix(rest, "}") || strings.Contains(rest, "transition_number") { // not cut by the kill
					saw[normal(rest)] = true
				}
			default:
				t.Fatalf("the victim says %q", line)
			}
		}
		_ = command.Wait() // it was killed
	}
	service, err := fleetsim.New(fleetsim.Config{Seed: 1, DataDir: folder}, fleetsim.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	if err := service.Close(); err != nil {
		t.Fatal(err)
	}
	// By a clock that stands, nothing happens that had not happened.
	c := start(t, fleetsim.Config{Seed: 1, DataDir: folder}, false)
	_, cursor := c.list(&fleetv1.ListInstancesRequest{PageSize: 1})
	all, _ := c.watch("", decode(t, cursor), nil)
	history := map[string]bool{}
	for _, line := range describe(all) {
		history[normal(line)] = true
	}
	lost := 0
	for line := range saw {
		if !history[line] {
			lost++
			if lost < 4 {
				t.Errorf("S6: this was streamed and did not happen: %s", line)
			}
		}
	}
	t.Logf("%d answers, %d transitions seen, %d in the history, %d lost", len(told), len(saw), len(history), lost)
	if len(told) == 0 || len(saw) == 0 {
		t.Error("the victims told nothing")
	}
}

// normal takes out the spaces that the text form of messages varies at random.
func normal(text string) string { return strings.ReplaceAll(text, " ", "") }

// The service's own clock is a clock like any other.
var _ clock.Clock = (*clock.Scaled)(nil)
