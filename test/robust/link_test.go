package robust_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// A link is the way from some processes to a server, through a proxy that can make
// it bad.
type link struct {
	proxy *toxiproxy.Proxy
}

// startLink starts a proxy in front of a server until the test ends.
func startLink(t *testing.T, name, server string) *link {
	t.Helper()
	proxies := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	proxy := toxiproxy.NewProxy(proxies, name, "127.0.0.1:0", server)
	if err := proxy.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(proxy.Stop)
	return &link{proxy}
}

func (l *link) address() string { return l.proxy.Listen }

// cut ends all connections and refuses new ones, until join.
func (l *link) cut() { l.proxy.Stop() }

// join ends a cut.
func (l *link) join(t *testing.T) {
	t.Helper()
	if err := l.proxy.Start(); err != nil {
		t.Fatal(err)
	}
}

// lead leads new connections to another server and ends those that there are.
func (l *link) lead(t *testing.T, server string) {
	t.Helper()
	l.cut()
	l.proxy.Upstream = server
	l.join(t)
}

// swallow lets nothing through in either direction, without a word to either end,
// until heal.
func (l *link) swallow(t *testing.T) { l.poison(t, "timeout", `{"timeout": 0}`) }

// slow holds everything back for a time in each direction, until heal.
func (l *link) slow(t *testing.T, by time.Duration) {
	l.poison(t, "latency", fmt.Sprintf(`{"latency": %d}`, by.Milliseconds()))
}

func (l *link) poison(t *testing.T, kind, attributes string) {
	t.Helper()
	for _, stream := range []string{"upstream", "downstream"} {
		toxic := fmt.Sprintf(`{"name": %q, "type": %q, "stream": %q, "attributes": %s}`, stream, kind, stream, attributes)
		if _, err := l.proxy.Toxics.AddToxicJson(strings.NewReader(toxic)); err != nil {
			t.Fatal(err)
		}
	}
}

// heal ends swallow and slow.
func (l *link) heal() { l.proxy.Toxics.ResetToxics(context.Background()) }
