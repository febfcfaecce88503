// Package stack composes Muster's services into a process: all of them, or one.
// It owns which service is handed which connection, clock and folder, and in
// which order they start and stop. It must not decide anything that a service
// decides.
//
// It is what `muster up` and `muster serve` run, and it can be embedded: a test
// starts the whole system with [Start] and talks to it over [Stack.Conn].
package stack

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"github.com/seed-198b1370/muster/pkg/clock"
	"github.com/seed-198b1370/muster/pkg/secure"
	"github.com/seed-198b1370/muster/pkg/tracing/otlp"
	"github.com/seed-198b1370/muster/services/fleetsim/catalog"
	"github.com/seed-198b1370/muster/services/fleetsim/scenario"
	"github.com/seed-198b1370/muster/services/gateway"
	"github.com/seed-198b1370/muster/services/groupsvc"
	"github.com/seed-198b1370/muster/services/healthcheck"
)

// A Role is one of the services that a process can play.
type Role string

// The roles.
const (
	// Fleetsim is the simulated cloud.
	Fleetsim Role = "fleetsim"
	// Allocator answers placement requests.
	Allocator Role = "allocator"
	// Healthcheck publishes instance events.
	Healthcheck Role = "healthcheck"
	// Groupsvc keeps groups at their targets.
	Groupsvc Role = "groupsvc"
	// Gateway answers the ECS API over HTTP. A process that plays another role
	// does so, too, when ECSListen is set.
	Gateway Role = "gateway"
)

// AllRoles are the roles of `muster up`, in the order in which they start.
func AllRoles() []Role { return []Role{Fleetsim, Allocator, Healthcheck, Groupsvc} }

// Config tells what a process shall be.
type Config struct {
	// Roles to play. Empty: all.
	Roles []Role
	// Listen is the host and port of the gRPC server. Port 0 takes a free one.
	// Empty: the server is reached in process only, through [Stack.Conn].
	Listen string
	// TLS are the files of the gRPC server's side of TLS. Unset: plain text.
	TLS secure.ServerFiles
	// PeerTLS are the files with which services in other processes are called.
	// Unset: they are called in plain text.
	PeerTLS secure.ClientFiles
	// Plaintext lets gRPC be spoken without TLS beyond this machine, where
	// whoever is on the way reads and changes everything.
	Plaintext bool
	// TokensFile tells who may call what; see [access.ParseTokens]. Empty:
	// whoever reaches the gRPC server may call everything for any account.
	TokensFile string
	// CallsPerSecond is how many calls an account may make to the process; 0 for
	// no limit. Only with TokensFile.
	CallsPerSecond float64
	// PeerTokenFile holds the token with which services in other processes are
	// called. Empty: none is sent.
	PeerTokenFile string
	// DataDir holds everything that must survive, one folder a service; it is
	// made if it does not exist. Empty: all state is in memory.
	DataDir string

	// FleetAddr, AllocatorAddr: host and port of services that other processes
	// play. Needed for each role that a role played here depends on.
	FleetAddr     string
	AllocatorAddr string
	// HealthAddr is the host and port of a health check in another process.
	// Empty, and not played here: groups replace nothing for being unhealthy.
	HealthAddr string
	// GroupAddr is the host and port of a group service in another process, for
	// the ECS API.
	GroupAddr string
	// NATSURL is where JetStream is reached. Empty: it is embedded, and a role
	// that needs it finds it in process.
	NATSURL string
	// NATSAuth is how this process makes itself known to the server of NATSURL.
	NATSAuth NATSAuth
	// NATSListen is the host and port on which the embedded JetStream is
	// reached by other processes. Empty: none.
	NATSListen string

	// Health is how events are kept and written. Only with the role healthcheck.
	Health healthcheck.Config

	// MetadataListen is the host and port on which instances read their
	// metadata over HTTP. Empty: none. Only with the role fleetsim.
	MetadataListen string

	// ECSListen is the host and port on which the ECS API is answered over HTTP.
	// Empty: it is not.
	ECSListen string
	// ECSListenOptional makes a port that can not be had no failure: the log says
	// so, and the ECS API is not answered.
	ECSListenOptional bool
	// ECSVerifier tells who makes a call of the ECS API. Nil believes every call,
	// signed or not, to be the default account's.
	ECSVerifier gateway.Verifier
	// MetricsListen is the host and port on which what the services count is read
	// over HTTP, and whether they are alive and ready. Empty: none.
	MetricsListen string
	// Profiles lets what the Go runtime tells of the process be read there, too,
	// under /debug/pprof/. Only with MetricsListen.
	Profiles bool
	// Traces says where traces go. Without an endpoint nothing is traced. A service
	// without a name is called muster, or muster- and its role where it is alone.
	Traces otlp.Config

	// InstancePort is the port of the loopback interface on which instances
	// answer health probes, each at its private address; a negative one is any
	// that is free. 0: they have no addresses. Only with the role fleetsim.
	InstancePort int
	// InstancePortOptional makes a port that can not be had no failure: the log
	// says so, and instances have no addresses.
	InstancePortOptional bool

	// Speed is how many seconds of simulated time pass in a second, 0.001 to
	// 100,000; 0 means what the scenario says, or 1. Only with the role
	// fleetsim.
	Speed float64
	// Scenario is what the simulated cloud begins as; it takes the place of
	// Seed, CalmMarket and Catalog. Nil: a plain cloud. Only with the role
	// fleetsim.
	Scenario *scenario.Scenario
	// Seed of the simulated market and of the times that instances take. Only
	// with the role fleetsim.
	Seed uint64
	// CalmMarket makes prices and other tenants' demand stand still. Only with
	// the role fleetsim.
	CalmMarket bool
	// Catalog is what the simulated cloud sells; nil means the one built in.
	// Only with the role fleetsim.
	Catalog *catalog.Catalog
	// LookInterval is how often the group service looks at a group that
	// nothing woke it for, in time of the cloud's clock; 0 means its default.
	LookInterval time.Duration
	// Store is a store of groups that this process shares with others; without
	// its URL groups are in DataDir. Only with the role groupsvc.
	Store groupsvc.SharedStore
	// LeaseDuration is how long the group service has a group for itself once it
	// has begun to look at it, in time of the cloud's clock; 0 means its default.
	LeaseDuration time.Duration
	// MaxViewAge is for how long, in real time, the cloud may tell the allocator
	// nothing before placements are refused; 0 for the allocator's default.
	MaxViewAge time.Duration
	// WithoutEvents cuts the group service off from the event stream, so that
	// only its periodic look is left. For tests.
	WithoutEvents bool

	// Grace is how long running calls may take to end when the process stops;
	// 0 means five seconds.
	Grace time.Duration
	// Log takes what operators should know; nil discards it.
	Log *slog.Logger
}

