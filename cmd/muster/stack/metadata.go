package stack

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"
)

// Bounds of requests for instance metadata, which are small and quick.
const (
	metadataTimeout     = 10 * time.Second
	metadataHeaderBytes = 16 << 10
)

// serveMetadata answers requests for instance metadata until the context ends or
// the listener fails.
func (s *Stack) serveMetadata(ctx context.Context) error {
	server := &http.Server{
		Handler: s.metadata, MaxHeaderBytes: metadataHeaderBytes,
		ReadTimeout: metadataTimeout, WriteTimeout: metadataTimeout, IdleTimeout: time.Minute,
		ErrorLog: slog.NewLogLogger(s.config.Log.Handler(), slog.LevelDebug),
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		if err := server.Serve(s.metadataListener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve instance metadata: %w", err)
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
