package secure

import (
	"context"
	"errors"
	"log/slog"
	"net"

	"golang.org/x/time/rate"
	"google.golang.org/grpc/credentials"

	"github.com/seed-198b1370/muster/pkg/reload"
)

// refusalsTold bounds how many refused handshakes a second are logged: whoever
// can reach the port can cause them.
const refusalsTold = 10

// errOtherSide is returned by credentials that are asked for the other side's
// handshake.
var errOtherSide = errors.New("these credentials are for the other side of a connection")

// NewServerCredentials makes the gRPC credentials of a server. Files that change
// count for connections that are made afterwards.
func NewServerCredentials(files ServerFiles, log *slog.Logger) (credentials.TransportCredentials, error) {
	source, err := reload.New(log, "certificates", func() (credentials.TransportCredentials, error) {
		config, err := ServerConfig(files)
		if err != nil {
			return nil, err
		}
		return credentials.NewTLS(config), nil
	}, files.Cert, files.Key, files.ClientCA)
	if err != nil {
		return nil, err
	}
	return &serverCredentials{source: source, log: log, told: rate.NewLimiter(refusalsTold, refusalsTold)}, nil
}

// NewClientCredentials makes the gRPC credentials of a client. Files that change
// count for connections that are made afterwards.
func NewClientCredentials(files ClientFiles, log *slog.Logger) (credentials.TransportCredentials, error) {
	source, err := reload.New(log, "certificates", func() (credentials.TransportCredentials, error) {
		config, err := ClientConfig(files)
		if err != nil {
			return nil, err
		}
		return credentials.NewTLS(config), nil
	}, files.CA, files.Cert, files.Key)
	if err != nil {
		return nil, err
	}
	return &clientCredentials{source: source}, nil
}

type serverCredentials struct {
	source *reload.Reloaded[credentials.TransportCredentials]
	log    *slog.Logger
	told   *rate.Limiter
}

// ServerHandshake implements [credentials.TransportCredentials].
func (s *serverCredentials) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	secured, info, err := s.source.Current().ServerHandshake(conn)
	if err != nil && s.told.Allow() {
		s.log.Warn("a TLS handshake was refused", "peer", conn.RemoteAddr().String(), "error", err)
	}
	return secured, info, err
}

// ClientHandshake implements [credentials.TransportCredentials].
func (s *serverCredentials) ClientHandshake(context.Context, string, net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return nil, nil, errOtherSide
}

// Info implements [credentials.TransportCredentials].
func (s *serverCredentials) Info() credentials.ProtocolInfo { return s.source.Current().Info() }

// Clone implements [credentials.TransportCredentials].
func (s *serverCredentials) Clone() credentials.TransportCredentials { return s }

// OverrideServerName implements [credentials.TransportCredentials].
func (s *serverCredentials) OverrideServerName(string) error { return errOtherSide }

type clientCredentials struct {
	source *reload.Reloaded[credentials.TransportCredentials]
}

// ClientHandshake implements [credentials.TransportCredentials].
func (c *clientCredentials) ClientHandshake(ctx context.Context, authority string, conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return c.source.Current().ClientHandshake(ctx, authority, conn)
}

// ServerHandshake implements [credentials.TransportCredentials].
func (c *clientCredentials) ServerHandshake(net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return nil, nil, errOtherSide
}

// Info implements [credentials.TransportCredentials].
func (c *clientCredentials) Info() credentials.ProtocolInfo { return c.source.Current().Info() }

// Clone implements [credentials.TransportCredentials].
func (c *clientCredentials) Clone() credentials.TransportCredentials { return c }

// OverrideServerName implements [credentials.TransportCredentials]. The name is
// said by the files' [ClientFiles.ServerName].
func (c *clientCredentials) OverrideServerName(string) error {
	return errors.New("the name of the server is set where the credentials are made")
}
