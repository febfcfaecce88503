package redistest

import (
	"bytes"
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// A Proxy stands between clients and a server and can lose an answer on the way
// back.
type Proxy struct {
	listener net.Listener
	server   string
	lose     atomic.Bool

	mu    sync.Mutex
	conns map[net.Conn]bool // guarded by mu: nil once the test has ended
	wait  sync.WaitGroup
}

// StartProxy starts a proxy in front of a server; it ends with the test.
func StartProxy(t testing.TB, server *Server) *Proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{listener: listener, server: server.Addr(), conns: map[net.Conn]bool{}}
	p.wait.Go(p.accept)
	t.Cleanup(p.close)
	return p
}

// URL is where clients reach the server through the proxy.
func (p *Proxy) URL() string { return "redis://" + p.listener.Addr().String() }

// LoseNextWrite lets the next script reach the server and cuts the connection in
// place of its answer.
func (p *Proxy) LoseNextWrite() { p.lose.Store(true) }

// Lost tells whether that has happened.
func (p *Proxy) Lost() bool { return !p.lose.Load() }

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.server)
		if err != nil {
			_ = client.Close() // the client sees a connection that ends
			continue
		}
		if !p.keep(client, server) {
			return
		}
		var losing atomic.Bool
		p.wait.Go(func() { p.forward(server, client, &losing) })
		p.wait.Go(func() { p.answer(client, server, &losing) })
	}
}

// keep notes connections, to be closed with the proxy.
func (p *Proxy) keep(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, conn := range conns {
		if p.conns == nil {
			_ = conn.Close() // the test has ended
			continue
		}
		p.conns[conn] = true
	}
	return p.conns != nil
}

// forward carries what a client says, and marks the connection on which a script
// was sent whose answer is to be lost.
func (p *Proxy) forward(server, client net.Conn, losing *atomic.Bool) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := client.Read(buffer)
		if n > 0 {
			if bytes.Contains(buffer[:n], []byte("evalsha")) && p.lose.CompareAndSwap(true, false) {
				losing.Store(true)
			}
			if _, err := server.Write(buffer[:n]); err != nil {
				break
			}
		}
		if err != nil {
			break
		}
	}
	_, _ = server.Close(), client.Close() // either may be closed already
}

// answer carries what the server says, unless it is to be lost.
func (p *Proxy) answer(client, server net.Conn, losing *atomic.Bool) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := server.Read(buffer)
		if err != nil || losing.Load() {
			break
		}
		if _, err := client.Write(buffer[:n]); err != nil {
			break
		}
	}
	_, _ = server.Close(), client.Close() // either may be closed already
}

func (p *Proxy) close() {
	_ = p.listener.Close() // nobody is left to hear of it
	p.mu.Lock()
	for conn := range p.conns {
		_ = conn.Close() // either may be closed already
	}
	p.conns = nil
	p.mu.Unlock()
	p.wait.Wait()
}
