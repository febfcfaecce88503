package gateway

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// BenchmarkCall is what a small call costs the gateway itself: without the
// network, without the services behind, unsigned.
func BenchmarkCall(b *testing.B) {
	g, err := New(Config{}, Deps{Groups: &groupsStub{}, Templates: templatesStub{}, Fleet: fleetStub{}, Verifier: Unsigned("default")})
	if err != nil {
		b.Fatal(err)
	}
	const path = "/?Action=DeleteAutoProvisioningGroup&Version=2014-05-26&RegionId=cn-shenzhen&AutoProvisioningGroupId=apg-1&TerminateInstances=true" +
		"&Format=JSON&AccessKeyId=ak&SignatureMethod=HMAC-SHA1&SignatureVersion=1.0&SignatureNonce=1&Timestamp=2026-01-01T00:00:00Z"
	b.ReportAllocs()
	for b.Loop() {
		answer := httptest.NewRecorder()
		request := httptest.NewRequestWithContext(b.Context(), http.MethodPost, path, nil)
		if g.ServeHTTP(answer, request); answer.Code != http.StatusOK {
			b.Fatal(answer.Body)
		}
	}
}
