package redisstore_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/seed-198b1370/muster/pkg/redistest"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store/redisstore"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, url string) store.Store {
	t.Helper()
	opened, err := redisstore.Open(t.Context(), redisstore.Config{URL: url}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return opened
}

func TestRedisstore(t *testing.T) {
	server := redistest.Start(t)
	storetest.Run(t, true, func(t *testing.T) func() store.Store {
		server.Flush(t)
		return func() store.Store { return open(t, server.URL()) }
	})
}

// The same on a cluster, which refuses a script whose keys lie in two slots.
func TestRedisstore_cluster(t *testing.T) {
	cluster := redistest.StartCluster(t)
	storetest.Run(t, true, func(t *testing.T) func() store.Store {
		cluster.Flush(t)
		return func() store.Store { return open(t, cluster.URL()) }
	})
}

// The same through a kill of the server between closing and opening.
func TestRedisstore_throughKills(t *testing.T) {
	server := redistest.Start(t)
	storetest.Run(t, true, func(t *testing.T) func() store.Store {
		server.Flush(t)
		return func() store.Store {
			server.Kill()
			server.Restart(t)
			return open(t, server.URL())
		}
	})
}

type backend struct {
	*redistest.Server
	*redistest.Proxy
}

// Open implements storetest.Backend.
func (b backend) Open(t *testing.T) store.Store { return open(t, b.Proxy.URL()) }

func TestBadDays(t *testing.T) {
	storetest.RunBadDays(t, func(t *testing.T) storetest.Backend {
		server := redistest.Start(t)
		return backend{server, redistest.StartProxy(t, server)}
	})
}

func TestSameAsMemory_Prop(t *testing.T) {
	server := redistest.Start(t)
	storetest.SameAsMemory(t, func() (store.Store, error) {
		server.Flush(t)
		return redisstore.Open(t.Context(), redisstore.Config{URL: server.URL()}, nil)
	})
}

func TestOpen_refusesALaterLayout(t *testing.T) {
	server := redistest.Start(t)
	server.Set(t, "muster:format", 2)
	if opened, err := redisstore.Open(t.Context(), redisstore.Config{URL: server.URL()}, nil); err == nil || !strings.Contains(err.Error(), "a later release wrote it in layout 2, this one reads up to layout 1") {
		t.Errorf("got %v, %v", opened, err)
	}
}

func TestOpen_waitsForTheServer(t *testing.T) {
	server := redistest.Start(t)
	server.Kill()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := redisstore.Open(ctx, redisstore.Config{URL: server.URL()}, nil); err == nil {
		t.Error("a server that is not there was opened")
	}
	opened := make(chan error, 1)
	go func() {
		s, err := redisstore.Open(t.Context(), redisstore.Config{URL: server.URL()}, nil)
		if err == nil {
			err = s.Close()
		}
		opened <- err
	}()
	server.Restart(t)
	if err := <-opened; err != nil {
		t.Error(err)
	}
}

func TestOpen_warnsOfWhatCanBeLost(t *testing.T) {
	var log bytes.Buffer
	server := redistest.Start(t)
	for _, setting := range []string{"appendonly no", "maxmemory-policy allkeys-lru"} {
		server.Configure(t, setting)
	}
	opened, err := redisstore.Open(t.Context(), redisstore.Config{URL: server.URL()}, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	if err := opened.Close(); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"appendonly yes", "maxmemory-policy noeviction"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("nothing is said of %q:\n%s", want, log.String())
		}
	}
}

func TestConfig_check(t *testing.T) {
	const password = "s3cret"
	for _, url := range []string{"", "localhost:6379", "http://localhost", "redis://:" + password + "@h:port", "redis://:" + password + "@%zz", "redis://:" + password + "@h/x"} {
		err := redisstore.Config{URL: url}.Check()
		if err == nil || strings.Contains(err.Error(), password) {
			t.Errorf("%q: got %v", url, err)
		}
	}
	for _, url := range []string{"redis://h", "rediss://:p@h:1/2", "redis://h:1?addr=i:1&addr=j:1"} {
		if err := (redisstore.Config{URL: url}).Check(); err != nil {
			t.Errorf("%q: got %v", url, err)
		}
	}
	if err := (redisstore.Config{URL: "redis://h", CA: []byte("x")}).Check(); err == nil {
		t.Error("certificates without TLS were taken")
	}
	if err := (redisstore.Config{URL: "rediss://h", CA: []byte("x")}).Check(); err == nil {
		t.Error("certificates that are none were taken")
	}
}

// A server that refuses a password is not waited for.
func TestOpen_wrongPassword(t *testing.T) {
	server := redistest.Start(t)
	server.Configure(t, "requirepass right")
	if _, err := redisstore.Open(t.Context(), redisstore.Config{URL: server.URL(), Password: "wrong"}, nil); err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	opened, err := redisstore.Open(t.Context(), redisstore.Config{URL: server.URL(), Password: "right"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := opened.Close(); err != nil {
		t.Fatal(err)
	}
}
