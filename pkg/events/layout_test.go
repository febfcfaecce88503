package events_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed-198b1370/muster/pkg/events"
	"github.com/seed-198b1370/muster/pkg/natsserver/natstest"
)

// Streams and buckets of before there were numbers of layouts get one; those of a
// later release are refused, and left as they are.
func TestLayout(t *testing.T) {
	js := natstest.NewJetStream(t)
	stream := jetstream.StreamConfig{Name: events.StreamName, Subjects: []string{events.Instances().Subjects()}}
	bucket := jetstream.KeyValueConfig{Bucket: "some"}
	if _, err := js.CreateStream(t.Context(), stream); err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateKeyValue(t.Context(), bucket); err != nil {
		t.Fatal(err)
	}
	layoutOf := func() (ofStream, ofBucket string) {
		t.Helper()
		has, err := js.Stream(t.Context(), events.StreamName)
		if err != nil {
			t.Fatal(err)
		}
		kv, err := js.KeyValue(t.Context(), "some")
		if err != nil {
			t.Fatal(err)
		}
		status, err := kv.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return has.CachedInfo().Config.Metadata["muster.layout"], status.Metadata()["muster.layout"]
	}
	ensure := func() (ofStream, ofBucket error) {
		_, ofBucket = events.EnsureBucket(t.Context(), js, bucket)
		return events.Instances().EnsureStream(t.Context(), js, events.StreamConfig{}), ofBucket
	}
	for range 2 {
		if ofStream, ofBucket := ensure(); ofStream != nil || ofBucket != nil {
			t.Fatal(ofStream, ofBucket)
		}
		if ofStream, ofBucket := layoutOf(); ofStream != "1" || ofBucket != "1" {
			t.Errorf("layouts %q and %q, want 1", ofStream, ofBucket)
		}
	}
	for _, later := range []string{"2", "two"} {
		stream.Metadata, bucket.Metadata = map[string]string{"muster.layout": later}, map[string]string{"muster.layout": later}
		if _, err := js.UpdateStream(t.Context(), stream); err != nil {
			t.Fatal(err)
		}
		if _, err := js.UpdateKeyValue(t.Context(), bucket); err != nil {
			t.Fatal(err)
		}
		bucket.Metadata = nil
		ofStream, ofBucket := ensure()
		for _, err := range []error{ofStream, ofBucket} {
			if !errors.Is(err, events.ErrFixed) || later == "2" && !strings.Contains(err.Error(), "a later release wrote it in layout 2, this one reads up to layout 1") {
				t.Errorf("layout %s: got %v", later, err)
			}
		}
		if ofStream, ofBucket := layoutOf(); ofStream != later || ofBucket != later {
			t.Errorf("layouts %q and %q, want %s", ofStream, ofBucket, later)
		}
	}
}
