package healthcheck_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/seed-198b1370/muster/pkg/natsserver/natstest"
	"github.com/seed-198b1370/muster/pkg/rpc"
	"github.com/seed-198b1370/muster/pkg/rpc/rpctest"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
	"github.com/seed-198b1370/muster/services/healthcheck"
	"github.com/seed-198b1370/muster/services/healthcheck/internal/fleettest"
)

// secret signs what the webhooks of these tests send.
var secret = []byte("a secret of enough bytes to sign with")

// An endpoint takes what is sent, or answers with a status that it was told.
type endpoint struct {
	*httptest.Server
	mu      sync.Mutex
	answer  int      // status; 0 for 204
	taken   []string // ids of what was taken
	refused int
	wrong   []string // what was wrong with requests
}

func newEndpoint(t *testing.T) *endpoint {
	t.Helper()
	e := &endpoint{}
	e.Server = httptest.NewServer(http.HandlerFunc(e.serve))
	t.Cleanup(e.Close)
	return e
}

func (e *endpoint) serve(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	defer e.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	if err != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/cloudevents+json" {
		e.wrong = append(e.wrong, fmt.Sprint(r.Method, r.Header, err))
	}
	id := r.Header.Get("webhook-id")
	mac := hmac.New(sha256.New, secret)
	fmt.Fprintf(mac, "%s.%s.%s", id, r.Header.Get("webhook-timestamp"), body)
	if want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)); r.Header.Get("webhook-signature") != want {
		e.wrong = append(e.wrong, "signature "+r.Header.Get("webhook-signature"))
	}
	var event struct{ ID, SpecVersion string }
	if err := json.Unmarshal(body, &event); err != nil || event.ID != id || event.SpecVersion != "1.0" {
		e.wrong = append(e.wrong, "body "+string(body))
	}
	if e.answer != 0 {
		e.refused++
		w.Header().Set("Location", e.URL+"/elsewhere")
		http.Error(w, strings.Repeat("no ", 1<<16), e.answer)
		return
	}
	e.taken = append(e.taken, id)
	w.WriteHeader(http.StatusNoContent)
}

func (e *endpoint) tell(status int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.answer = status
}

func (e *endpoint) has() (taken []string, refused int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Sorted(slices.Values(e.taken)), e.refused
}

// lockedLog is a log that tests can read.
type lockedLog struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lockedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// serveWebhooks runs a service whose webhooks may go to this machine, and gives a
// client of them.
func serveWebhooks(t *testing.T, fleet *fleettest.Fleet) (healthv1.WebhookServiceClient, *lockedLog) {
	t.Helper()
	client, log, _ := serveWebhooksOn(t, fleet, natstest.NewJetStream(t), healthcheck.Config{PrivateWebhooks: true})
	return client, log
}

// serveWebhooksOn is serveWebhooks with a configuration; stop ends the service.
func serveWebhooksOn(t *testing.T, fleet *fleettest.Fleet, js jetstream.JetStream, config healthcheck.Config) (client healthv1.WebhookServiceClient, log *lockedLog, stop func()) {
	t.Helper()
	log = &lockedLog{}
	service, err := healthcheck.New(config, healthcheck.Deps{
		Fleet: fleet.Serve(t), JetStream: js, Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { service.Close() })
	stop = run(t, service)
	<-service.Ready()
	return healthv1.NewWebhookServiceClient(rpctest.Serve(t, service.Register)), log, stop
}

func as(t *testing.T, account string) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(metadata.AppendToOutgoingContext(context.Background(), "muster-account", account), patience)
	t.Cleanup(cancel)
	return ctx
}

func setWebhook(t *testing.T, client healthv1.WebhookServiceClient, webhook *healthv1.Webhook) *healthv1.Webhook {
	t.Helper()
	resp, err := client.SetWebhook(as(t, "1234"), &healthv1.SetWebhookRequest{Webhook: webhook, Secret: secret})
	if err != nil {
		t.Fatal(err)
	}
	return resp.GetWebhook()
}

