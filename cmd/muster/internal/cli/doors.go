package cli

import (
	"context"
	"errors"
	"strings"
	"sync"

	"google.golang.org/grpc"
)

// doors are where services are called that run in other processes than the one
// that --server names: in the stack of containers each has a port of its own.
type doors struct {
	FleetServer     string `help:"Host and port of the cloud, if it is another process than --server." placeholder:"ADDR" env:"MUSTER_FLEET_SERVER"`
	AllocatorServer string `help:"Host and port of the allocator, if it is another process than --server." placeholder:"ADDR" env:"MUSTER_ALLOCATOR_SERVER"`
	HealthServer    string `help:"Host and port of the health check, if it is another process than --server." placeholder:"ADDR" env:"MUSTER_HEALTH_SERVER"`
}

// checkDoors tells which addresses make no sense.
func (d doors) checkDoors() error {
	var wrong []error
	for flag, address := range map[string]string{
		"--fleet-server": d.FleetServer, "--allocator-server": d.AllocatorServer, "--health-server": d.HealthServer,
	} {
		if address != "" {
			wrong = append(wrong, checkAddress(flag, address))
		}
	}
	return errors.Join(wrong...)
}

// of is the address of the service that has a method, by the package of its
// contract; else the one given.
func (d doors) of(method, otherwise string) string {
	for prefix, address := range map[string]string{
		"/muster.fleet.": d.FleetServer, "/muster.allocator.": d.AllocatorServer, "/muster.health.": d.HealthServer,
	} {
		if address != "" && strings.HasPrefix(method, prefix) {
			return address
		}
	}
	return otherwise
}

// A doorConn calls each method at the door of its service. Connections are made
// when they are first needed.
type doorConn struct {
	doors
	server string
	dial   func(address string) (*grpc.ClientConn, error)

	mu   sync.Mutex
	open map[string]*grpc.ClientConn // guarded by mu
	last string                      // the address that was called last; guarded by mu
}

func (c *doorConn) to(method string) (*grpc.ClientConn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = c.of(method, c.server)
	if conn, ok := c.open[c.last]; ok {
		return conn, nil
	}
	conn, err := c.dial(c.last)
	if err == nil {
		c.open[c.last] = conn
	}
	return conn, err
}

// Invoke implements [grpc.ClientConnInterface].
func (c *doorConn) Invoke(ctx context.Context, method string, args, reply any, options ...grpc.CallOption) error {
	conn, err := c.to(method)
	if err != nil {
		return err
	}
	return conn.Invoke(ctx, method, args, reply, options...)
}

// NewStream implements [grpc.ClientConnInterface].
func (c *doorConn) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, options ...grpc.CallOption) (grpc.ClientStream, error) {
	conn, err := c.to(method)
	if err != nil {
		return nil, err
	}
	return conn.NewStream(ctx, desc, method, options...)
}

// lastCalled is the address that was called last, or would have been.
func (c *doorConn) lastCalled() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last == "" {
		return c.server
	}
	return c.last
}

// Close closes what was opened.
func (c *doorConn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var wrong []error
	for _, conn := range c.open {
		wrong = append(wrong, conn.Close())
	}
	return errors.Join(wrong...)
}
