package publish

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	// bucket is the JetStream key-value bucket of the service.
	bucket = "MUSTER_HEALTHCHECK"
	// key holds the cursor in the fleet's stream.
	key = "fleet-cursor"
	// maxBucketBytes bounds the bucket, which holds one short value.
	maxBucketBytes = 1 << 20
)

// positions keeps the place in the fleet's stream.
type positions struct {
	js     jetstream.JetStream
	config jetstream.KeyValueConfig
	store  jetstream.KeyValue // nil until it was opened
}

func newPositions(js jetstream.JetStream, replicas int, inMemory bool) *positions {
	config := jetstream.KeyValueConfig{
		Bucket: bucket, Description: "Where the health service goes on in the fleet's stream.",
		History: 1, MaxBytes: maxBucketBytes, Replicas: replicas, Storage: jetstream.FileStorage,
	}
	if inMemory {
		config.Storage = jetstream.MemoryStorage
	}
	return &positions{js: js, config: config}
}

// open makes the bucket if it does not exist.
func (p *positions) open(ctx context.Context) error {
	store, err := p.js.CreateOrUpdateKeyValue(ctx, p.config)
	if err != nil {
		return fmt.Errorf("open bucket %s: %w", bucket, err)
	}
	p.store = store
	return nil
}

// load tells the place that was kept; empty when there is none.
func (p *positions) load(ctx context.Context) (string, error) {
	entry, err := p.store.Get(ctx, key)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read place in the fleet's stream: %w", err)
	}
	return string(entry.Value()), nil
}

// save keeps a place.
func (p *positions) save(ctx context.Context, cursor string) error {
	if _, err := p.store.PutString(ctx, key, cursor); err != nil {
		return fmt.Errorf("keep place in the fleet's stream: %w", err)
	}
	return nil
}
