package events

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed-198b1370/muster/pkg/layout"
)

// layoutKey is where the metadata of a stream or bucket has the number of its
// layout. Releases before there were numbers wrote layout 1 without one.
const layoutKey = "muster.layout"

// layouts are the steps from each layout to the next. Kinds of events and fields
// that are only new need none: readers skip what they do not know.
func layouts() []func() error { return []func() error{layout.Same} }

// checkLayout refuses what a later release has written, by its metadata.
func checkLayout(metadata map[string]string) error {
	stored := 0
	if text, noted := metadata[layoutKey]; noted {
		var err error
		if stored, err = strconv.Atoi(text); err != nil {
			return fmt.Errorf("%w: its layout %.40q is no number", ErrFixed, text)
		}
	}
	if err := layout.Upgrade(stored, layouts()...); err != nil {
		return fmt.Errorf("%w: %w", ErrFixed, err)
	}
	return nil
}

// noted is metadata that says which layout this release writes.
func noted(metadata map[string]string) map[string]string {
	with := map[string]string{layoutKey: strconv.Itoa(len(layouts()))}
	maps.Copy(with, metadata)
	return with
}

// EnsureBucket makes a bucket of keys and values, or brings one that exists to a
// configuration. It returns [ErrFixed] if that can not be done, or if a later
// release has written it.
func EnsureBucket(ctx context.Context, js jetstream.JetStream, config jetstream.KeyValueConfig) (jetstream.KeyValue, error) {
	if err := checkBucket(ctx, js, config.Bucket); err != nil {
		return nil, fmt.Errorf("open bucket %s: %w", config.Bucket, err)
	}
	config.Metadata = noted(config.Metadata)
	bucket, err := js.CreateOrUpdateKeyValue(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open bucket %s: %w", config.Bucket, MarkFixed(err))
	}
	return bucket, nil
}

func checkBucket(ctx context.Context, js jetstream.JetStream, name string) error {
	bucket, err := js.KeyValue(ctx, name)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	status, err := bucket.Status(ctx)
	if err != nil {
		return err
	}
	return checkLayout(status.Metadata())
}
