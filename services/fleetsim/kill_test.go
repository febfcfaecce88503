package fleetsim_test

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim"
)

// rounds is how often TestKill kills.
var rounds = flag.Int("rounds", 100, "how often the process is killed")

// What a process that is there to be killed is told: its data directory, where
// its watch goes on, and with which of its requests.
const (
	victimEnv = "FLEETSIM_VICTIM"
	cursorEnv = "FLEETSIM_CURSOR"
	fromEnv   = "FLEETSIM_FROM"
)

// workers is how many callers a victim has.
const workers = 4

// victim runs a fast cloud in a folder, launches and releases in it as fast as
// it can, and says after each answer, and each response of a watch, what it was
// told. It ends only when it can not begin.
func victim(folder string) {
	if err := live(folder); err != nil {
		fmt.Println("error", err)
	}
}

func live(folder string) error {
	service, err := fleetsim.New(fleetsim.Config{Seed: 1, Speed: 600, DataDir: folder, Origin: origin}, fleetsim.Deps{
		Log: slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{Level: slog.LevelError})),
	})
	if err != nil {
		return err
	}
	validator, err := rpc.NewValidator()
	if err != nil {
		return err
	}
	server := rpc.NewServer(validator, slog.New(slog.DiscardHandler))
	service.Register(server)
	local := rpc.NewLocal()
	conn, err := local.Dial()
	if err != nil {
		return err
	}
	from, err := strconv.Atoi(os.Getenv(fromEnv))
	if err != nil {
		return err
	}
	ctx := context.Background()
	go func() { _ = service.Run(ctx) }()
	go func() { _ = server.Serve(ctx, time.Second, local) }()
	fleet := fleetv1.NewFleetServiceClient(conn)
	lines := make(chan string)
	go func() {
		stream, err := fleet.WatchInstances(ctx, &fleetv1.WatchInstancesRequest{Cursor: os.Getenv(cursorEnv)})
		for err == nil {
			var resp *fleetv1.WatchInstancesResponse
			if resp, err = stream.Recv(); err == nil {
				lines <- fmt.Sprintf("saw %s %s", resp.GetCursor(), strings.Join(describe(resp.GetTransitions()), "|"))
			}
		}
		lines <- fmt.Sprint("error ", err)
	}()
	for worker := range workers {
		go work(ctx, fleet, worker, from, lines)
	}
	for line := range lines {
		fmt.Println(line, whole)
	}
	return nil
}

// whole ends a line that was not cut by a kill.
const whole = "~"

// work launches again and again, and releases what it launched the time before.
// Ids of requests repeat from one life to the next.
func work(ctx context.Context, fleet fleetv1.FleetServiceClient, worker, from int, lines chan<- string) {
	var before []string
	for i := from; ; i++ {
		id := fmt.Sprintf("w%d-%d", worker, i)
		resp, err := fleet.RunInstances(ctx, launch(id, 3, func(r *fleetv1.RunInstancesRequest) {
			r.SpotProtection, r.ZoneId = fleetv1.SpotProtection_SPOT_PROTECTION_NONE, "cn-shenzhen-"+string("cdef"[worker])
		}))
		if err != nil {
			continue // sold out for now
		}
		lines <- fmt.Sprint("told ", id, " ", strings.Join(resp.GetInstanceIds(), " "))
		if _, err := fleet.DeleteInstances(ctx, &fleetv1.DeleteInstancesRequest{InstanceIds: before}); err == nil && len(before) > 0 {
			lines <- fmt.Sprint("gone ", strings.Join(before, " "))
		}
		before = resp.GetInstanceIds()
	}
}

// memory is what victims were told, over all their lives.
type memory struct {
	t      *testing.T
	told   map[string]string // request: the answer
	owner  map[string]string // instance: the request that launched it
	gone   map[string]bool   // instances that were released
	seen   []string          // transitions, up to the cursor
	cursor string
	newest int // of the numbers of requests
}

// hear takes note of a line.
func (m *memory) hear(line string) {
	m.t.Helper()
	line, ok := strings.CutSuffix(line, " "+whole)
	kind, rest, _ := strings.Cut(line, " ")
	if !ok && kind != "error" {
		return // cut by the kill: nobody was told
	}
	switch kind {
	case "told":
		id, answer, _ := strings.Cut(rest, " ")
		m.answered(id, answer)
	case "gone":
		for instance := range strings.FieldsSeq(rest) {
			m.gone[instance] = true
		}
	case "saw":
		var transitions string
		m.cursor, transitions, _ = strings.Cut(rest, " ")
		if transitions != "" {
			m.seen = append(m.seen, strings.Split(normal(transitions), "|")...)
		}
	default:
		m.t.Fatalf("the victim says %q", line)
	}
}

func (m *memory) answered(id, answer string) {
	m.t.Helper()
	if before, ok := m.told[id]; ok && before != answer {
		m.t.Errorf("S1: request %s was answered %s, then %s", id, before, answer)
	}
	m.told[id] = answer
	for instance := range strings.FieldsSeq(answer) {
		if other, ok := m.owner[instance]; ok && other != id {
			m.t.Errorf("S1: instance %s was launched by %s and by %s", instance, other, id)
		}
		m.owner[instance] = id
	}
	_, number, _ := strings.Cut(id, "-")
	if n, err := strconv.Atoi(number); err == nil {
		m.newest = max(m.newest, n)
	}
}

// live lets a victim live until it has said so many lines.
func (m *memory) live(folder string, limit int) {
	m.t.Helper()
	command := exec.Command(os.Args[0], "-test.run=^$")
	// The last requests of the life before are made again.
	command.Env = append(os.Environ(), victimEnv+"="+folder, cursorEnv+"="+m.cursor, fmt.Sprint(fromEnv, "=", max(0, m.newest-20)))
	out, err := command.StdoutPipe()
	if err != nil {
		m.t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		m.t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 16<<20)
	for count := 0; lines.Scan(); count++ {
		if count == limit {
			if err := command.Process.Kill(); err != nil {
				m.t.Fatal(err)
			}
		}
		m.hear(lines.Text())
	}
	_ = command.Wait() // it was killed
}

// TestKill_losesNothingThatWasTold kills a process under load again and again at
// random moments. What it had told must hold in every later life: launches (S1,
// S6), releases (S6), and the stream of transitions, which goes on at its
// cursor without a gap or a repeat (S7).
func TestKill_losesNothingThatWasTold(t *testing.T) {
	folder := t.TempDir()
	m := &memory{t: t, told: map[string]string{}, owner: map[string]string{}, gone: map[string]bool{}}
	for range *rounds {
		m.live(folder, 20+rand.IntN(500))
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
	all, cursor := c.list(&fleetv1.ListInstancesRequest{PageSize: 250})
	for _, instance := range all {
		if m.gone[instance.GetInstanceId()] {
			t.Errorf("S6: instance %s was released and is back", instance.GetInstanceId())
		}
	}
	transitions, _ := c.watch("", decode(t, cursor), nil)
	var history []string
	created := map[string]bool{}
	for i, line := range describe(transitions) {
		history = append(history, normal(line))
		if id := transitions[i].GetInstance().GetInstanceId(); transitions[i].GetKind() == fleetv1.TransitionKind_TRANSITION_KIND_CREATED {
			if created[id] {
				t.Errorf("S1: instance %s was created twice", id)
			}
			created[id] = true
		}
	}
	for instance, request := range m.owner {
		if !created[instance] {
			t.Errorf("S6: instance %s of request %s was never created", instance, request)
		}
	}
	if len(m.seen) > len(history) || !slices.Equal(m.seen, history[:len(m.seen)]) {
		t.Errorf("S7: the stream over all lives (%d transitions) is not what happened (%d)", len(m.seen), len(history))
	}
	t.Logf("%d kills, %d answers, %d releases, %d transitions seen of %d", *rounds, len(m.told), len(m.gone), len(m.seen), len(history))
	if len(m.told) == 0 || len(m.seen) == 0 {
		t.Error("the victims told nothing")
	}
}

// normal takes out the spaces that the text form of messages varies at random.
func normal(text string) string { return strings.ReplaceAll(text, " ", "") }
