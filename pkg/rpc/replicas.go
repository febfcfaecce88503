package rpc

import (
	"google.golang.org/grpc"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"
)

// ServiceConfig is how a client calls Muster so that it does not notice when the
// processes behind the addresses are restarted one after another: in turns, and
// again what could not be done now. Each call that changes something is to have a
// request id then; so made twice, it is done once. In the form of
// https://github.com/grpc/grpc/blob/master/doc/service_config.md.
const ServiceConfig = `{
  "loadBalancingConfig": [{"round_robin": {}}],
  "methodConfig": [{
    "name": [{}],
    "waitForReady": true,
    "retryPolicy": {
      "maxAttempts": 5,
      "initialBackoff": "0.3s",
      "backoffMultiplier": 3,
      "maxBackoff": "5s",
      "retryableStatusCodes": ["UNAVAILABLE"]
    }
  }]
}`

// DialReplicas makes a client connection to processes that answer alike, at a host
// and port each, as [ServiceConfig] says. Calls wait for a process that answers, for
// as long as their context allows. It connects on first use.
func DialReplicas(addresses []string, options ...grpc.DialOption) (*grpc.ClientConn, error) {
	known := resolver.State{}
	for _, address := range addresses {
		known.Endpoints = append(known.Endpoints, resolver.Endpoint{Addresses: []resolver.Address{{Addr: address}}})
	}
	replicas := manual.NewBuilderWithScheme("replicas")
	replicas.InitialState(known)
	return dial("replicas:///muster", append([]grpc.DialOption{
		grpc.WithResolvers(replicas), grpc.WithDefaultServiceConfig(ServiceConfig),
	}, options...)...)
}
