package groupsvc

import (
	"context"
	"log/slog"

	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store/boltstore"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store/memstore"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store/redisstore"
)

// A SharedStore says where a store is that any number of processes of the group
// service share. None of them is special: each takes groups that are due, a few
// at a time, and has them for a lease.
type SharedStore struct {
	// URL is that of a Redis server, `redis://host:port/number`, or `rediss://`
	// for TLS; with `?addr=host:port` that of a Redis Cluster. Empty: there is no
	// shared store.
	URL string
	// Password is used in place of one in the URL, unless empty.
	Password string
	// CA are certificates in PEM that the server's must be signed by, in place
	// of the system's. Only with TLS.
	CA []byte
}

// Check tells what is wrong with it. It repeats no password.
func (s SharedStore) Check() error {
	if s.URL == "" {
		return nil
	}
	return redisstore.Config(s).Check()
}

// openStore opens the store that a configuration names. One that is shared is
// waited for until the context ends.
func openStore(ctx context.Context, config Config, log *slog.Logger) (store.Store, error) {
	switch {
	case config.Memory != nil:
		return config.Memory, nil
	case config.Store.URL != "":
		return redisstore.Open(ctx, redisstore.Config(config.Store), log)
	case config.DataDir != "":
		return boltstore.Open(config.DataDir)
	default:
		return memstore.New(), nil
	}
}
