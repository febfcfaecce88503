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
	// What is played here is called without a connection between: HTTP and a
	// signature cost as much as a call of gRPC does, and to pay for both is too
	// much. Validation, errors and deadlines are the same.
	groups, fleet := grpc.ClientConnInterface(s.direct), grpc.ClientConnInterface(s.direct)
	if !s.config.plays(Groupsvc) {
		conn, err := s.connTo(Groupsvc, s.config.GroupAddr)
		if err != nil {
			return err
		}
		groups = conn
	}
	if !s.config.plays(Fleetsim) {
		fleet = s.fleet
	}
	verifier := s.config.ECSVerifier
	if verifier == nil {
		verifier = gateway.Unsigned(rpc.DefaultAccount)
	}
	var err error
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
