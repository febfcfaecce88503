package rpc

import (
	"context"
	"net"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
)

// localConn marks a connection that a [Local] took.
type localConn struct{ net.Conn }

// inProcess is what is known of whoever calls over such a connection.
type inProcess struct{ credentials.CommonAuthInfo }

// AuthType implements [credentials.AuthInfo].
func (inProcess) AuthType() string { return "in-process" }

// IsInProcess tells whether a call came from the process itself, through a
// [Local]. No call from outside can look like one: what tells is the connection,
// not anything that was sent.
func IsInProcess(ctx context.Context) bool {
	caller, ok := peer.FromContext(ctx)
	if !ok {
		return false
	}
	_, ok = caller.AuthInfo.(inProcess)
	return ok
}

// A sideDoor lets connections from the process itself in without a handshake,
// and hands others to the credentials.
type sideDoor struct {
	credentials.TransportCredentials
}

// ServerHandshake implements [credentials.TransportCredentials].
func (d sideDoor) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	if _, ok := conn.(localConn); ok {
		return conn, inProcess{credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity}}, nil
	}
	return d.TransportCredentials.ServerHandshake(conn)
}

// Clone implements [credentials.TransportCredentials].
func (d sideDoor) Clone() credentials.TransportCredentials {
	return sideDoor{d.TransportCredentials.Clone()}
}
