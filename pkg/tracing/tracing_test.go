package tracing_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/trace"

	"github.com/seed-198b1370/muster/pkg/tracing"
)

const sampled = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

// A recorded trace survives being text; others, and what is none, leave a context
// as it is.
func TestWithParent(t *testing.T) {
	if got := tracing.ParentOf(tracing.WithParent(t.Context(), sampled)); got != sampled || len(got) > tracing.MaxBytes {
		t.Errorf("got %q", got)
	}
	if got := tracing.ParentOf(tracing.WithParent(t.Context(), strings.TrimSuffix(sampled, "1")+"0")); got != "" {
		t.Errorf("of a trace that is not recorded: %q", got)
	}
	for _, text := range []string{"", "nonsense", sampled + "-more", "00-4bf92f3577b34da6a3ce929d0e0e4736", strings.Repeat("0", 1<<20)} {
		ctx := tracing.WithParent(t.Context(), text)
		if trace.SpanContextFromContext(ctx).IsValid() || tracing.ParentOf(ctx) != "" {
			t.Errorf("%.60q was taken for a trace", text)
		}
	}
}

func TestLogHandler(t *testing.T) {
	var text bytes.Buffer
	log := slog.New(tracing.NewLogHandler(slog.NewTextHandler(&text, nil))).With("service", "s").WithGroup("g")
	log.InfoContext(tracing.WithParent(t.Context(), sampled), "with")
	log.InfoContext(t.Context(), "without")
	lines := strings.Split(text.String(), "\n")
	if !strings.Contains(lines[0], "trace_id=4bf92f3577b34da6a3ce929d0e0e4736") || !strings.Contains(lines[0], "span_id=00f067aa0ba902b7") ||
		!strings.Contains(lines[0], "service=s") || strings.Contains(lines[1], "trace_id") {
		t.Errorf("got\n%s", text.String())
	}
}
