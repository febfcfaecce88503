// Package gateway is the service that answers the ECS API, version 2014-05-26,
// over HTTP: official clients call it as they call the real one. It owns how
// requests are read, proved and answered; what operations do is in tables and
// mappings that turn them into calls of Muster's services. It keeps no state
// of its own, and must not decide anything that those services decide.
package gateway

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/seed-198b1370/muster/pkg/clock"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/services/gateway/internal/ops"
	"github.com/seed-198b1370/muster/services/gateway/wire"
)

// Config tells how the gateway serves.
type Config struct {
	// CallTimeout is how long one call may take, in real time; 0 means a minute.
	CallTimeout time.Duration
}

// A Caller is who made a call.
type Caller struct {
	// AccountID is the account of Muster's that the call is made for.
	AccountID string
	// AccessKeyID is the key that the call was signed with; empty for none.
	AccessKeyID string
	// Actions are the operations that the key may call, by name or, with a star
	// at the end, by how names begin. Empty: all.
	Actions []string
}

// may tells whether the caller may call an operation.
func (c Caller) may(operation string) bool {
	return len(c.Actions) == 0 || slices.ContainsFunc(c.Actions, func(action string) bool {
		beginning, open := strings.CutSuffix(action, "*")
		return action == operation || open && strings.HasPrefix(operation, beginning)
	})
}

// A Verifier tells who made a call.
type Verifier interface {
	// Authenticate tells who made a request, or refuses it with a [wire.Error].
	// The body is the request's, read to its end; the request's own is spent.
	Authenticate(request *http.Request, body []byte) (Caller, error)
}

// Unsigned is a verifier that believes every call to be an account's, signed or
// not.
type Unsigned string

// Authenticate implements [Verifier].
func (u Unsigned) Authenticate(*http.Request, []byte) (Caller, error) {
	return Caller{AccountID: string(u)}, nil
}

// Deps are the parts that the gateway works with. It closes none of them.
type Deps struct {
	// Groups, Templates and Fleet are the services that calls become.
	Groups    groupv1.GroupServiceClient
	Templates groupv1.LaunchTemplateServiceClient
	Fleet     fleetv1.FleetServiceClient
	// Verifier tells who calls.
	Verifier Verifier
	// Clock tells for how long answers of the cloud are remembered, in real time.
	// Nil means the wall clock.
	Clock clock.Clock
	// Log takes what operators should know; nil discards it.
	Log *slog.Logger
}

// A Gateway answers the ECS API. It is an [http.Handler].
type Gateway struct {
	config     Config
	verifier   Verifier
	backends   *ops.Backends
	operations map[action]*ops.Operation
	versions   map[string]bool
	buffers    sync.Pool // of *[]byte, for answers
	log        *slog.Logger
}

// An action is an operation as a request names it.
type action struct{ version, name string }

// New makes the gateway. It reaches for nothing before it is called.
func New(config Config, deps Deps) (*Gateway, error) {
	if deps.Groups == nil || deps.Templates == nil || deps.Fleet == nil {
		return nil, errors.New("the gateway needs the group service, its launch templates and a fleet")
	}
	if deps.Verifier == nil {
		return nil, errors.New("the gateway needs a verifier that tells who calls")
	}
	if deps.Clock == nil {
		deps.Clock = clock.NewWall()
	}
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	if config.CallTimeout == 0 {
		config.CallTimeout = time.Minute
	}
	g := &Gateway{
		config: config, verifier: deps.Verifier, log: deps.Log,
		backends:   &ops.Backends{Groups: deps.Groups, Templates: deps.Templates, Cloud: ops.NewCloud(deps.Fleet, deps.Clock)},
		operations: make(map[action]*ops.Operation), versions: make(map[string]bool),
	}
	for _, operation := range ops.All() {
		key := action{operation.APIVersion(), operation.Name}
		if _, twice := g.operations[key]; twice {
			return nil, fmt.Errorf("the operation %s %s is there twice", key.name, key.version)
		}
		g.operations[key] = &operation
		g.versions[key.version] = true
	}
	return g, nil
}

// Bounds of connections.
const (
	readTimeout = 30 * time.Second
	idleTimeout = 2 * time.Minute
	// headerBytes bounds the request line and headers: room for as many
	// parameters as are read, which then are refused with an error of the API.
	headerBytes = wire.MaxBytes + 256<<10
)

// Serve answers on a listener until the context ends, then lets running calls
// end within grace, and cuts off those that have not. It closes the listener.
func (g *Gateway) Serve(ctx context.Context, listener net.Listener, grace time.Duration) error {
	server := &http.Server{
		Handler: g, MaxHeaderBytes: headerBytes,
		ReadTimeout: readTimeout, WriteTimeout: readTimeout + g.config.CallTimeout, IdleTimeout: idleTimeout,
		ErrorLog: slog.NewLogLogger(g.log.Handler(), slog.LevelDebug),
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve the ECS API: %w", err)
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
		defer cancel()
		if server.Shutdown(bounded) != nil {
			return server.Close()
		}
		return nil
	})
	return group.Wait()
}

// newRequestID makes the id of a call: a random UUID in upper case.
func newRequestID() string {
	var raw [16]byte
	_, _ = rand.Read(raw[:]) // never fails
	raw[6], raw[8] = raw[6]&0x0f|0x40, raw[8]&0x3f|0x80
	text := strings.ToUpper(hex.EncodeToString(raw[:]))
	return text[:8] + "-" + text[8:12] + "-" + text[12:16] + "-" + text[16:20] + "-" + text[20:]
}
