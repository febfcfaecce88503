package cli

import (
	"context"
	"errors"

	"github.com/seed-198b1370/muster/cmd/muster/stack"
)

type serveGateway struct {
	process
	ECSListen     string `name:"ecs-listen" help:"Host and port on which the ECS API is answered over HTTP." default:"127.0.0.1:7080"`
	Fleet         string `required:"" placeholder:"ADDR" help:"Host and port of the cloud."`
	Group         string `required:"" placeholder:"ADDR" help:"Host and port of the group service."`
	AllowUnsigned bool   `name:"ecs-allow-unsigned" help:"Believe every call, signed or not, to be the default account's."`
}

// Run answers the ECS API.
func (c *serveGateway) Run(ctx context.Context, on console) error {
	err := errors.Join(checkListen("--ecs-listen", c.ECSListen), checkAddress("--fleet", c.Fleet), checkAddress("--group", c.Group))
	if err != nil {
		return err
	}
	if !c.AllowUnsigned {
		return misuse("the gateway has no access keys to hold signatures against: --ecs-allow-unsigned believes every call")
	}
	return c.run(ctx, on, stack.Config{Roles: []stack.Role{stack.Gateway}, ECSListen: c.ECSListen, FleetAddr: c.Fleet, GroupAddr: c.Group})
}