// A webhook is sent what it asked for, signed, once it is taken; a dead one
// holds up no other, and what it did not take can be sent again.
func TestWebhooks_deliver(t *testing.T) {
	fleet, js := fleettest.New(), natstest.NewJetStream(t)
	client, log, _ := serveWebhooksOn(t, fleet, js, healthcheck.Config{PrivateWebhooks: true})
	well, dead, moved, silent := newEndpoint(t), newEndpoint(t), newEndpoint(t), newEndpoint(t)
	dead.tell(http.StatusInternalServerError)
	moved.tell(http.StatusFound)
	silent.Close()
	fleet.Live("i-before", "apg-1")
	awaitUntil(t, func() bool { return stored(js) == 4 }) // published before there was any webhook
	set := setWebhook(t, client, &healthv1.Webhook{WebhookId: "well", Url: well.URL + "?key=in-the-query", GroupId: "apg-1"})
	if set.GetMaxAttempts() != 10 || len(set.GetEventTypes()) != 8 || set.GetCreateTime() == nil {
		t.Errorf("defaults are %v", set)
	}
	setWebhook(t, client, &healthv1.Webhook{WebhookId: "dead", Url: dead.URL, MaxAttempts: 2, EventTypes: []string{"muster.instance.running"}})
	setWebhook(t, client, &healthv1.Webhook{WebhookId: "moved", Url: moved.URL, MaxAttempts: 1, EventTypes: []string{"muster.instance.running"}})
	setWebhook(t, client, &healthv1.Webhook{WebhookId: "silent", Url: silent.URL + "?key=in-the-query", MaxAttempts: 1, EventTypes: []string{"muster.instance.running"}})
	var want, runs []string
	for i := range 20 {
		id := fmt.Sprintf("i-%02d", i)
		fleet.Live(id, fmt.Sprintf("apg-%d", i%2+1))
		if i%2 == 0 {
			want = append(want, id+"/4", id+"/6")
		}
		runs = append(runs, id+"/3")
	}
	awaitUntil(t, func() bool { taken, _ := well.has(); return len(taken) >= len(want) })
	awaitUntil(t, func() bool {
		list, err := client.ListWebhooks(as(t, "1234"), &healthv1.ListWebhooksRequest{})
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range list.GetWebhooks() {
			wantDead := int64(len(runs))
			if one.GetWebhookId() == "well" {
				wantDead = 0
			}
			if one.GetPendingEvents() != 0 || one.GetDeadLetters() != wantDead {
				return false
			}
		}
		return true
	})
	if taken, _ := well.has(); !slices.Equal(dropOld(taken), want) {
		t.Errorf("sent %v, want %v", taken, want)
	}
	if _, refused := dead.has(); refused < 2*len(runs) {
		t.Errorf("the dead endpoint was tried %d times, want 2 for each of %d", refused, len(runs))
	}
	if _, refused := moved.has(); refused < len(runs) || refused > len(runs)+5 {
		t.Errorf("the endpoint that moved was tried %d times, want 1 for each of %d: redirects are not followed", refused, len(runs))
	}
	for id, wantError := range map[string]string{"dead": "HTTP status 500", "moved": "HTTP status 302", "silent": "connection refused"} {
		letters, err := client.ListDeadLetters(as(t, "1234"), &healthv1.ListDeadLettersRequest{WebhookId: id})
		if err != nil || len(letters.GetDeadLetters()) != len(runs) {
			t.Fatalf("%s has letters %v, %v", id, letters, err)
		}
		for _, letter := range letters.GetDeadLetters() {
			if !slices.Contains(runs, letter.GetEventId()) || letter.GetEventType() != "muster.instance.running" || !strings.Contains(letter.GetError(), wantError) || letter.GetTime() == nil {
				t.Errorf("letter of %s is %v", id, letter)
			}
		}
	}
	dead.tell(0)
	resp, err := client.RedeliverDeadLetters(as(t, "1234"), &healthv1.RedeliverDeadLettersRequest{WebhookId: "dead"})
	if err != nil || int(resp.GetDelivered()) != len(runs) || resp.GetLeft() != 0 {
		t.Errorf("redelivered %v, %v", resp, err)
	}
	if taken, _ := dead.has(); !slices.Equal(taken, runs) {
		t.Errorf("redelivered %v, want %v", taken, runs)
	}
	resp, err = client.RedeliverDeadLetters(as(t, "1234"), &healthv1.RedeliverDeadLettersRequest{WebhookId: "moved"})
	if err != nil || resp.GetDelivered() != 0 || int(resp.GetLeft()) != len(runs) {
		t.Errorf("redelivered %v, %v", resp, err)
	}
	for _, one := range []*endpoint{well, dead, moved} {
		if len(one.wrong) > 0 {
			t.Errorf("wrong requests: %.500v", one.wrong)
		}
	}
	for _, hidden := range []string{string(secret), base64.StdEncoding.EncodeToString(secret), "in-the-query"} {
		if strings.Contains(log.String(), hidden) {
			t.Errorf("the log tells %q", hidden)
		}
	}
}

