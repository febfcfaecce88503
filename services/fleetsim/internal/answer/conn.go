package answer

import (
	"net"
	"sync"
)

// A slotConn is a connection that gives its slot back when it is closed.
type slotConn struct {
	net.Conn
	free chan struct{}
	once sync.Once
}

// Close implements [net.Conn].
func (c *slotConn) Close() error {
	err := c.Conn.Close()
	c.once.Do(func() { <-c.free })
	return err
}

// reset closes the connection so that the other side is told that nobody is
// there, and nothing is left of it in the kernel.
func (c *slotConn) reset() {
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // then it is closed in the common way
	}
	_ = c.Close()
}
