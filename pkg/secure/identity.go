package secure

import (
	"net/url"
	"strings"

	"google.golang.org/grpc/credentials"
)

// servicePath is where the name of a service begins in its identity.
const (
	trustDomain = "muster"
	servicePath = "/service/"
)

// ServiceID is the identity of a service in its certificate, as a URI:
// spiffe://muster/service/groupsvc. A certificate that has none says only that
// its authority knows the client.
func ServiceID(name string) *url.URL {
	return &url.URL{Scheme: "spiffe", Host: trustDomain, Path: servicePath + name}
}

// ServiceOf tells the name of the service that a connection's certificate is
// for; "" when there is none, or when nobody has verified it.
func ServiceOf(info credentials.AuthInfo) string {
	shown, ok := info.(credentials.TLSInfo)
	if !ok || len(shown.State.VerifiedChains) == 0 {
		return ""
	}
	for _, id := range shown.State.PeerCertificates[0].URIs {
		name, found := strings.CutPrefix(id.Path, servicePath)
		if id.Scheme == "spiffe" && id.Host == trustDomain && found && name != "" && !strings.Contains(name, "/") {
			return name
		}
	}
	return ""
}
