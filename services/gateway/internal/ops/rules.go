package ops

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/gateway/wire"
)

// A Rule tells in which words of the API an error of a service is told. The
// first rule that fits is taken: those of the operation, then the common ones.
type Rule struct {
	// Reason is the reason of the error with its domain, as in
	// group.muster/GROUP_NOT_FOUND. Empty: any.
	Reason string
	// Field is the field that the error is about, without the numbers of items,
	// or the beginning of it. Empty: any, and errors about none.
	Field string
	// Status is the status that the instance has that the error is about. Zero:
	// any, and errors about none.
	Status fleetv1.InstanceStatus
	// Error is what is told. The service's own words follow its message.
	Error wire.Error
}

// commonRules are those of all operations.
func commonRules() []Rule {
	return []Rule{
		{Reason: "group.muster/IDEMPOTENT_PARAMETER_MISMATCH", Error: errMismatch},
		{Reason: "fleet.muster/IDEMPOTENT_PARAMETER_MISMATCH", Error: errMismatch},
		{Reason: "group.muster/GROUP_NOT_FOUND", Error: errGroupNotFound},
		{Reason: "group.muster/LAUNCH_TEMPLATE_NOT_FOUND", Error: errTemplateNotFound},
		{Reason: "group.muster/LAUNCH_TEMPLATE_VERSION_NOT_FOUND", Error: errTemplateVersionNotFound},
		{Reason: "group.muster/ACCOUNT_NOT_FOUND", Error: errUnknownAccount},
		{Reason: "fleet.muster/ACCOUNT_NOT_FOUND", Error: errUnknownAccount},
		{Reason: "fleet.muster/THROTTLED", Error: errThrottled},
		{Reason: "fleet.muster/INSTANCE_NOT_FOUND", Error: wire.Error{
			Status: http.StatusNotFound, Code: "InvalidInstanceId.NotFound", Message: "The specified InstanceId does not exist.",
		}},
	}
}

// Errors that several operations answer with.
var (
	errMismatch = wire.Error{Status: http.StatusBadRequest, Code: "IdempotentParameterMismatch",
		Message: "The request uses the same client token as a previous, but non-identical request."}
	errGroupNotFound = wire.Error{Status: http.StatusNotFound, Code: "InvalidAutoProvisioningGroupId.NotFound",
		Message: "The specified AutoProvisioningGroupId does not exist."}
	errTemplateNotFound = wire.Error{Status: http.StatusNotFound, Code: "InvalidLaunchTemplate.NotFound",
		Message: "The specified launch template does not exist."}
	errTemplateVersionNotFound = wire.Error{Status: http.StatusNotFound, Code: "InvalidLaunchTemplateVersion.NotFound",
		Message: "The specified launch template version does not exist."}
	errUnknownAccount = wire.Error{Status: http.StatusForbidden, Code: "Forbidden.RAM",
		Message: "The access key belongs to an account that is not known to the cloud."}
	errThrottled = wire.Error{Status: http.StatusBadRequest, Code: "Throttling.User",
		Message: "Request was denied due to user flow control."}
	errInternal = wire.Error{Status: http.StatusInternalServerError, Code: "InternalError",
		Message: "The request processing has failed due to some unknown error."}
	errUnavailable = wire.Error{Status: http.StatusServiceUnavailable, Code: "ServiceUnavailable",
		Message: "The request has failed due to a temporary failure of the server."}
)

// InternalError is what is told of what went wrong inside.
func InternalError() wire.Error { return errInternal }

// Told is an error as the API tells it. The second result is true when it is
// not told and belongs into the log.
func Told(operation *Operation, err error) (told wire.Error, hidden bool) {
	if errors.As(err, &told) {
		return told, false
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return errUnavailable, false
	}
	state, ok := status.FromError(err)
	if !ok {
		return errInternal, true
	}
	about := detailsOf(state)
	for _, rules := range [][]Rule{operation.Rules, commonRules()} {
		for _, rule := range rules {
			if words, fits := rule.fits(about); fits {
				if words == "" {
					words = state.Message()
				}
				return rule.Error.With(sentence(words)), false
			}
		}
	}
	return byCode(state)
}

// details are what an error of a service says beside its words.
type details struct {
	reason   string // with its domain
	metadata map[string]string
	fields   []*errdetails.BadRequest_FieldViolation
}

func detailsOf(state *status.Status) details {
	var found details
	for _, detail := range state.Details() {
		switch held := detail.(type) {
		case *errdetails.ErrorInfo:
			found.reason, found.metadata = held.GetDomain()+"/"+held.GetReason(), held.GetMetadata()
		case *errdetails.BadRequest:
			found.fields = append(found.fields, held.GetFieldViolations()...)
		}
	}
	return found
}

// fits tells whether a rule is for an error, and what the service said of the
// field that the rule is for.
func (r Rule) fits(about details) (words string, fits bool) {
	if r.Reason != "" && r.Reason != about.reason || r.Status != 0 && r.Status.String() != about.metadata["status"] {
		return "", false
	}
	if r.Field == "" {
		return "", true
	}
	for _, field := range about.fields {
		if strings.HasPrefix(withoutNumbers(field.GetField()), r.Field) {
			return field.GetField() + " " + field.GetDescription(), true
		}
	}
	return "", false
}

// withoutNumbers is the path of a field without [0] and the like.
func withoutNumbers(path string) string {
	var out strings.Builder
	inside := false
	for _, r := range path {
		switch {
		case r == '[':
			inside = true
		case r == ']':
			inside = false
		case !inside:
			out.WriteRune(r)
		}
	}
	return out.String()
}

// byCode is what is told of errors that no rule is for.
func byCode(state *status.Status) (told wire.Error, hidden bool) {
	words := sentence(state.Message())
	switch state.Code() {
	case codes.InvalidArgument, codes.OutOfRange:
		return wire.Error{Status: http.StatusBadRequest, Code: "InvalidParameter", Message: words}, false
	case codes.FailedPrecondition, codes.AlreadyExists, codes.Aborted:
		return wire.Error{Status: http.StatusBadRequest, Code: "OperationDenied", Message: words}, false
	case codes.ResourceExhausted:
		return wire.Error{Status: http.StatusForbidden, Code: "QuotaExceed", Message: words}, false
	case codes.Unavailable, codes.DeadlineExceeded, codes.Canceled:
		return errUnavailable.With(words), false
	case codes.Unauthenticated, codes.PermissionDenied:
		return wire.Error{Status: http.StatusForbidden, Code: "Forbidden.RAM", Message: words}, false
	default:
		return errInternal, true
	}
}

// sentence is a text with a full stop.
func sentence(text string) string {
	if text == "" || strings.HasSuffix(text, ".") {
		return text
	}
	return strings.ToUpper(text[:1]) + text[1:] + "."
}
