package records_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"github.com/seed-198b1370/muster/pkg/natsserver/natstest"
	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/healthcheck/storage/v1"
	"github.com/seed-198b1370/muster/services/healthcheck/internal/records"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait of these tests.
const patience = 30 * time.Second

// run runs a store until the test ends or stop is called.
func run(t *testing.T, store *records.Store) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- store.Run(ctx, func(records.Change) {}) }()
	stop = sync.OnceFunc(func() {
		cancel()
		<-ended
	})
	t.Cleanup(stop)
	return stop
}

func await(t *testing.T, store *records.Store, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(patience)
	for {
		changed := store.Changed()
		if holds() {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func verdictOf(id, account, group string, status healthv1.HealthStatus, number int64) *storagev1.StoredVerdict {
	return &storagev1.StoredVerdict{Verdict: &healthv1.HealthVerdict{
		InstanceId: id, AccountId: account, GroupId: group, Status: status, Number: number,
	}}
}

const (
	sick = healthv1.HealthStatus_HEALTH_STATUS_UNHEALTHY
	well = healthv1.HealthStatus_HEALTH_STATUS_HEALTHY
)

// What one replica stores, every other shows, also one that comes later; and an
// entry that another has changed is not written over.
func TestStore_isSharedByReplicas(t *testing.T) {
	js := natstest.NewJetStream(t)
	config := records.Config{Log: slog.New(slog.DiscardHandler)}
	a, b := records.New(js, config), records.New(js, config)
	run(t, a)
	stopB := run(t, b)
	<-a.Ready()
	<-b.Ready()
	group := records.Group{AccountID: "default", GroupID: "apg-1"}
	first, err := a.PutVerdict(t.Context(), verdictOf("i-1", "default", "apg-1", sick, 1), 0)
	if err != nil {
		t.Fatal(err)
	}
	await(t, b, "a verdict", func() bool { return len(b.Unhealthy(group)) == 1 })
	if b.Verdict("i-1").Revision != first {
		t.Errorf("revision is %d, want %d", b.Verdict("i-1").Revision, first)
	}
	second, err := b.PutVerdict(t.Context(), verdictOf("i-1", "default", "apg-1", well, 2), first)
	if err != nil {
		t.Fatal(err)
	}
	for _, over := range []uint64{0, first} {
		if _, err := a.PutVerdict(t.Context(), verdictOf("i-1", "default", "apg-1", sick, 3), over); !errors.Is(err, records.ErrConflict) {
			t.Errorf("written over revision %d: %v", over, err)
		}
	}
	if latest, err := a.Latest(t.Context(), "i-1"); err != nil || latest.Revision != second || latest.GetVerdict().GetNumber() != 2 {
		t.Errorf("the latest is %v, %v", latest, err)
	}
	await(t, a, "the recovery", func() bool { return len(a.Unhealthy(group)) == 0 && a.Verdict("i-1").GetVerdict().GetNumber() == 2 })
	stopB()
	if _, err := a.PutUser(t.Context(), "i-2", &storagev1.StoredUserHealth{AccountId: "default", Unhealthy: true}); err != nil {
		t.Fatal(err)
	}
	policy := &healthv1.HealthPolicy{MaxFlaps: 7}
	if err := a.PutPolicy(t.Context(), group, policy); err != nil {
		t.Fatal(err)
	}
	if err := a.Forget(t.Context(), "i-1"); err != nil {
		t.Fatal(err)
	}
	c := records.New(js, config)
	run(t, c)
	<-c.Ready()
	if c.Verdict("i-1").StoredVerdict != nil || !c.User("i-2").GetUnhealthy() || !proto.Equal(c.Policy(group), policy) {
		t.Errorf("another shows %v, %v, %v", c.Verdict("i-1"), c.User("i-2"), c.Policy(group))
	}
}

// The server is away when the store begins, and goes away later: all is there
// again when it is back.
func TestStore_serverGoesAway(t *testing.T) {
	site := natstest.NewSite(t)
	js := site.Dial()
	site.Stop()
	store := records.New(js, records.Config{Log: slog.New(slog.DiscardHandler)})
	run(t, store)
	site.Start()
	<-store.Ready()
	if _, err := store.PutVerdict(t.Context(), verdictOf("i-1", "default", "", sick, 1), 0); err != nil {
		t.Fatal(err)
	}
	site.Stop()
	site.Start()
	other := records.New(site.Dial(), records.Config{Log: slog.New(slog.DiscardHandler)})
	run(t, other)
	<-other.Ready()
	var err error
	for range 100 { // until the connection is there again
		if _, err = other.PutVerdict(t.Context(), verdictOf("i-2", "default", "", sick, 1), 0); err == nil {
			break
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	await(t, store, "both", func() bool { return len(store.Unhealthy(records.Group{AccountID: "default"})) == 2 })
}

// What can not be read is passed over, and what a later version stores is left
// alone.
func TestStore_passesOverGarbage(t *testing.T) {
	js := natstest.NewJetStream(t)
	store := records.New(js, records.Config{Log: slog.New(slog.DiscardHandler)})
	run(t, store)
	<-store.Ready()
	kv, err := js.KeyValue(t.Context(), records.Bucket)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"verdict.i-1", "user.i-1", "policy.default.apg-1", "later.kind", "verdict"} {
		if _, err := kv.Put(t.Context(), key, []byte{0xff, 0xff, 0xff}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := store.PutVerdict(t.Context(), verdictOf("i-2", "default", "", sick, 1), 0); err != nil {
		t.Fatal(err)
	}
	await(t, store, "what comes after it", func() bool { return store.Verdict("i-2").StoredVerdict != nil })
	if store.Verdict("i-1").StoredVerdict != nil || store.User("i-1").StoredUserHealth != nil {
		t.Error("garbage was taken over")
	}
}

// A bucket that is lost while a replica runs has again what users have set, and
// not what they had taken back before; what they set in the new one stands.
func TestStore_bucketIsLost(t *testing.T) {
	js := natstest.NewJetStream(t)
	config := records.Config{Log: slog.New(slog.DiscardHandler)}
	a, b := records.New(js, config), records.New(js, config)
	run(t, a)
	run(t, b)
	<-a.Ready()
	<-b.Ready()
	kept, changed := records.Group{AccountID: "acme.corp", GroupID: "apg-1"}, records.Group{AccountID: "acme", GroupID: "apg-1"}
	removed := records.Group{AccountID: "default", GroupID: "apg-3"}
	for _, group := range []records.Group{kept, changed, removed} {
		if err := a.PutPolicy(t.Context(), group, &healthv1.HealthPolicy{MaxFlaps: 7}); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.RemovePolicy(t.Context(), removed); err != nil {
		t.Fatal(err)
	}
	if _, err := a.PutUser(t.Context(), "i-1", &storagev1.StoredUserHealth{AccountId: "default", Unhealthy: true, Reason: "disk full"}); err != nil {
		t.Fatal(err)
	}
	for _, store := range []*records.Store{a, b} {
		await(t, store, "what was set", func() bool { return store.User("i-1").GetUnhealthy() && store.Policy(removed) == nil })
	}
	if err := js.DeleteKeyValue(t.Context(), records.Bucket); err != nil {
		t.Fatal(err)
	}
	if err := a.PutPolicy(t.Context(), changed, &healthv1.HealthPolicy{MaxFlaps: 9}); err != nil { // finds that it is gone
		if err := a.PutPolicy(t.Context(), changed, &healthv1.HealthPolicy{MaxFlaps: 9}); err != nil {
			t.Fatal(err)
		}
	}
	fresh := records.New(js, config) // knows only what is in the bucket
	run(t, fresh)
	<-fresh.Ready()
	for _, store := range []*records.Store{fresh, a, b} {
		await(t, store, "what was set", func() bool {
			return store.User("i-1").GetReason() == "disk full" && store.Policy(kept).GetMaxFlaps() == 7 && store.Policy(changed).GetMaxFlaps() == 9
		})
		if store.Policy(removed) != nil {
			t.Error("a policy that was removed is there again")
		}
	}
}