// dropOld leaves out the events of the instance that lived before.
func dropOld(ids []string) []string {
	return slices.DeleteFunc(ids, func(id string) bool { return strings.HasPrefix(id, "i-before") })
}

// An endpoint that fails for a while gets everything once it is well, and a
// webhook that is changed or deleted is sent what it then asks for.
func TestWebhooks_retryAndChange(t *testing.T) {
	fleet := fleettest.New()
	client, _ := serveWebhooks(t, fleet)
	one := newEndpoint(t)
	one.tell(http.StatusServiceUnavailable)
	setWebhook(t, client, &healthv1.Webhook{WebhookId: "one", Url: one.URL, EventTypes: []string{"muster.instance.created"}})
	fleet.Launch("i-1", "apg-1")
	awaitUntil(t, func() bool { _, refused := one.has(); return refused >= 1 })
	one.tell(0)
	awaitUntil(t, func() bool { taken, _ := one.has(); return slices.Equal(taken, []string{"i-1/1"}) })

	// Another URL and other types, under the secret it has.
	two := newEndpoint(t)
	if _, err := client.SetWebhook(as(t, "1234"), &healthv1.SetWebhookRequest{Webhook: &healthv1.Webhook{
		WebhookId: "one", Url: two.URL, EventTypes: []string{"muster.instance.running"},
	}}); err != nil {
		t.Fatal(err)
	}
	awaitUntil(t, func() bool { // the change has reached whoever sends, a moment after it was answered
		fleet.Step("i-1", fleetv1.TransitionKind_TRANSITION_KIND_RUNNING, 0)
		taken, _ := two.has()
		return len(taken) > 0
	})
	before, _ := one.has()
	fleet.Launch("i-2", "apg-1")
	if _, err := client.DeleteWebhook(as(t, "1234"), &healthv1.DeleteWebhookRequest{WebhookId: "one"}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.DeleteWebhook(as(t, "1234"), &healthv1.DeleteWebhookRequest{WebhookId: "one"}); err != nil {
		t.Errorf("deleted again: %v", err)
	}
	if list, err := client.ListWebhooks(as(t, "1234"), &healthv1.ListWebhooksRequest{}); err != nil || len(list.GetWebhooks()) != 0 {
		t.Errorf("after the deletion: %v, %v", list, err)
	}
	if taken, _ := one.has(); len(taken) != len(before) {
		t.Errorf("after the second the first URL was sent %v", taken[len(before):])
	}
	if len(one.wrong)+len(two.wrong) > 0 {
		t.Errorf("wrong requests: %.500v", append(one.wrong, two.wrong...))
	}
}

// Bad input changes nothing and is refused in full; an account has its own
// webhooks (S8), and no more than there may be.
func TestWebhooks_refusals(t *testing.T) {
	client, _ := serveWebhooks(t, fleettest.New())
	good := func() *healthv1.SetWebhookRequest {
		return &healthv1.SetWebhookRequest{Webhook: &healthv1.Webhook{WebhookId: "w", Url: "https://example.com/hook"}, Secret: secret}
	}
	for name, test := range map[string]struct {
		spoil func(*healthv1.SetWebhookRequest)
		want  int // violations
	}{
		"no webhook":       {func(r *healthv1.SetWebhookRequest) { r.Webhook = nil }, 1},
		"no secret":        {func(r *healthv1.SetWebhookRequest) { r.Secret = nil }, 1},
		"short secret":     {func(r *healthv1.SetWebhookRequest) { r.Secret = []byte("short") }, 1},
		"an id with a dot": {func(r *healthv1.SetWebhookRequest) { r.Webhook.WebhookId = "a.b" }, 1},
		"the mark":         {func(r *healthv1.SetWebhookRequest) { r.Webhook.WebhookId = "_" }, 1},
		"no URL":           {func(r *healthv1.SetWebhookRequest) { r.Webhook.Url = "" }, 1},
		"a file":           {func(r *healthv1.SetWebhookRequest) { r.Webhook.Url = "file:///etc/passwd" }, 1},
		"a password":       {func(r *healthv1.SetWebhookRequest) { r.Webhook.Url = "http://a:b@example.com" }, 1},
		"no host":          {func(r *healthv1.SetWebhookRequest) { r.Webhook.Url = "http:///x" }, 1},
		"unknown types":    {func(r *healthv1.SetWebhookRequest) { r.Webhook.EventTypes = []string{"a", "muster.instance.Running"} }, 2},
		"group is a mark":  {func(r *healthv1.SetWebhookRequest) { r.Webhook.GroupId = "_" }, 1},
		"attempts":         {func(r *healthv1.SetWebhookRequest) { r.Webhook.MaxAttempts = 21 }, 1},
		"all of it": {func(r *healthv1.SetWebhookRequest) {
			r.Webhook.Url, r.Webhook.EventTypes, r.Webhook.GroupId = "x", []string{"y"}, "_"
		}, 3},
	} {
		req := good()
		test.spoil(req)
		if _, err := client.SetWebhook(as(t, "1234"), req); status.Code(err) != codes.InvalidArgument || len(rpc.FieldViolations(err)) != test.want {
			t.Errorf("%s: got %v, want %d violations", name, err, test.want)
		}
	}
	if list, err := client.ListWebhooks(as(t, "1234"), &healthv1.ListWebhooksRequest{}); err != nil || len(list.GetWebhooks()) != 0 {
		t.Errorf("bad input left %v, %v", list, err)
	}
	if _, err := client.SetWebhook(as(t, "1234"), good()); err != nil {
		t.Fatal(err)
	}
	for _, account := range []string{"5678", "123"} {
		if list, err := client.ListWebhooks(as(t, account), &healthv1.ListWebhooksRequest{}); err != nil || len(list.GetWebhooks()) != 0 {
			t.Errorf("account %s sees %v, %v", account, list, err)
		}
		if _, err := client.ListDeadLetters(as(t, account), &healthv1.ListDeadLettersRequest{WebhookId: "w"}); !rpc.HasReason(err, healthv1.ErrorReason_ERROR_REASON_WEBHOOK_NOT_FOUND) {
			t.Errorf("letters of another: %v", err)
		}
		if _, err := client.RedeliverDeadLetters(as(t, account), &healthv1.RedeliverDeadLettersRequest{WebhookId: "w"}); !rpc.HasReason(err, healthv1.ErrorReason_ERROR_REASON_WEBHOOK_NOT_FOUND) {
			t.Errorf("redelivery of another: %v", err)
		}
		if _, err := client.DeleteWebhook(as(t, account), &healthv1.DeleteWebhookRequest{WebhookId: "w"}); err != nil {
			t.Errorf("deletion of another: %v", err)
		}
	}
	for i := range 99 {
		req := good()
		req.Webhook.WebhookId = fmt.Sprint("w-", i)
		if _, err := client.SetWebhook(as(t, "1234"), req); err != nil {
			t.Fatal(err)
		}
	}
	req := good()
	req.Webhook.WebhookId = "one-too-many"
	if _, err := client.SetWebhook(as(t, "1234"), req); !rpc.HasReason(err, healthv1.ErrorReason_ERROR_REASON_TOO_MANY_WEBHOOKS) {
		t.Errorf("the 101st: %v", err)
	}
	if list, err := client.ListWebhooks(as(t, "1234"), &healthv1.ListWebhooksRequest{}); err != nil || len(list.GetWebhooks()) != 100 {
		t.Errorf("the account has %d, %v", len(list.GetWebhooks()), err)
	}
}

// Webhooks go to no private address unless they may, and who sets one is told.
func TestWebhooks_privateAddresses(t *testing.T) {
	client, _, _ := serveWebhooksOn(t, fleettest.New(), natstest.NewJetStream(t), healthcheck.Config{})
	for _, url := range []string{
		"http://127.0.0.1/", "https://localhost:8443", "http://a.localhost./", "http://[::1]/", "http://10.0.0.1", "http://169.254.169.254/latest", "http://[::ffff:192.168.0.1]/",
	} {
		_, err := client.SetWebhook(as(t, "1234"), &healthv1.SetWebhookRequest{Webhook: &healthv1.Webhook{WebhookId: "w", Url: url}, Secret: secret})
		if violations := rpc.FieldViolations(err); status.Code(err) != codes.InvalidArgument || len(violations) != 1 || violations[0].GetField() != "webhook.url" {
			t.Errorf("%s: %v", url, err)
		}
	}
	if list, err := client.ListWebhooks(as(t, "1234"), &healthv1.ListWebhooksRequest{}); err != nil || len(list.GetWebhooks()) != 0 {
		t.Errorf("left %v, %v", list, err)
	}
}

// Secrets can be sealed where they are kept, those of before, too; and without
// the key nothing is sent until there is a new secret.
func TestWebhooks_sealedSecrets(t *testing.T) {
	fleet, js := fleettest.New(), natstest.NewJetStream(t)
	one := newEndpoint(t)
	config := healthcheck.Config{ReplicaName: "only", PrivateWebhooks: true}
	client, _, stop := serveWebhooksOn(t, fleet, js, config)
	webhook := &healthv1.Webhook{WebhookId: "w", Url: one.URL, EventTypes: []string{"muster.instance.created"}}
	setWebhook(t, client, webhook)
	isClear := func() bool {
		kv, err := js.KeyValue(t.Context(), "MUSTER_WEBHOOKS")
		if err != nil {
			t.Fatal(err)
		}
		entry, err := kv.Get(t.Context(), "1234.w")
		if err != nil {
			t.Fatal(err)
		}
		return bytes.Contains(entry.Value(), []byte(base64.StdEncoding.EncodeToString(secret)))
	}
	if !isClear() {
		t.Error("without a key it is not in the clear: the test looks for the wrong thing")
	}
	stop()

	config.WebhookKey = bytes.Repeat([]byte("k"), 32)
	client, _, stop = serveWebhooksOn(t, fleet, js, config)
	awaitUntil(t, func() bool { return !isClear() })
	fleet.Launch("i-1", "")
	awaitUntil(t, func() bool { taken, _ := one.has(); return slices.Contains(taken, "i-1/1") })
	webhook.MaxAttempts = 3 // a change that keeps the secret
	if _, err := client.SetWebhook(as(t, "1234"), &healthv1.SetWebhookRequest{Webhook: webhook}); err != nil || isClear() {
		t.Errorf("changed: %v", err)
	}
	stop()

	config.WebhookKey = bytes.Repeat([]byte("x"), 32)
	client, log, _ := serveWebhooksOn(t, fleet, js, config)
	awaitUntil(t, func() bool { return strings.Contains(log.String(), "sealed with another key") })
	if _, err := client.SetWebhook(as(t, "1234"), &healthv1.SetWebhookRequest{Webhook: webhook}); status.Code(err) != codes.InvalidArgument {
		t.Errorf("a secret that nobody can open is kept: %v", err)
	}
	fleet.Launch("i-2", "")
	setWebhook(t, client, webhook)
	awaitUntil(t, func() bool { taken, _ := one.has(); return slices.Contains(taken, "i-2/1") })
	if len(one.wrong) > 0 {
		t.Errorf("wrong requests: %.500v", one.wrong)
	}
	if _, err := healthcheck.New(healthcheck.Config{WebhookKey: []byte("short")}, healthcheck.Deps{Fleet: fleet.Serve(t), JetStream: js}); err == nil {
		t.Error("a short key is taken")
	}
}

// However many dead letters there are, one call sends each again, those behind
// ones that are refused, too.
func TestWebhooks_redeliversAll(t *testing.T) {
	fleet := fleettest.New()
	client, _ := serveWebhooks(t, fleet)
	one := newEndpoint(t)
	one.tell(http.StatusServiceUnavailable)
	setWebhook(t, client, &healthv1.Webhook{WebhookId: "w", Url: one.URL, MaxAttempts: 1, EventTypes: []string{"muster.instance.created"}})
	const letters = 600 // more than are held at once
	for i := range letters {
		fleet.Launch(fmt.Sprintf("i-%03d", i), "")
	}
	awaitUntil(t, func() bool {
		list, err := client.ListWebhooks(as(t, "1234"), &healthv1.ListWebhooksRequest{})
		return err == nil && list.GetWebhooks()[0].GetDeadLetters() == letters
	})
	again := func() *healthv1.RedeliverDeadLettersResponse {
		resp, err := client.RedeliverDeadLetters(as(t, "1234"), &healthv1.RedeliverDeadLettersRequest{WebhookId: "w"})
		if err != nil {
			t.Fatal(err)
		}
		return resp
	}
	_, before := one.has()
	if resp := again(); resp.GetDelivered() != 0 || resp.GetLeft() != letters {
		t.Errorf("refused: %v", resp)
	}
	if _, after := one.has(); after-before != letters {
		t.Errorf("%d of %d were sent again", after-before, letters)
	}
	one.tell(0)
	if resp := again(); resp.GetDelivered() != letters || resp.GetLeft() != 0 {
		t.Errorf("taken: %v", resp)
	}
}
