package stack

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/pprof"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// newMetrics makes the registry of a process. It has what the runtime counts, and
// services add what they do.
func newMetrics() *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return registry
}

// serveMetrics answers /metrics, /healthz and /readyz until the context ends or the
// listener fails.
func (s *Stack) serveMetrics(ctx context.Context) error {
	return s.serveHTTP(ctx, "metrics", s.metricsListener, s.metricsHandler())
}

func (s *Stack) metricsHandler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.metrics, promhttp.HandlerOpts{
		ErrorLog: slog.NewLogLogger(s.config.Log.Handler(), slog.LevelWarn), Timeout: httpTimeout, MaxRequestsInFlight: maxScrapes,
	}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "alive") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if !s.ready.Load() {
			say(w, http.StatusServiceUnavailable, "starting")
			return
		}
		say(w, http.StatusOK, "ready")
	})
	if s.config.Profiles {
		profiles(mux)
	}
	return mux
}

// profiles adds what the Go runtime tells of the process. A profile takes at most
// as long as any answer may, [httpTimeout].
func profiles(mux *http.ServeMux) {
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
}

// maxScrapes bounds the readings of metrics at a time.
const maxScrapes = 4

func say(w http.ResponseWriter, code int, word string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(code)
	_, _ = io.WriteString(w, word+"\n") // who asked may have gone
}
