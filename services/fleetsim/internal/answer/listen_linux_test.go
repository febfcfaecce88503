package answer_test

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// boundTo tells the interface that a socket is kept to.
func boundTo(t *testing.T, fd uintptr) string {
	t.Helper()
	name, err := unix.GetsockoptString(int(fd), unix.SOL_SOCKET, unix.SO_BINDTODEVICE)
	if err != nil {
		t.Error(err)
	}
	return strings.TrimRight(name, "\x00")
}
