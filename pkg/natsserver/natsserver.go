//go:build !without_nats_server

package natsserver

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/gofrs/flock"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// Bounds of what one server holds. Streams reserve their own bounds out of
// these.
const (
	maxMemoryBytes = 512 << 20
	maxStoreBytes  = 16 << 30
	maxConnections = 1024
)

// syncInterval is how much of what was written a loss of power can take. The
// end of the process takes nothing: an acknowledged write has reached the
// operating system.
const syncInterval = 5 * time.Second

// startTimeout bounds how long a server may take to be ready, which includes
// reading back what its folder holds.
const startTimeout = 2 * time.Minute

// A Server is a running NATS server with JetStream.
type Server struct {
	server    *server.Server
	lock      *flock.Flock // of the data folder; nil for a temporary one
	removeDir string       // the temporary folder, if any
	listens   bool
	log       *slog.Logger

	closeOnce sync.Once
	closeErr  error
}

// Start starts a server and returns when it can be used. What DataDir holds
// from an earlier run, also of one that was killed, is there again.
func Start(config Config) (_ *Server, err error) {
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	options, err := newOptions(config)
	if err != nil {
		return nil, err
	}
	s := &Server{listens: config.Listen != "", log: config.Log}
	if options.StoreDir, err = s.takeFolder(config.DataDir); err != nil {
		return nil, err
	}
	if s.server, err = server.NewServer(options); err != nil {
		return nil, errors.Join(fmt.Errorf("configure NATS server: %w", err), s.leaveFolder())
	}
	log := &logger{log: config.Log}
	s.server.SetLoggerV2(log, false, false, false)
	s.server.Start()
	if err := s.awaitReady(log); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func newOptions(config Config) (*server.Options, error) {
	options := &server.Options{
		ServerName: "muster",
		DontListen: config.Listen == "",
		NoSigs:     true, // signals belong to the process
		MaxConn:    maxConnections,

		JetStream:              true,
		JetStreamMaxMemory:     maxMemoryBytes,
		JetStreamMaxStore:      maxStoreBytes,
		DisableJetStreamBanner: true,
		SyncInterval:           syncInterval,
	}
	if config.Listen == "" {
		return options, nil
	}
	host, port, err := net.SplitHostPort(config.Listen)
	if err != nil {
		return nil, fmt.Errorf("address of the NATS server %q is not host:port: %w", config.Listen, err)
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("address of the NATS server %q: port must be a number up to 65535: %w", config.Listen, err)
	}
	options.Host, options.Port = host, int(number)
	if number == 0 {
		options.Port = server.RANDOM_PORT
	}
	return options, nil
}

// awaitReady waits until the server takes connections and JetStream is there,
// or says what was logged as the reason why not.
func (s *Server) awaitReady(log *logger) error {
	const look = 100 * time.Millisecond
	for waited := time.Duration(0); waited < startTimeout; waited += look {
		if err := log.fatal(); err != nil {
			return fmt.Errorf("start NATS server: %w", err)
		}
		if s.server.ReadyForConnections(look) && s.server.JetStreamEnabled() {
			log.started()
			return nil
		}
	}
	return fmt.Errorf("start NATS server: not ready within %v", startTimeout)
}

// Connect makes a connection inside the process. It connects again for as long
// as the server runs; whoever asked for it closes it.
func (s *Server) Connect() (*nats.Conn, error) {
	conn, err := nats.Connect("", nats.InProcessServer(s.server), nats.Name("muster"),
		nats.MaxReconnects(-1), nats.ReconnectWait(100*time.Millisecond),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { s.log.Warn("NATS reports trouble", "error", err) }))
	if err != nil {
		return nil, fmt.Errorf("connect to NATS in process: %w", err)
	}
	return conn, nil
}

// URL is where other processes reach the server; empty when it has no port.
func (s *Server) URL() string {
	if !s.listens {
		return ""
	}
	return s.server.ClientURL()
}

// Close stops the server and returns when it has stopped and its files are
// closed. Connections to it are cut. It is idempotent.
func (s *Server) Close() error {
	s.closeOnce.Do(func() {
		s.server.Shutdown()
		s.server.WaitForShutdown()
		s.closeErr = s.leaveFolder()
	})
	return s.closeErr
}

// takeFolder makes the folder that the server writes to, a temporary one if none
// is named, and keeps other processes out of it: the server itself would let
// two of them write over each other.
func (s *Server) takeFolder(named string) (string, error) {
	if named == "" {
		made, err := os.MkdirTemp("", "muster-nats-")
		if err != nil {
			return "", fmt.Errorf("make folder for NATS: %w", err)
		}
		s.removeDir = made
		return made, nil
	}
	if err := os.MkdirAll(named, 0o700); err != nil {
		return "", fmt.Errorf("make folder for NATS: %w", err)
	}
	lock := flock.New(filepath.Join(named, "lock"))
	taken, err := lock.TryLock()
	switch {
	case err != nil:
		return "", fmt.Errorf("lock folder of NATS: %w", err)
	case !taken:
		return "", fmt.Errorf("start NATS server: %s is in use by another process", named)
	}
	s.lock = lock
	return named, nil
}

// leaveFolder gives the folder back, or removes the temporary one.
func (s *Server) leaveFolder() error {
	if s.lock != nil {
		if err := s.lock.Unlock(); err != nil {
			return fmt.Errorf("unlock folder of NATS: %w", err)
		}
	}
	if s.removeDir == "" {
		return nil
	}
	if err := os.RemoveAll(s.removeDir); err != nil {
		return fmt.Errorf("remove folder of NATS: %w", err)
	}
	return nil
}
