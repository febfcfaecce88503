package api

import (
	"context"
	"errors"
	"strconv"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"

	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim/internal/engine"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// stopping turns what the engine says for itself into a status: a caller may
// try again elsewhere, or later.
func stopping(err error) error {
	if errors.Is(err, engine.ErrStopped) {
		return status.Error(codes.Unavailable, "the simulated cloud is stopping")
	}
	return err
}

// ended is why a stream ends when its reader or the engine has gone.
func ended(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return stopping(engine.ErrStopped)
}

// invalidToken refuses a page token or cursor.
func invalidToken(field, value string) error {
	var violations rpc.Violations
	violations.Add(field, value, "must be empty or one that this service gave")
	return violations.ErrWithReason(fleetv1.ErrorReason_ERROR_REASON_INVALID_TOKEN, nil)
}

// subject is what a call is about, for its refusal to name.
type subject struct {
	// account is whose call it is, method its name, where that matters.
	account, method string
	// requestID is its request id; empty for none.
	requestID string
	// instances is the ids of instances in the order in which the command has
	// them; disk is the id of a disk.
	instances []string
	disk      string
	// tags is how many tags are to be set.
	tags int
	// launch is what is to be launched; nil for nothing.
	launch *world.Launch
}

// instance is the id of the instance at a place.
func (s *subject) instance(place int) string {
	if place < 0 || place >= len(s.instances) {
		return ""
	}
	return s.instances[place]
}

// refusal is why something was not done, as the contract words it.
type refusal struct {
	code     codes.Code
	reason   fleetv1.ErrorReason
	metadata map[string]string
	message  string
	details  []protoadapt.MessageV1
}

// refuse turns what the engine or the world says into an error of the contract.
func (d *Deps) refuse(err error, of subject) error {
	var violations rpc.Violations
	switch {
	case errors.Is(err, world.ErrRequestMismatch):
		violations.Add("request_id", of.requestID, "must not be used again with other parameters")
		return violations.ErrWithReason(fleetv1.ErrorReason_ERROR_REASON_IDEMPOTENT_PARAMETER_MISMATCH, map[string]string{"request_id": of.requestID})
	case errors.Is(err, world.ErrTooManyTags):
		violations.Add("set_tags", rpc.Literal(strconv.Itoa(of.tags)+" entries"), "must leave every instance with at most "+strconv.Itoa(world.MaxTags)+" tags")
		return violations.Err()
	}
	why := d.refusalOf(err, of)
	if why.code == codes.OK {
		return stopping(err)
	}
	return rpc.Error(why.code, why.reason, why.metadata, why.message, why.details...)
}

// refusalOf is the refusal that an error of the world stands for; the zero value
// for other errors.
func (d *Deps) refusalOf(err error, of subject) refusal {
	for _, read := range []func(error, *subject) (refusal, bool){
		d.refusedInstance, d.refusedPurchase, d.refusedByFault, d.refusedDisk, d.refusedOrder,
	} {
		if why, ok := read(err, &of); ok {
			return why
		}
	}
	return refusal{}
}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }
