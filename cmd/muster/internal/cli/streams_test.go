package cli

import (
	"bytes"
	"context"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-198b1370/muster/cmd/muster/stack"
)

// Streams end without an error when the user ends them.
func TestCommands_streams(t *testing.T) {
	s := newShell(t)
	group := regexp.MustCompile(`apg-\S+`).FindString(s.ok("group create -f ../../../../examples/sample.yaml"))
	for _, line := range []string{
		"events --from-start", "group watch " + group, "events --from-start -o json --group " + group,
		"events --from-start --kind running --kind created",
	} {
		ctx, cancel := context.WithCancel(t.Context())
		out := &watched{then: func(string) { cancel() }}
		var stderr bytes.Buffer
		code := Run(ctx, append(strings.Fields(line), "--server", s.server), nil, out, &stderr)
		if code != exitOK || stderr.Len() > 0 || out.String() == "" {
			t.Errorf("%s: exit code %d, wrote %q:\n%s", line, code, out.String(), stderr.String())
		}
		cancel()
	}
}

func TestEvents_filters(t *testing.T) {
	s := newShell(t)
	s.ok("group create -f ../../../../examples/sample.yaml")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out := &watched{then: func(text string) {
		if strings.Count(text, "\n") == 5 {
			cancel()
		}
	}}
	if code := Run(ctx, []string{"events", "--from-start", "--kind", "running", "-o", "json", "--server", s.server}, nil, out, out); code != exitOK {
		t.Fatalf("exit code %d:\n%s", code, out.String())
	}
	if strings.Contains(out.String(), "KIND_CREATED") || strings.Count(out.String(), "KIND_RUNNING") != 5 {
		t.Errorf("other kinds were shown:\n%s", out.String())
	}
	// A cursor goes on after its event.
	cursors := regexp.MustCompile(`"cursor": ?"([^"]+)"`).FindAllStringSubmatch(out.String(), -1)
	ids := regexp.MustCompile(`"eventId": ?"([^"]+)"`).FindAllStringSubmatch(out.String(), -1)
	next, stop := context.WithCancel(t.Context())
	defer stop()
	rest := &watched{then: func(string) { stop() }}
	Run(next, []string{"events", "--cursor", cursors[0][1], "--kind", "running", "-o", "json", "--server", s.server}, nil, rest, rest)
	if !strings.Contains(rest.String(), ids[1][1]) {
		t.Errorf("after %s came\n%s", ids[0][1], rest.String())
	}
}

// A stream outlives a restart of its server, says so once, and shows nothing
// twice and nothing less.
func TestStreams_outliveRestart(t *testing.T) {
	for name, dir := range map[string]string{"kept": t.TempDir(), "in memory": ""} {
		t.Run(name, func(t *testing.T) { outliveRestart(t, dir) })
	}
}

func outliveRestart(t *testing.T, dir string) {
	t.Helper()
	start := func(listen string) *stack.Stack {
		running, err := stack.Start(t.Context(), stack.Config{
			Listen: listen, DataDir: dir, CalmMarket: true, Speed: 600, Grace: 100 * time.Millisecond, Log: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			t.Fatal(err)
		}
		return running
	}
	first := start("127.0.0.1:0")
	s := shell{t: t, server: first.Addr()}
	file := groupFileWith(t, oneSpotUnit)
	group := regexp.MustCompile(`apg-\S+`).FindString(s.ok("group create -f " + file))

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	events, watch := s.follow(ctx, "events --from-start --kind created"), s.follow(ctx, "group watch "+group)
	events.await(t, "created")
	watch.await(t, "active fulfilled")
	if err := first.Stop(); err != nil {
		t.Error(err)
	}
	events.errs.awaitText(t, "trying again until it is back")
	watch.errs.awaitText(t, "trying again until it is back")
	second := start(s.server)
	t.Cleanup(func() {
		if err := second.Stop(); err != nil {
			t.Error(err)
		}
	})
	created := regexp.MustCompile(`apg-\S+`).FindString(s.ok("group create -f " + file))
	events.await(t, "group "+created)
	if dir != "" {
		s.ok("group delete " + group)
		if code := <-watch.code; code != exitOK || watch.errs.String() != "muster: lost "+s.server+"; trying again until it is back\n" {
			t.Errorf("the watch ended with %d:\n%s", code, watch.errs.String())
		}
	} else if code := <-watch.code; code != exitFailed || !strings.Contains(watch.errs.String(), "GROUP_NOT_FOUND") {
		t.Errorf("the watch of a group that is forgotten ended with %d:\n%s", code, watch.errs.String())
	}
	cancel()
	note := "muster: lost the event stream of " + s.server + "; trying again until it is back\n"
	if dir == "" {
		note += "muster: the event stream began anew; going on from its start\n"
	}
	if code := <-events.code; code != exitOK || events.errs.String() != note || strings.Count(events.out.String(), "\n") != 2 {
		t.Errorf("events ended with %d:\n%s%s", code, events.out.String(), events.errs.String())
	}
}

// A followed is a command that runs beside the test.
type followed struct {
	out, errs *watched
	code      chan int
}

func (s shell) follow(ctx context.Context, line string) followed {
	f := followed{out: &watched{}, errs: &watched{}, code: make(chan int, 1)}
	go func() { f.code <- Run(ctx, append(strings.Fields(line), "--server", s.server), nil, f.out, f.errs) }()
	return f
}

// await waits until the command has written a text.
func (f followed) await(t *testing.T, text string) {
	t.Helper()
	f.out.awaitText(t, text)
}

// watched is a writer that others can look at meanwhile.
type watched struct {
	mu      sync.Mutex
	text    strings.Builder
	then    func(all string)
	changed chan struct{} // made by those who wait, closed at the next write
}

// Write implements io.Writer.
func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text.Write(p)
	if w.changed != nil {
		close(w.changed)
		w.changed = nil
	}
	if w.then != nil {
		w.then(w.text.String())
	}
	return len(p), nil
}

// String is all that was written.
func (w *watched) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// awaitText waits until a text was written.
func (w *watched) awaitText(t *testing.T, text string) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for {
		w.mu.Lock()
		found := strings.Contains(w.text.String(), text)
		if w.changed == nil {
			w.changed = make(chan struct{})
		}
		changed := w.changed
		w.mu.Unlock()
		if found {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("waited for %q, got:\n%s", text, w.String())
		}
	}
}
