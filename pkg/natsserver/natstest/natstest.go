// Package natstest gives tests real NATS servers: one that can be stopped and
// started again, and one that nobody else uses. It must not know what is sent
// through them.
package natstest

import (
	"net"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed-198b1370/muster/pkg/natsserver"
)

// A Site is a NATS server that can be stopped and started again, at the same
// port of the loopback interface and on the same folder.
type Site struct {
	t      testing.TB
	config natsserver.Config
	server *natsserver.Server
}

// NewSite starts a server; it is stopped when the test ends.
func NewSite(t testing.TB) *Site {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Site{t: t, config: natsserver.Config{DataDir: t.TempDir(), Listen: listener.Addr().String()}}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(s.Stop)
	return s
}

// Start starts the server again after Stop.
func (s *Site) Start() {
	s.t.Helper()
	server, err := natsserver.Start(s.config)
	if err != nil {
		s.t.Fatal(err)
	}
	s.server = server
}

// Stop stops the server. What it holds is there again after Start.
func (s *Site) Stop() {
	if err := s.server.Close(); err != nil {
		s.t.Error(err)
	}
}

// Dial makes a connection that comes back after the server was away, or comes
// when it is there.
func (s *Site) Dial() jetstream.JetStream {
	s.t.Helper()
	conn, err := nats.Connect("nats://"+s.config.Listen, nats.MaxReconnects(-1),
		nats.ReconnectWait(10*time.Millisecond), nats.RetryOnFailedConnect(true))
	return use(s.t, conn, err)
}

// NewJetStream makes a JetStream that only this test uses.
func NewJetStream(t testing.TB) jetstream.JetStream {
	t.Helper()
	server, err := natsserver.Start(natsserver.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	conn, err := server.Connect()
	return use(t, conn, err)
}

// use makes a JetStream of a connection that is closed when the test ends.
func use(t testing.TB, conn *nats.Conn, err error) jetstream.JetStream {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	return js
}
