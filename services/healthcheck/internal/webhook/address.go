package webhook

import (
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
)

// errPrivate refuses an address. Who may set webhooks need not be who may reach
// what stands beside the health check.
var errPrivate = errors.New("the address is not one of the public Internet, which webhooks may be sent to only")

// closed are networks beside those that [netip.Addr] tells of by itself whose
// addresses are not, or need not be, of the public Internet.
func closed() []netip.Prefix {
	return []netip.Prefix{
		netip.MustParsePrefix("0.0.0.0/8"),
		netip.MustParsePrefix("100.64.0.0/10"), // of carriers; clouds have their metadata there
		netip.MustParsePrefix("192.0.0.0/24"),
		netip.MustParsePrefix("198.18.0.0/15"),
		netip.MustParsePrefix("240.0.0.0/4"),
		netip.MustParsePrefix("64:ff9b::/96"), // IPv4 addresses, of any kind, seen from IPv6
		netip.MustParsePrefix("64:ff9b:1::/48"),
		netip.MustParsePrefix("2002::/16"),
		netip.MustParsePrefix("fec0::/10"),
	}
}

// isPublic tells whether an address is of the public Internet.
func isPublic(address netip.Addr) bool {
	address = address.Unmap().WithZone("")
	if !address.IsGlobalUnicast() || address.IsPrivate() { // loopback, link-local and multicast are not global
		return false
	}
	for _, network := range closed() {
		if network.Contains(address) {
			return false
		}
	}
	return true
}

// refusePrivate is the control of a dialer: it sees the address that a connection
// is about to be made to, whatever name it was found by, so that a name that
// means another address each time it is asked for gains nothing.
func refusePrivate(_, address string, _ syscall.RawConn) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return errPrivate
	}
	parsed, err := netip.ParseAddr(host)
	if err != nil || !isPublic(parsed) {
		return errPrivate
	}
	return nil
}

// namesPrivate tells whether a URL says by itself that it is of no public address.
func namesPrivate(parsed *url.URL) bool {
	host := strings.TrimSuffix(strings.ToLower(parsed.Hostname()), ".")
	address, err := netip.ParseAddr(host)
	return err == nil && !isPublic(address) || host == "localhost" || strings.HasSuffix(host, ".localhost")
}
