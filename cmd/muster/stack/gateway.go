package stack

import (
	"context"
	"errors"

	"google.golang.org/grpc"

	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/services/gateway"
)

// newGateway makes what answers the ECS API, and takes its port, if there is to
// be one.
func (s *Stack) newGateway(ctx context.Context) error {
	if s.config.ECSListen == "" {
		return nil
	}
	groups, err := s.behindGateway(Groupsvc, s.config.GroupAddr)
	if err != nil {
		return err
	}
	fleet, err := s.behindGateway(Fleetsim, s.config.FleetAddr)
	if err != nil {
		return err
	}
	verifier := s.config.ECSVerifier
	if verifier == nil {
		verifier = gateway.Unsigned(rpc.DefaultAccount)
	}
	s.gateway, err = gateway.New(gateway.Config{}, gateway.Deps{
		Groups: groupv1.NewGroupServiceClient(groups), Templates: groupv1.NewLaunchTemplateServiceClient(groups),
		Fleet: fleetv1.NewFleetServiceClient(fleet), Verifier: verifier, Log: s.config.Log.With("service", string(Gateway)),
	})
	if err != nil {
		return err
	}
	s.gatewayListener, err = s.take(ctx, "the ECS API", s.config.ECSListen)
	if err != nil && s.config.ECSListenOptional {
		s.config.Log.WarnContext(ctx, "the ECS API is not served", "error", err)
		return nil
	}
	return err
}

// behindGateway is how the gateway calls a role. What is played here is called
// without a connection between, validated and told in the same way: HTTP and a
// signature cost as much as a call of gRPC does, and to pay for both would be
// too much. Traces need the connection, which makes their spans.
func (s *Stack) behindGateway(role Role, addr string) (grpc.ClientConnInterface, error) {
	if s.config.plays(role) && s.tracing == nil {
		return s.direct, nil
	}
	if role == Fleetsim { // which is connected already
		return s.fleet, nil
	}
	return s.connTo(role, addr)
}

// ECSAddr is where the ECS API is answered over HTTP; empty when it is not.
func (s *Stack) ECSAddr() string {
	if s.gatewayListener == nil {
		return ""
	}
	return s.gatewayListener.Addr().String()
}

// checkECS tells what is wrong with how the ECS API is to be served.
func (c Config) checkECS() error {
	if c.ECSListen == "" {
		if c.plays(Gateway) {
			return errors.New("gateway needs the host and port on which to answer the ECS API")
		}
		return nil
	}
	return errors.Join(c.needs(Gateway, Fleetsim, c.FleetAddr), c.needs(Gateway, Groupsvc, c.GroupAddr))
}
