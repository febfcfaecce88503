package events

import (
	"context"
	"errors"
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

func (c StreamConfig) toJetStream(name, subjects, description string) jetstream.StreamConfig {
	config := jetstream.StreamConfig{
		Name: name, Subjects: []string{subjects}, Description: description,
		Retention: jetstream.LimitsPolicy, Discard: jetstream.DiscardOld,
		Storage:    jetstream.FileStorage,
		Replicas:   c.Replicas,
		MaxAge:     c.MaxAge,
		MaxBytes:   c.MaxBytes,
		Duplicates: c.DuplicateWindow,
		// Headers count, too.
		MaxMsgSize: 4 * MaxEventBytes,
		// Lets publishers send many events on one acknowledgement. A server that
		// does not know it passes it over.
		AllowBatchPublish: true,
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

// ErrFixed is returned for a configuration that a stream can not be brought to.
// Trying again does not help.
var ErrFixed = errors.New("stream can not be changed to that")

// EnsureStream makes the schema's stream, or brings one that exists to a
// configuration. It returns [ErrFixed] if that can not be done, or if a
// later release has written it.
func (s Schema[E]) EnsureStream(ctx context.Context, js jetstream.JetStream, config StreamConfig) error {
	return ensure(ctx, js, config.toJetStream(s.stream, s.Subjects(), s.description))
}

// Codes of the server for what it will refuse for ever.
const (
	errCodeInvalidConfig   = 10052
	errCodeSubjectsOverlap = 10065
	errCodeReplicasAlone   = 10074
)

func ensure(ctx context.Context, js jetstream.JetStream, config jetstream.StreamConfig) error {
	if err := update(ctx, js, config); err != nil {
		return fmt.Errorf("make stream %s: %w", config.Name, MarkFixed(err))
	}
	return nil
}

// MarkFixed makes an [ErrFixed] of an error by which JetStream refuses a
// configuration for good. Others stay as they are.
func MarkFixed(err error) error {
	var refused *jetstream.APIError
	if errors.As(err, &refused) {
		switch int(refused.ErrorCode) {
		case errCodeInvalidConfig, errCodeSubjectsOverlap, errCodeReplicasAlone:
			return fmt.Errorf("%w: %w", ErrFixed, err)
		}
	}
	return err
}

// update makes a stream or changes it, where its storage is the one asked for:
// the server's own words about that are hard to understand.
func update(ctx context.Context, js jetstream.JetStream, config jetstream.StreamConfig) error {
	stream, err := js.Stream(ctx, config.Name)
	if err == nil {
		if err := checkLayout(stream.CachedInfo().Config.Metadata); err != nil {
			return err
		}
		if has := stream.CachedInfo().Config.Storage; has != config.Storage {
			return fmt.Errorf("%w: it is kept in %s, not in %s, and where a stream is kept does not change; "+
				"ask for %[2]s, or delete the stream with all that it holds", ErrFixed, inWords(has), inWords(config.Storage))
		}
	} else if !errors.Is(err, jetstream.ErrStreamNotFound) {
		return err
	}
	config.Metadata = noted(config.Metadata)
	_, err = js.CreateOrUpdateStream(ctx, config)
	return err
}

func inWords(storage jetstream.StorageType) string {
	if storage == jetstream.MemoryStorage {
		return "memory"
	}
	return "files"
}
