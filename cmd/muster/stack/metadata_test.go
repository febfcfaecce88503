package stack

import (
	"errors"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// TestServeMetadata_failsWithItsListener holds that a server that can not go on
// says so, rather than be silent until the process stops.
func TestServeMetadata_failsWithItsListener(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Stack{
			config: Config{Log: slog.New(slog.DiscardHandler), Grace: time.Second}, metadata: http.NotFoundHandler(), metadataListener: broken{},
		}
		if err := s.serveMetadata(t.Context()); !errors.Is(err, net.ErrClosed) {
			t.Errorf("ended with %v", err)
		}
	})
}

// broken is a listener that was taken away.
type broken struct{ net.Listener }

func (broken) Accept() (net.Conn, error) { return nil, net.ErrClosed }
func (broken) Close() error              { return nil }
func (broken) Addr() net.Addr            { return &net.TCPAddr{} }
