package cli

import (
	"context"
	"errors"
	"os"
	"strings"
	"time"

	"github.com/seed-198b1370/muster/cmd/muster/stack"
	"github.com/seed-198b1370/muster/services/groupsvc"
)

type serveGroupsvc struct {
	process
	kept
	controlled
	sharing
	natsKnown
	Fleet     string `required:"" placeholder:"ADDR" help:"Host and port of the cloud."`
	Allocator string `required:"" placeholder:"ADDR" help:"Host and port of the allocator."`
	Health    string `placeholder:"ADDR" help:"Host and port of the health check. Without it nothing is replaced for being unhealthy."`
	NATS      string `name:"nats" required:"" help:"URL of the NATS server with JetStream that the health check publishes to." placeholder:"URL"`
}

// sharing is how several group services share their work.
type sharing struct {
	Store         string        `env:"MUSTER_SERVE_STORE,MUSTER_STORE" help:"URL of the Redis that several group services share, redis://HOST:PORT/NUMBER, or rediss:// for TLS; with ?addr=HOST:PORT that of a Redis Cluster. In place of --data-dir." placeholder:"URL"`
	StorePassword string        `name:"store-password-file" help:"File with the password of the store." placeholder:"FILE"`
	StoreCA       string        `name:"store-ca" help:"File with the certificates, in PEM, that the store's must be signed by; by default those of the system." placeholder:"FILE"`
	LeaseDuration time.Duration `help:"How long a group service has a group for itself once it has begun to look at it, in simulated time: after so long others take over from one that was killed." default:"5m"`
}

// config reads what is in files, or tells what is wrong.
func (c sharing) sharedStore() (groupsvc.SharedStore, error) {
	if c.LeaseDuration <= 0 {
		return groupsvc.SharedStore{}, misuse("--lease-duration must be above 0, got %v", c.LeaseDuration)
	}
	if c.Store == "" {
		return groupsvc.SharedStore{}, errors.Join(
			checkNeeds("--store-password-file", c.StorePassword != "", "--store"), checkNeeds("--store-ca", c.StoreCA != "", "--store"))
	}
	shared := groupsvc.SharedStore{URL: c.Store}
	if c.StorePassword != "" {
		password, err := os.ReadFile(c.StorePassword)
		if err != nil {
			return shared, misuse("--store-password-file: %v", err)
		}
		shared.Password = strings.TrimRight(string(password), "\r\n")
	}
	if c.StoreCA != "" {
		var err error
		if shared.CA, err = os.ReadFile(c.StoreCA); err != nil {
			return shared, misuse("--store-ca: %v", err)
		}
	}
	if err := shared.Check(); err != nil {
		return shared, misuse("--store: %v", err)
	}
	return shared, nil
}

// checkNeeds refuses a flag that means nothing without another.
func checkNeeds(flag string, is bool, other string) error {
	if !is {
		return nil
	}
	return misuse("%s can be given with %s only", flag, other)
}

// Run runs the group service.
func (c *serveGroupsvc) Run(ctx context.Context, on console) error {
	shared, err := c.sharedStore()
	if err := errors.Join(err, c.check(), checkAddress("--fleet", c.Fleet), checkAddress("--allocator", c.Allocator)); err != nil {
		return err
	}
	if c.Store != "" {
		if err := checkAlone("--store", given{"--data-dir", c.DataDir != ""}); err != nil {
			return err
		}
	}
	if c.Health != "" {
		if err := checkAddress("--health", c.Health); err != nil {
			return err
		}
	}
	auth, err := c.auth()
	if err != nil {
		return err
	}
	return c.run(ctx, on, stack.Config{
		NATSAuth: auth,
		Roles:    []stack.Role{stack.Groupsvc}, DataDir: c.DataDir, FleetAddr: c.Fleet, AllocatorAddr: c.Allocator, HealthAddr: c.Health,
		NATSURL: c.NATS, LookInterval: c.LookInterval, Store: shared, LeaseDuration: c.LeaseDuration,
	})
}
