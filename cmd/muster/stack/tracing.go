package stack

import (
	"context"
	"log/slog"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"

	"github.com/seed-198b1370/muster/pkg/tracing"
	"github.com/seed-198b1370/muster/pkg/tracing/otlp"
)

// startTracing begins to trace, if that is asked for; log lines tell of which trace
// they are from then on.
func (s *Stack) startTracing(ctx context.Context) (err error) {
	config := s.config.Traces
	if config.Endpoint == "" {
		return nil
	}
	config.Log = s.config.Log
	if config.Service == "" {
		config.Service = "muster"
		if len(s.config.Roles) == 1 {
			config.Service += "-" + string(s.config.Roles[0])
		}
	}
	if s.tracing, err = otlp.Start(ctx, config); err != nil {
		return err
	}
	s.closeLater(s.tracing.Close)
	s.config.Log = slog.New(tracing.NewLogHandler(s.config.Log.Handler()))
	return nil
}

// traced makes a connection tell of its calls.
func (s *Stack) traced() []grpc.DialOption {
	if s.tracing == nil {
		return nil
	}
	return []grpc.DialOption{grpc.WithStatsHandler(s.tracing.ClientHandler())}
}

// tracer makes the spans of a service; nil when nothing is traced.
func (s *Stack) tracer(service string) trace.Tracer {
	if s.tracing == nil {
		return nil
	}
	return s.tracing.Tracer(service)
}
