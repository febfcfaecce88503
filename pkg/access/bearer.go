package access

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"google.golang.org/grpc/credentials"

	"github.com/seed-198b1370/muster/pkg/clock"
	"github.com/seed-198b1370/muster/pkg/reload"
)

// Bearer makes the credentials of a client that sends the token in a file with
// each call. A file that changes counts within a second. With overTLS it is
// sent over TLS only.
func Bearer(file string, overTLS bool, log *slog.Logger) (credentials.PerRPCCredentials, error) {
	token, err := reload.New(log, "token", func() (string, error) { return readToken(file) }, file)
	if err != nil {
		return nil, err
	}
	return &bearerCredentials{token: token, overTLS: overTLS, clock: clock.NewWall()}, nil
}

type bearerCredentials struct {
	token   *reload.Reloaded[string]
	overTLS bool
	clock   clock.Clock
}

// GetRequestMetadata implements [credentials.PerRPCCredentials].
func (b *bearerCredentials) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + b.token.Recent(b.clock.Now())}, nil
}

// RequireTransportSecurity implements [credentials.PerRPCCredentials].
func (b *bearerCredentials) RequireTransportSecurity() bool { return b.overTLS }

func readToken(file string) (string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("read token: %w", err)
	}
	token := strings.TrimSpace(string(text))
	if token == "" || len(token) > maxTokenLength || strings.ContainsAny(token, " \r\n\t") {
		return "", fmt.Errorf("read token: %s must hold one token and nothing else", file)
	}
	return token, nil
}
