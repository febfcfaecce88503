package access

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/seed-198b1370/muster/pkg/rpc"
)

// requestIDField is the field of a request that makes it idempotent.
const requestIDField = "request_id"

// audit writes the record of a call that changes something: who made it, for which
// account, of what, and how it ended. What services do for others is told at the
// level debug: those others are in the record of the service that they called.
func (g *Gate) audit(ctx context.Context, caller Caller, account, method string, request, response any, err error) {
	level := slog.LevelInfo
	if caller.Role == Service {
		level = slog.LevelDebug
	}
	if !g.log.Enabled(ctx, level) {
		return
	}
	requestID, resource := told(request)
	if _, made := told(response); err == nil {
		resource = strings.TrimSpace(resource + " " + made)
	}
	g.log.Log(ctx, level, "audit", "who", caller.Name, "role", caller.Role.String(), "account", account, "method", method,
		"request_id", requestID, "resource", resource, "outcome", outcome(err))
}

// outcome is how a call ended, as a code.
func outcome(err error) string {
	code := status.Code(err)
	if code == codes.Unknown {
		code = status.FromContextError(err).Code()
	}
	if code == codes.Unknown {
		code = codes.Internal // which is what the caller is told
	}
	return code.String()
}

// told tells the request id in a message, and the ids of what it is about: the
// fields that are ids, and of lists of ids how many. Nothing else of a message is
// in the record, for it may be secret.
func told(message any) (requestID, resource string) {
	held, ok := message.(proto.Message)
	if !ok {
		return "", ""
	}
	var parts []string
	ids(held.ProtoReflect(), 0, func(name, value string) {
		if name == requestIDField {
			requestID = value
			return
		}
		parts = append(parts, name+"="+value)
	})
	return requestID, strings.Join(parts, " ")
}

// ids tells the ids in a message and in those that it holds.
func ids(message protoreflect.Message, depth int, tell func(name, value string)) {
	fields := message.Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		if !message.Has(field) || field.IsMap() {
			continue
		}
		name := string(field.Name())
		switch {
		case field.IsList() && strings.HasSuffix(name, "_ids"):
			tell(name, fmt.Sprint(message.Get(field).List().Len()))
		case field.IsList():
		case field.Kind() == protoreflect.StringKind && strings.HasSuffix(name, "_id"):
			tell(name, rpc.Cut(message.Get(field).String()))
		case field.Message() != nil && depth == 0:
			ids(message.Get(field).Message(), depth+1, tell)
		}
	}
}
