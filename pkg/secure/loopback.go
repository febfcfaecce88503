package secure

import "net"

// IsLoopback tells whether a host and port, or a host, can be reached from this
// machine only: what is said to it in plain text is heard by nobody else.
func IsLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = address
	}
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
