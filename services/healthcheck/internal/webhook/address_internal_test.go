package webhook

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"
)

func TestIsPublic(t *testing.T) {
	for address, want := range map[string]bool{
		"8.8.8.8": true, "2606:4700:4700::1111": true, "127.0.0.1": false, "127.64.0.7": false, "10.1.2.3": false, "172.16.0.1": false,
		"172.32.0.1": true, "192.168.0.1": false, "169.254.169.254": false, "100.100.100.200": false, "0.0.0.0": false, "0.1.2.3": false,
		"224.0.0.1": false, "255.255.255.255": false, "198.18.0.1": false, "::": false, "::1": false, "fe80::1%eth0": false, "fc00::1": false,
		"ff02::1": false, "::ffff:127.0.0.1": false, "::ffff:8.8.8.8": true, "64:ff9b::7f00:1": false, "2002:7f00:1::": false,
	} {
		if got := isPublic(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s is public: %v", address, got)
		}
	}
}

// An endpoint that has a public name and a private address is not reached: what
// counts is the address that is dialled.
func TestSend_refusesPrivateAddresses(t *testing.T) {
	reached := make(chan struct{}, 2)
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached <- struct{}{} }))
	defer server.Close()
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	hook := &Hook{URL: "http://localhost:" + port, Secret: make([]byte, MinSecretBytes)}
	client := newClient(false)
	defer client.CloseIdleConnections()
	err = send(t.Context(), client, hook, "i-1/1", nil, time.Unix(0, 0))
	if want := "dial: " + errPrivate.Error(); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if len(reached) > 0 {
		t.Fatal("it was reached")
	}
	allowed := newClient(true)
	defer allowed.CloseIdleConnections()
	if err := send(t.Context(), allowed, hook, "i-1/1", nil, time.Unix(0, 0)); err != nil || len(reached) != 1 {
		t.Errorf("allowed, it is not reached: %v", err)
	}
}
