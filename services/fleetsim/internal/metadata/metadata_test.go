package metadata_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/seed-198b1370/muster/services/fleetsim/internal/metadata"
)

var noon = time.Date(2015, 1, 5, 18, 2, 0, 0, time.UTC)

// server answers for the instances i-1, which is noticed, i-2, which has a name,
// and i-hard, which must bring tokens, at a time that can be moved.
func server(now *time.Time) *metadata.Handler {
	find := func(_ context.Context, id string) (metadata.Instance, error) {
		instance := metadata.Instance{ID: id, Type: "ecs.c6.large", RegionID: "cn-shenzhen", ZoneID: "cn-shenzhen-d", Spot: true}
		switch id {
		case "i-1":
			instance.Termination = noon
		case "i-2":
			instance.Name, instance.UserData = "web <1>", "IyEvYmluL3NoCg=="
		case "i-hard":
			instance.TokensRequired = true
		case "i-broken":
			return metadata.Instance{}, errors.New("secret")
		default:
			return metadata.Instance{}, metadata.ErrNotFound
		}
		return instance, nil
	}
	return metadata.New(find, func() time.Time { return *now }, []byte("key"))
}

func ask(h http.Handler, method, path string, header ...string) (int, string) {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func TestItems(t *testing.T) {
	now := noon
	h := server(&now)
	for _, test := range []struct {
		path string
		code int
		want string
	}{
		{"/i-1/latest/meta-data/instance/spot/termination-time", 200, "2015-01-05T18:02:00Z"},
		{"/i-2/latest/meta-data/instance/spot/termination-time", 404, ""},
		{"/i-2/latest/meta-data/instance/spot/", 404, ""},
		{"/i-2/latest/meta-data/instance-id", 200, "i-2"},
		{"/i-2/latest/meta-data/instance/instance-type", 200, "ecs.c6.large"},
		{"/i-2/latest/meta-data/instance/instance-name", 200, "web <1>"},
		{"/i-1/latest/meta-data/instance/instance-name", 404, ""},
		{"/i-2/latest/meta-data/region-id", 200, "cn-shenzhen"},
		{"/i-2/latest/meta-data/zone-id", 200, "cn-shenzhen-d"},
		{"/i-2/latest/", 200, "api/\nmeta-data/\nuser-data"},
		{"/i-1/latest/", 200, "api/\nmeta-data/"},
		{"/i-2/latest/user-data", 200, "#!/bin/sh\n"},
		{"/i-1/latest/user-data", 404, ""},
		{"/i-3/latest/user-data", 404, ""},
		{"/i-2/latest/meta-data/user-data", 404, ""},
		{"/i-2/latest/meta-data/", 200, "instance-id\ninstance/\nregion-id\nzone-id"},
		{"/i-2/latest/meta-data/instance", 200, "instance-name\ninstance-type"},
		{"/i-1/latest/meta-data/instance/", 200, "instance-type\nspot/"},
		{"/i-1/latest/meta-data/instance/spot/", 200, "termination-time"},
		{"/i-2/latest/meta-data/nothing", 404, ""},
		{"/i-2/latest/meta-data/inst", 404, ""},
		{"/i-3/latest/meta-data/instance-id", 404, ""},
		{"/i-3/latest/", 404, ""},
		{"/", 404, ""},
		{"/i-2", 404, ""},
		{"/i-broken/latest/meta-data/", 503, ""},
		{"/" + strings.Repeat("i", 300) + "/latest/meta-data/", 404, ""},
		{"/i-2/latest/meta-data/" + strings.Repeat("a/", 4000), 404, ""},
	} {
		code, got := ask(h, "GET", test.path)
		if code != test.code || code == 200 && got != test.want || strings.Contains(got, "secret") {
			t.Errorf("%s: %d %q", test.path, code, got)
		}
	}
	if code, _ := ask(h, "POST", "/i-2/latest/meta-data/instance-id"); code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", code)
	}
}

func TestHardenedMode(t *testing.T) {
	now := noon
	h := server(&now)
	const ttl, token = "X-aliyun-ecs-metadata-token-ttl-seconds", "X-aliyun-ecs-metadata-token"
	for _, seconds := range []string{"", "0", "-1", "21601", "99999999999999999999", "1s"} {
		if code, _ := ask(h, "PUT", "/i-2/latest/api/token", ttl, seconds); code != http.StatusBadRequest {
			t.Errorf("a token for %q seconds: %d", seconds, code)
		}
	}
	code, mine := ask(h, "PUT", "/i-2/latest/api/token", ttl, "60")
	if code != 200 || mine == "" {
		t.Fatalf("%d %q", code, mine)
	}
	const path = "/latest/meta-data/instance-id"
	if code, got := ask(h, "GET", "/i-2"+path, token, mine); code != 200 || got != "i-2" {
		t.Errorf("%d %q", code, got)
	}
	for name, test := range map[string]struct{ id, token string }{
		"of another": {"/i-1", mine}, "garbage": {"/i-2", "garbage"}, "empty": {"/i-2", ""}, "changed": {"/i-2", "A" + mine[1:][:len(mine)-2] + "A"},
	} {
		if code, _ := ask(h, "GET", test.id+path, token, test.token); code != http.StatusForbidden {
			t.Errorf("%s: %d", name, code)
		}
	}
	now = now.Add(time.Minute)
	if code, _ := ask(h, "GET", "/i-2"+path, token, mine); code != http.StatusForbidden {
		t.Errorf("after its end: %d", code)
	}
	if code, _ := ask(h, "PUT", "/i-3/latest/api/token", ttl, "60"); code != 404 {
		t.Errorf("a token for nobody: %d", code)
	}
	// One that is told something only with a token.
	for _, path := range []string{path, "/latest/meta-data/", "/latest/", "/latest/user-data"} {
		if code, got := ask(h, "GET", "/i-hard"+path); code != http.StatusForbidden || !strings.Contains(got, "PUT /i-hard/latest/api/token") {
			t.Errorf("%s without a token: %d %q", path, code, got)
		}
	}
	if code, mine = ask(h, "PUT", "/i-hard/latest/api/token", ttl, "60"); code != 200 {
		t.Errorf("its token: %d", code)
	}
	if code, got := ask(h, "GET", "/i-hard"+path, token, mine); code != 200 || got != "i-hard" {
		t.Errorf("with its token: %d %q", code, got)
	}
}
