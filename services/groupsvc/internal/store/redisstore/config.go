package redisstore

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/redis/go-redis/v9"
)

// Bounds of one command, in real time: those behind it wait no longer than this
// for a server that has stopped to answer.
const (
	dialTimeout    = 2 * time.Second
	commandTimeout = 2 * time.Second
	poolTimeout    = 3 * time.Second
	// readRetries is how often a read is tried again; a write never is.
	readRetries = 1
	// poolSize is how many commands a process has under way at most.
	poolSize = 64
)

// Config says where Redis is and how it is talked to.
type Config struct {
	// URL is `redis://host:port/number`, or `rediss://` for TLS. With one
	// `addr=host:port` or more in its query it is that of a Redis Cluster, all
	// of whose nodes need not be named.
	URL string
	// Password is used in place of one in the URL, unless empty.
	Password string
	// CA are certificates in PEM that the server's must be signed by, in place
	// of the system's. Only with TLS.
	CA []byte
}

// Check tells what is wrong with the configuration. It repeats no password.
func (c Config) Check() error {
	_, err := c.connectLater()
	return err
}

// errURL tells what a URL must be like. What the parsers say of a wrong one may
// have its password in it.
var errURL = errors.New("the URL of the store must be like redis://127.0.0.1:6379/0, rediss:// for TLS, with ?addr=HOST:PORT for the further nodes of a cluster")

// connect makes a client. It does not reach for the server yet.
func (c Config) connect() (redis.UniversalClient, error) {
	open, err := c.connectLater()
	if err != nil {
		return nil, err
	}
	return open(), nil
}

func (c Config) connectLater() (func() redis.UniversalClient, error) {
	parsed, err := url.Parse(c.URL)
	if err != nil || parsed.Host == "" || parsed.Scheme != "redis" && parsed.Scheme != "rediss" {
		return nil, errURL
	}
	if parsed.Query().Has("addr") {
		return c.cluster()
	}
	return c.single()
}

func (c Config) single() (func() redis.UniversalClient, error) {
	options, err := redis.ParseURL(c.URL)
	if err != nil {
		return nil, errURL
	}
	if c.Password != "" {
		options.Password = c.Password
	}
	if options.TLSConfig, err = c.secure(options.TLSConfig); err != nil {
		return nil, err
	}
	options.DialTimeout, options.ReadTimeout, options.WriteTimeout, options.PoolTimeout = dialTimeout, commandTimeout, commandTimeout, poolTimeout
	options.PoolSize, options.ContextTimeoutEnabled, options.MaxRetries = poolSize, true, readRetries
	return func() redis.UniversalClient { return redis.NewClient(options) }, nil
}

func (c Config) cluster() (func() redis.UniversalClient, error) {
	options, err := redis.ParseClusterURL(c.URL)
	if err != nil {
		return nil, errURL
	}
	if c.Password != "" {
		options.Password = c.Password
	}
	if options.TLSConfig, err = c.secure(options.TLSConfig); err != nil {
		return nil, err
	}
	options.DialTimeout, options.ReadTimeout, options.WriteTimeout, options.PoolTimeout = dialTimeout, commandTimeout, commandTimeout, poolTimeout
	options.PoolSize, options.ContextTimeoutEnabled, options.MaxRetries = poolSize, true, readRetries
	return func() redis.UniversalClient { return redis.NewClusterClient(options) }, nil
}

// secure adds the certificates to trust to what a URL says of TLS.
func (c Config) secure(config *tls.Config) (*tls.Config, error) {
	switch {
	case len(c.CA) == 0:
		return config, nil
	case config == nil:
		return nil, errors.New("certificates to trust need a URL with rediss://")
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(c.CA) {
		return nil, fmt.Errorf("there is no certificate in PEM among those to trust, %d bytes", len(c.CA))
	}
	return config, nil
}
