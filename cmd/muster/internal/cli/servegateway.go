package cli

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"

	"github.com/seed-198b1370/muster/cmd/muster/stack"
	"github.com/seed-198b1370/muster/pkg/rpc"
	"github.com/seed-198b1370/muster/services/gateway"
	"github.com/seed-198b1370/muster/services/gateway/auth"
)

type serveGateway struct {
	process
	ECSListen     string `name:"ecs-listen" help:"Host and port on which the ECS API is answered over HTTP." default:"127.0.0.1:7080"`
	Fleet         string `required:"" placeholder:"ADDR" help:"Host and port of the cloud."`
	Group         string `required:"" placeholder:"ADDR" help:"Host and port of the group service."`
	Keys          string `name:"ecs-keys" placeholder:"FILE" help:"File of the access keys that calls may be signed with, in YAML: keys: with id, secret or secret_file, account each."`
	Nonces        string `name:"ecs-nonces" placeholder:"URL" help:"Redis in which several gateways remember the nonces that were used, as in redis://127.0.0.1:6379; by default this one remembers its own."`
	AllowUnsigned bool   `name:"ecs-allow-unsigned" help:"Believe every call, signed or not, to be the default account's."`
}

// Run answers the ECS API.
func (c *serveGateway) Run(ctx context.Context, on console) error {
	err := errors.Join(checkListen("--ecs-listen", c.ECSListen), checkAddress("--fleet", c.Fleet), checkAddress("--group", c.Group))
	if err != nil {
		return err
	}
	if c.Keys == "" && !c.AllowUnsigned {
		return misuse("the gateway needs access keys to hold signatures against, --ecs-keys, or --ecs-allow-unsigned, which believes every call")
	}
	config := stack.Config{Roles: []stack.Role{stack.Gateway}, ECSListen: c.ECSListen, FleetAddr: c.Fleet, GroupAddr: c.Group}
	if c.Keys == "" {
		return c.run(ctx, on, config)
	}
	unsigned := ""
	if c.AllowUnsigned {
		unsigned = rpc.DefaultAccount
	}
	nonces, closeNonces, err := openNonces(c.Nonces)
	if err != nil {
		return err
	}
	if config.ECSVerifier, err = newVerifier(c.Keys, nonces, unsigned); err != nil {
		return errors.Join(err, closeNonces())
	}
	return errors.Join(c.run(ctx, on, config), closeNonces())
}

// newVerifier holds signatures against the keys of a file.
func newVerifier(path string, nonces auth.Nonces, unsigned string) (gateway.Verifier, error) {
	keys, err := auth.LoadKeys(path)
	if err != nil {
		return nil, err
	}
	return auth.NewVerifier(keys, nonces, nil, unsigned), nil
}

// openNonces is where nonces are remembered: in Redis when its URL is given.
func openNonces(url string) (auth.Nonces, func() error, error) {
	if url == "" {
		return auth.NewMemory(nil, auth.MemoryLimit), func() error { return nil }, nil
	}
	options, err := redis.ParseURL(url)
	if err != nil {
		return nil, nil, misuse("--ecs-nonces must be the URL of a Redis, as in redis://127.0.0.1:6379")
	}
	client := redis.NewClient(options)
	return auth.NewRedis(client, "muster:gateway:"), client.Close, nil
}
