//go:build !linux

package answer

import (
	"context"
	"errors"
	"net"
)

// Listen fails: only Linux has every address of 127.0.0.0/8 without being told.
func Listen(context.Context, int) (net.Listener, error) {
	return nil, errors.New("instances can not answer on this system: it needs Linux")
}
