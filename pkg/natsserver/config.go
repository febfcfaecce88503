// Package natsserver owns the NATS server that a process can carry inside: how
// it is configured, started, reached and stopped. It is the only package that
// imports the server, and it must not know what is stored or sent through it.
//
// The build tag without_nats_server leaves the server out, for binaries that are
// deployed beside one.
//
// A [Server] is safe for use by several goroutines.
package natsserver

import "log/slog"

// Config tells how a server is run.
type Config struct {
	// DataDir holds everything that must survive; it is made if it does not
	// exist. One server at a time can use it; a second one is refused. Empty: a temporary folder that
	// Close removes.
	DataDir string
	// Listen is the host and port that other processes reach the server at;
	// port 0 takes a free one. The server asks nobody who they are, so the host
	// should be a loopback address. Empty: no port, the server is reached
	// through [Server.Connect] only.
	Listen string
	// Log takes warnings and errors of the server; nil discards them.
	Log *slog.Logger
}
