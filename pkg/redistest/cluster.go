package redistest

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"
)

// slots is how many slots a Redis Cluster has.
const slots = 16384

// A Cluster is a Redis Cluster of two nodes, each with half of the slots.
type Cluster [2]*Server

// StartCluster starts a cluster and waits until it serves.
func StartCluster(t testing.TB) Cluster {
	t.Helper()
	var c Cluster
	for i := range c {
		// The port of the cluster's own talk is 10,000 above by default, which
		// may be none.
		c[i] = start(t, "--cluster-enabled", "yes", "--cluster-port", freePort(t))
		share := slots / len(c)
		c[i].mustAsk(t, fmt.Sprintf("CLUSTER ADDSLOTSRANGE %d %d", i*share, (i+1)*share-1))
	}
	host, port, _ := strings.Cut(c[0].addr, ":")
	c[1].mustAsk(t, fmt.Sprintf("CLUSTER MEET %s %s %s", host, port, c[0].flags[3]))
	deadline := time.Now().Add(patience)
	for _, server := range c {
		for !server.hasCluster(t) {
			if time.Now().After(deadline) {
				t.Fatalf("the cluster does not serve after %v", patience)
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	return c
}

// URL is where the cluster is.
func (c Cluster) URL() string { return c[0].URL() + "?addr=" + c[1].Addr() }

// Flush makes all nodes forget everything.
func (c Cluster) Flush(t testing.TB) {
	t.Helper()
	for _, server := range c {
		server.Flush(t)
	}
}

// hasCluster tells whether the server knows of an owner of every slot.
func (s *Server) hasCluster(t testing.TB) bool {
	t.Helper()
	return strings.HasPrefix(s.ask(t, "SET probe 1"), "+OK") || strings.HasPrefix(s.ask(t, "SET probe 1"), "-MOVED")
}

func freePort(t testing.TB) string {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer free.Close()
	return strconv.Itoa(free.Addr().(*net.TCPAddr).Port)
}
