package events

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Defaults of a [StreamConfig].
const (
	defaultReplicas  = 1
	defaultMaxAge    = 7 * 24 * time.Hour
	defaultMaxBytes  = 2 << 30
	defaultMaxMemory = 256 << 20
	defaultDuplicate = 2 * time.Minute
)

// StreamConfig tells how the stream is kept. What passes a bound goes oldest
// first.
type StreamConfig struct {
	// Replicas is how many servers of a NATS cluster hold the stream, 1 to 5;
	// 0 means 1.
	Replicas int
	// MaxAge is how long events are kept; 0 means a week.
	MaxAge time.Duration
	// MaxBytes is how much is kept, in bytes; 0 means 2 GiB, or 256 MiB in
	// memory.
	MaxBytes int64
	// DuplicateWindow is for how long JetStream drops a message whose id it has
	// seen, at most MaxAge; 0 means two minutes. It costs memory for each event
	// in it.
	DuplicateWindow time.Duration
	// MemoryStorage keeps the stream in memory: it ends with its server.
	MemoryStorage bool
}

func (c StreamConfig) toJetStream() jetstream.StreamConfig {
	config := jetstream.StreamConfig{
		Name: StreamName, Subjects: []string{AllSubjects},
		Description: "What becomes of instances.",
		Retention:   jetstream.LimitsPolicy, Discard: jetstream.DiscardOld,
		Storage:    jetstream.FileStorage,
		Replicas:   c.Replicas,
		MaxAge:     c.MaxAge,
		MaxBytes:   c.MaxBytes,
		Duplicates: c.DuplicateWindow,
		// Headers count, too.
		MaxMsgSize: 4 * MaxEventBytes,
	}
	if c.MemoryStorage {
		config.Storage = jetstream.MemoryStorage
	}
	if config.Replicas == 0 {
		config.Replicas = defaultReplicas
	}
	if config.MaxAge == 0 {
		config.MaxAge = defaultMaxAge
	}
	if config.MaxBytes == 0 {
		config.MaxBytes = defaultMaxBytes
		if c.MemoryStorage {
			config.MaxBytes = defaultMaxMemory
		}
	}
	if config.Duplicates == 0 {
		config.Duplicates = min(defaultDuplicate, config.MaxAge)
	}
	return config
}

// EnsureStream makes the stream, or brings one that exists to a configuration.
func EnsureStream(ctx context.Context, js jetstream.JetStream, config StreamConfig) error {
	if _, err := js.CreateOrUpdateStream(ctx, config.toJetStream()); err != nil {
		return fmt.Errorf("make stream %s: %w", StreamName, err)
	}
	return nil
}
