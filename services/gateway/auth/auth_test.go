package auth_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-198b1370/muster/pkg/clock"
	"github.com/seed-198b1370/muster/pkg/redistest"
	"github.com/seed-198b1370/muster/services/gateway"
	"github.com/seed-198b1370/muster/services/gateway/auth"
	"github.com/seed-198b1370/muster/services/gateway/wire"
)

var (
	_    gateway.Verifier = (*auth.Verifier)(nil)
	noon                  = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
)

// signed is a request with the older signature.
func signed(key, secret, nonce string, at time.Time, more ...string) *http.Request {
	params := url.Values{
		"Action": {"DescribeRegions"}, "Version": {"2014-05-26"}, "AccessKeyId": {key}, "SignatureNonce": {nonce},
		"SignatureMethod": {"HMAC-SHA1"}, "SignatureVersion": {"1.0"}, "Timestamp": {at.Format("2006-01-02T15:04:05Z")},
	}
	for i := 0; i < len(more); i += 2 {
		params.Set(more[i], more[i+1])
	}
	mac := hmac.New(sha1.New, []byte(secret+"&"))
	_, _ = mac.Write([]byte("GET&%2F&" + url.QueryEscape(params.Encode())))
	params.Set("Signature", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	return httptest.NewRequest(http.MethodGet, "/?"+params.Encode(), nil)
}

func newKeys(t *testing.T) *auth.Keys {
	t.Helper()
	keys, err := auth.NewKeys(
		auth.Key{ID: "ak", Secret: "sk", AccountID: "alice"},
		auth.Key{ID: "sts", Secret: "sk2", AccountID: "bob", SecurityToken: "token", ExpireTime: noon.Add(time.Hour)},
	)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func code(err error) string {
	var told wire.Error
	if errors.As(err, &told) {
		return fmt.Sprintf("%d %s", told.Status, told.Code)
	}
	return fmt.Sprint(err)
}

func TestVerifier(t *testing.T) {
	now := clock.NewVirtual(noon)
	verifier := auth.NewVerifier(newKeys(t), auth.NewMemory(now, 100), now, "")
	for _, c := range []struct {
		name    string
		request *http.Request
		account string
		code    string
	}{
		{"a key", signed("ak", "sk", "1", noon), "alice", ""},
		{"again", signed("ak", "sk", "1", noon), "", "400 SignatureNonceUsed"},
		{"the nonce of another key", signed("sts", "sk2", "1", noon, "SecurityToken", "token"), "bob", ""},
		{"unknown key", signed("nobody", "sk", "2", noon), "", "404 InvalidAccessKeyId.NotFound"},
		{"wrong secret", signed("ak", "sk2", "3", noon), "", "400 SignatureDoesNotMatch"},
		{"a refused one uses no nonce", signed("ak", "sk", "3", noon), "alice", ""},
		{"too old", signed("ak", "sk", "4", noon.Add(-16*time.Minute)), "", "400 InvalidTimeStamp.Expired"},
		{"no token", signed("sts", "sk2", "5", noon), "", "400 InvalidSecurityToken.MismatchWithAccessKey"},
		{"another token", signed("sts", "sk2", "6", noon, "SecurityToken", "tokem"), "", "400 InvalidSecurityToken.MismatchWithAccessKey"},
		{"a token too many", signed("ak", "sk", "7", noon, "SecurityToken", "token"), "", "400 InvalidSecurityToken.MismatchWithAccessKey"},
		{"unsigned", httptest.NewRequest(http.MethodGet, "/?Action=DescribeRegions", nil), "", "400 MissingParameter"},
	} {
		t.Run(c.name, func(t *testing.T) {
			caller, err := verifier.Authenticate(c.request, nil)
			if c.code == "" && (err != nil || caller.AccountID != c.account || caller.AccessKeyID == "") || c.code != "" && code(err) != c.code {
				t.Errorf("got %v, %v", caller, err)
			}
			if err != nil && (strings.Contains(err.Error(), "sk2") || strings.Contains(err.Error(), "token\"")) {
				t.Errorf("tells a secret: %v", err)
			}
		})
	}
	now.Advance(2 * time.Hour)
	if _, err := verifier.Authenticate(signed("sts", "sk2", "8", now.Now(), "SecurityToken", "token"), nil); code(err) != "400 InvalidSecurityToken.Expired" {
		t.Errorf("an ended key: %v", err)
	}
}

func TestVerifier_believesUnsignedCallsWhenTold(t *testing.T) {
	now := clock.NewVirtual(noon)
	verifier := auth.NewVerifier(newKeys(t), auth.NewMemory(now, 100), now, "default")
	caller, err := verifier.Authenticate(httptest.NewRequest(http.MethodGet, "/?Action=DescribeRegions", nil), nil)
	if err != nil || caller.AccountID != "default" || caller.AccessKeyID != "" {
		t.Errorf("unsigned: %v, %v", caller, err)
	}
	if caller, err := verifier.Authenticate(signed("ak", "sk", "1", noon), nil); err != nil || caller.AccountID != "alice" {
		t.Errorf("signed: %v, %v", caller, err)
	}
	// A signature that is there must hold.
	for name, request := range map[string]*http.Request{
		"parameters": signed("ak", "wrong", "2", noon),
		"body":       httptest.NewRequest(http.MethodPost, "/?Action=X", nil),
	} {
		if _, err := verifier.Authenticate(request, []byte("Signature=x")); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestNonces_areUsedOnce(t *testing.T) {
	client := redis.NewClient(&redis.Options{Addr: redistest.Start(t).Addr()})
	t.Cleanup(func() { _ = client.Close() })
	for name, nonces := range map[string]auth.Nonces{
		"memory": auth.NewMemory(clock.NewVirtual(noon), 100), "redis": auth.NewRedis(client, "test:"),
	} {
		t.Run(name, func(t *testing.T) {
			var fresh atomic.Int32
			var all sync.WaitGroup
			for range 20 {
				all.Go(func() {
					ok, err := nonces.Use(t.Context(), "ak", "n", time.Minute)
					if err != nil {
						t.Error(err)
					}
					if ok {
						fresh.Add(1)
					}
				})
			}
			all.Wait()
			if fresh.Load() != 1 {
				t.Errorf("%d calls used one nonce", fresh.Load())
			}
			if ok, err := nonces.Use(t.Context(), "a", "kn", time.Minute); !ok || err != nil {
				t.Errorf("another pair that reads alike: %v %v", ok, err)
			}
		})
	}
	if ttl := client.PTTL(t.Context(), client.Keys(t.Context(), "test:*").Val()[0]).Val(); ttl <= 0 || ttl > time.Minute {
		t.Errorf("in Redis for %s", ttl)
	}
}

func TestMemory_isBounded(t *testing.T) {
	now := clock.NewVirtual(noon)
	nonces := auth.NewMemory(now, 3)
	use := func(nonce string) (bool, error) { return nonces.Use(context.Background(), "ak", nonce, time.Minute) }
	for _, nonce := range []string{"a", "b", "c"} {
		if ok, err := use(nonce); !ok || err != nil {
			t.Fatal(nonce, ok, err)
		}
	}
	if ok, err := use("d"); ok || !errors.Is(err, auth.ErrFull) {
		t.Errorf("beyond the limit: %v %v", ok, err)
	}
	if ok, err := use("a"); ok || err != nil {
		t.Errorf("a used one while full: %v %v", ok, err)
	}
	now.Advance(time.Minute + time.Second)
	for _, nonce := range []string{"d", "a"} {
		if ok, err := use(nonce); !ok || err != nil {
			t.Errorf("%s later: %v %v", nonce, ok, err)
		}
	}
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1})
	t.Cleanup(func() { _ = client.Close() })
	verifier := auth.NewVerifier(newKeys(t), auth.NewRedis(client, ""), now, "")
	if _, err := verifier.Authenticate(signed("ak", "sk", "1", now.Now()), nil); code(err) != "503 ServiceUnavailable" {
		t.Errorf("without Redis: %v", err)
	}
}

func TestLoadKeys(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("secret", "sk\n", 0o600)
	write("open", "sk\n", 0o644)
	const inline = "keys:\n  - {id: ak, secret: hidden-secret, account: alice}\n"
	for _, c := range []struct {
		name, text string
		mode       os.FileMode
		fails      string // part of the error; "" for none
	}{
		{"inline", inline, 0o600, ""},
		{"secret in a file", "keys:\n  - {id: ak, secret_file: secret, account: alice, expire_time: 2027-01-01T00:00:00Z}\n", 0o644, ""},
		{"actions", "keys:\n  - {id: ak, secret_file: secret, account: alice, actions: [Describe*, TagResources, '*']}\n", 0o644, ""},
		{"no action", "keys:\n  - {id: ak, secret_file: secret, account: alice, actions: [ecs:Describe]}\n", 0o644, "Describe*"},
		{"none", "", 0o644, ""},
		{"readable by others", inline, 0o640, "0600"},
		{"secret file readable by others", "keys:\n  - {id: ak, secret_file: open, account: alice}\n", 0o600, "0600"},
		{"token readable by others", "keys:\n  - {id: ak, secret_file: secret, security_token: t, account: alice}\n", 0o644, "0600"},
		{"no such secret", "keys:\n  - {id: ak, secret_file: nowhere, account: alice}\n", 0o600, "nowhere"},
		{"both", "keys:\n  - {id: ak, secret_file: secret, secret: hidden-secret, account: alice}\n", 0o600, "both"},
		{"no secret", "keys:\n  - {id: ak, account: alice}\n", 0o600, "secret"},
		{"no account", "keys:\n  - {id: ak, secret: hidden-secret}\n", 0o600, "account"},
		{"no id", "keys:\n  - {secret: hidden-secret, account: alice}\n", 0o600, "id"},
		{"comma", "keys:\n  - {id: \"a,b\", secret: hidden-secret, account: alice}\n", 0o600, "comma"},
		{"twice", inline + "  - {id: ak, secret: hidden-secret, account: bob}\n", 0o600, "twice"},
		{"unknown field", "keys:\n  - {id: ak, hidden-secret: 1}\n", 0o600, "list of access keys"},
		{"no list", "keys: hidden-secret", 0o600, "list of access keys"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := auth.LoadKeys(write(strings.ReplaceAll(c.name, " ", "-")+".yaml", c.text, c.mode))
			switch {
			case c.fails == "" && err != nil:
				t.Error(err)
			case c.fails != "" && (err == nil || !strings.Contains(err.Error(), c.fails) || strings.Contains(err.Error(), "hidden-secret")):
				t.Errorf("got %v", err)
			}
		})
	}
	if _, err := auth.LoadKeys(filepath.Join(folder, "nowhere")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestKey_keepsItsSecret(t *testing.T) {
	key := auth.Key{ID: "ak", Secret: "hidden-secret", SecurityToken: "hidden-token"}
	if text := fmt.Sprintf("%v %+v %#v %s %v", key, key, key, key, key.LogValue()); strings.Contains(text, "hidden") {
		t.Error(text)
	}
}
