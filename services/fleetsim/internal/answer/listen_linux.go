package answer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
)

// loopback is the name of the interface that no other machine is behind.
const loopback = "lo"

// Listen listens on a port of every address of the loopback interface, 0 for a
// free one. The socket is bound to the interface: what comes in by another never
// reaches it, whatever address it is for.
func Listen(ctx context.Context, port int) (net.Listener, error) {
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var bound error
		err := raw.Control(func(fd uintptr) {
			bound = syscall.SetsockoptString(int(fd), syscall.SOL_SOCKET, syscall.SO_BINDTODEVICE, loopback)
		})
		return errors.Join(err, bound)
	}}
	listener, err := config.Listen(ctx, "tcp4", "0.0.0.0:"+strconv.Itoa(port))
	if errors.Is(err, syscall.EPERM) {
		return nil, fmt.Errorf("instances can not answer on port %d: this system lets nobody but root keep a socket to the loopback interface (%w)", port, err)
	}
	if err != nil {
		return nil, fmt.Errorf("instances can not answer on port %d: %w", port, err)
	}
	return listener, nil
}
