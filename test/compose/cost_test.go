//go:build compose

package compose_test

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// What our services may cost, in sum, while they have nothing to do.
const (
	maxIdleCores = 0.05
	maxIdleBytes = 300 << 20
)

// How long it is measured what an idle stack costs: some looks of each health
// check, which cost the most of it.
const (
	idleFor      = time.Minute
	idleForShort = 30 * time.Second
)

// A cost is what a container has cost since it was started.
type cost struct {
	cpu time.Duration
	// own is memory that no other container has, files what is read of files: the
	// pages of the binary, which are there once for all containers where the
	// storage driver shares them.
	own, files int64
}

// idle measures what our services cost. Redis and NATS are told of, and count for
// nothing.
func (s stack) idle(t *testing.T) {
	long := idleFor
	if testing.Short() {
		long = idleForShort
	}
	before, began := s.costs(t), time.Now()
	select {
	case <-t.Context().Done():
	case <-time.After(long): // it is a time that is measured
	}
	after, took := s.costs(t), time.Since(began)
	var cores float64
	var own, files int64
	for service, now := range after {
		used := (now.cpu - before[service].cpu).Seconds() / took.Seconds()
		t.Logf("%-14s %.2f %% of a core, %3.0f MiB of its own, %3.0f MiB of files", service, 100*used, mib(now.own), mib(now.files))
		if service == "redis" || service == "nats" {
			continue
		}
		cores, own, files = cores+used, own+now.own, max(files, now.files)
	}
	t.Logf("our services while idle: %.2f %% of a core, at most %.0f; %.0f MiB, at most %d", 100*cores, 100*maxIdleCores, mib(own+files), maxIdleBytes>>20)
	if cores > maxIdleCores {
		t.Errorf("idle services use %.1f %% of a core, want at most %.0f %%", 100*cores, 100*maxIdleCores)
	}
	if own+files > maxIdleBytes {
		t.Errorf("idle services have %.0f MiB of memory, want at most %d", mib(own+files), maxIdleBytes>>20)
	}
}

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }

// costs asks the engine what each container has cost.
func (s stack) costs(t *testing.T) map[string]cost {
	t.Helper()
	all := map[string]cost{}
	for _, service := range s.services {
		var answer struct {
			CPU struct {
				Usage struct {
					Total int64 `json:"total_usage"`
				} `json:"cpu_usage"`
			} `json:"cpu_stats"`
			Memory struct {
				Stats map[string]int64 `json:"stats"`
			} `json:"memory_stats"`
		}
		s.engine(t, "/containers/"+s.container(service)+"/stats?stream=false&one-shot=true", &answer)
		of := answer.Memory.Stats
		all[service] = cost{
			cpu: time.Duration(answer.CPU.Usage.Total),
			// The kernel's first and second way of counting have different names.
			own: of["total_rss"] + of["anon"], files: of["total_mapped_file"] + of["file_mapped"],
		}
	}
	return all
}

// engine reads an answer of the Docker engine.
func (s stack) engine(t *testing.T, path string, answer any) {
	t.Helper()
	socket := strings.TrimPrefix(os.Getenv("DOCKER_HOST"), "unix://")
	if socket == "" {
		socket = "/var/run/docker.sock"
	}
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://engine"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }() // only read from
	if response.StatusCode != http.StatusOK {
		t.Fatalf("the engine answers %s to %s", response.Status, path)
	}
	if err := json.NewDecoder(response.Body).Decode(answer); err != nil {
		t.Fatal(err)
	}
}
