package stack

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"
)

// Bounds of requests over HTTP, which are small and quick.
const (
	httpTimeout     = 10 * time.Second
	httpHeaderBytes = 16 << 10
)

// serveMetadata answers requests for instance metadata until the context ends or
// the listener fails.
func (s *Stack) serveMetadata(ctx context.Context) error {
	return s.serveHTTP(ctx, "instance metadata", s.metadataListener, s.metadata)
}

// serveHTTP answers requests until the context ends or the listener fails.
func (s *Stack) serveHTTP(ctx context.Context, what string, listener net.Listener, handler http.Handler) error {
	server := &http.Server{
		Handler: handler, MaxHeaderBytes: httpHeaderBytes,
		ReadTimeout: httpTimeout, WriteTimeout: httpTimeout, IdleTimeout: time.Minute,
		ErrorLog: slog.NewLogLogger(s.config.Log.Handler(), slog.LevelDebug),
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve %s: %w", what, err)
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.config.Grace)
		defer cancel()
		if server.Shutdown(bounded) != nil {
			return server.Close()
		}
		return nil
	})
	return group.Wait()
}