// defaultGrace is the Grace of a Config that names none.
const defaultGrace = 5 * time.Second

func (c Config) withDefaults() Config {
	if len(c.Roles) == 0 {
		c.Roles = AllRoles()
	}
	if c.Grace == 0 {
		c.Grace = defaultGrace
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.NATSURL == "" && c.Health.ReplicaName == "" {
		// A JetStream of its own has no other replica, so that this one need not
		// wait for its own lease after it was killed.
		c.Health.ReplicaName = "embedded"
	}
	return c
}

// check tells everything that is wrong with the configuration.
func (c Config) check() error {
	var wrong []error
	if c.Speed != 0 {
		wrong = append(wrong, clock.CheckSpeed(c.Speed))
	}
	if c.Traces.Endpoint != "" {
		wrong = append(wrong, c.Traces.Check())
	}
	wrong = append(wrong, c.TLS.Check(), c.PeerTLS.Check(), c.checkPlaintext(), c.checkECS())
	wrong = append(wrong, checkNATSURL(c.NATSURL), c.NATSAuth.check(c.NATSURL), c.Health.Encoding.Check(), c.Store.Check())
	for _, role := range c.Roles {
		switch role {
		case Fleetsim, Gateway:
		case Allocator, Healthcheck:
			wrong = append(wrong, c.needs(role, Fleetsim, c.FleetAddr))
		case Groupsvc:
			wrong = append(wrong, c.needs(role, Fleetsim, c.FleetAddr), c.needs(role, Allocator, c.AllocatorAddr))
			if !c.plays(Healthcheck) && c.NATSURL == "" && !c.WithoutEvents {
				wrong = append(wrong, errors.New("groupsvc without healthcheck in the same process needs the URL of NATS"))
			}
		default:
			wrong = append(wrong, fmt.Errorf("role %q is none of %v", role, append(AllRoles(), Gateway)))
		}
	}
	return errors.Join(wrong...)
}

// checkPlaintext refuses to speak plain text beyond this machine unasked.
func (c Config) checkPlaintext() error {
	if c.Plaintext {
		return nil
	}
	var wrong []error
	if c.Listen != "" && !c.TLS.Used() && !secure.IsLoopback(c.Listen) {
		wrong = append(wrong, fmt.Errorf("to listen on %s, where other machines reach it, takes TLS, or plain text asked for by name", c.Listen))
	}
	if c.ECSListen != "" && !secure.IsLoopback(c.ECSListen) {
		wrong = append(wrong, fmt.Errorf("to answer the ECS API on %s, where other machines reach it, takes plain text asked for by name", c.ECSListen))
	}
	for _, addr := range []string{c.FleetAddr, c.AllocatorAddr, c.HealthAddr, c.GroupAddr} {
		if addr != "" && !c.PeerTLS.Used() && !secure.IsLoopback(addr) {
			wrong = append(wrong, fmt.Errorf("to call %s, which is another machine, takes TLS, or plain text asked for by name", addr))
		}
	}
	return errors.Join(wrong...)
}

// checkNATSURL tells what is wrong with the URL of a NATS server. The client
// would take anything for the name of a host and look for it for ever.
func checkNATSURL(text string) error {
	if text == "" {
		return nil
	}
	parsed, err := url.Parse(text)
	if err != nil || parsed.Host == "" || parsed.Scheme != "nats" && parsed.Scheme != "tls" {
		return fmt.Errorf("the URL of NATS must be like nats://127.0.0.1:4222, got %q", text)
	}
	return nil
}

func (c Config) needs(role, other Role, addr string) error {
	if c.plays(other) || addr != "" {
		return nil
	}
	return fmt.Errorf("%s needs the address of %s", role, other)
}

func (c Config) plays(role Role) bool {
	for _, played := range c.Roles {
		if played == role {
			return true
		}
	}
	return false
}
