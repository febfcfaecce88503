//go:build without_nats_server

package natsserver

import (
	"errors"

	"github.com/nats-io/nats.go"
)

// errAbsent is what a binary says that was built to be small.
var errAbsent = errors.New("this binary was built without a NATS server (build tag without_nats_server); name one with --nats, " +
	"or use a binary that has it")

// A Server is what this build does not have.
type Server struct{}

// Start tells that this build has no server.
func Start(Config) (*Server, error) { return nil, errAbsent }

// Connect tells that this build has no server.
func (*Server) Connect() (*nats.Conn, error) { return nil, errAbsent }

// URL is empty.
func (*Server) URL() string { return "" }

// Close does nothing.
func (*Server) Close() error { return nil }
