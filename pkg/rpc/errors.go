package rpc

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
)

// A Reason is a value of one of the ErrorReason enums of the contracts.
type Reason interface {
	protoreflect.Enum
	fmt.Stringer
}

// Error makes the error of a refused call: a status with an ErrorInfo detail
// whose reason is the enum value without its prefix and whose domain follows
// from the enum's package (muster.fleet.v1 gives fleet.muster). Metadata holds
// the values that were compared; further details may follow.
func Error(code codes.Code, reason Reason, metadata map[string]string, message string, details ...protoadapt.MessageV1) error {
	info := &errdetails.ErrorInfo{
		Reason:   strings.TrimPrefix(reason.String(), "ERROR_REASON_"),
		Domain:   domainOf(reason),
		Metadata: metadata,
	}
	return withDetails(status.New(code, message), append([]protoadapt.MessageV1{info}, details...)...)
}

// RetryAfter is the detail that tells a client how long to wait before it tries
// again.
func RetryAfter(delay time.Duration) *errdetails.RetryInfo {
	return &errdetails.RetryInfo{RetryDelay: durationpb.New(delay)}
}

// RetryDelay tells how long an error asks to wait before another try; 0 when it
// does not.
func RetryDelay(err error) time.Duration {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.RetryInfo); ok {
			return max(0, info.GetRetryDelay().AsDuration())
		}
	}
	return 0
}

// ReasonOf tells the reason of an error made by [Error], here or by a server,
// or "" if it has none.
func ReasonOf(err error) string {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			return info.GetReason()
		}
	}
	return ""
}

// HasReason tells whether an error made by [Error], here or by a server, has a
// reason.
func HasReason(err error, reason Reason) bool {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			return info.GetDomain() == domainOf(reason) &&
				info.GetReason() == strings.TrimPrefix(reason.String(), "ERROR_REASON_")
		}
	}
	return false
}

func domainOf(reason Reason) string {
	parts := strings.Split(string(reason.Descriptor().ParentFile().Package()), ".")
	return parts[1] + "." + parts[0]
}

// Violations collects what is wrong with a request, so that a caller learns
// all of it at once.
type Violations struct {
	fields []*errdetails.BadRequest_FieldViolation
	more   int // how many were not taken down
}

// maxViolations bounds how many violations one error tells of, for they travel
// in headers: more than any real request has, fewer than an absurd one could.
const maxViolations = 100

// Add notes that a field has a value it must not have. The rule says what would
// be right, for example "must be sold in the zone". The value is quoted and cut
// short; a value that is not the caller's own is a [Literal].
func (v *Violations) Add(field string, value any, rule string) {
	v.Pass(field, fmt.Sprintf("%s, got %s", rule, quote(value)))
}

// Pass notes what another service said of a field of a caller's, under the name
// by which the caller knows the field.
func (v *Violations) Pass(field, description string) {
	if len(v.fields) >= maxViolations {
		v.more++
		return
	}
	v.fields = append(v.fields, &errdetails.BadRequest_FieldViolation{Field: field, Description: description})
}

// merge adds what another collection says of fields that this one says nothing
// of: one complaint about a value is enough.
func (v *Violations) merge(other Violations) {
	named := make(map[string]bool, len(v.fields))
	for _, field := range v.fields {
		named[field.GetField()] = true
	}
	for _, field := range other.fields {
		if !named[field.GetField()] {
			v.fields = append(v.fields, field)
		}
	}
	v.more += other.more
}

// Detail is the violations as a detail of an error that has words of its own.
func (v *Violations) Detail() *errdetails.BadRequest {
	return &errdetails.BadRequest{FieldViolations: v.fields}
}

// Err returns an INVALID_ARGUMENT error that lists every violation, or nil when
// there is none.
func (v *Violations) Err() error {
	if len(v.fields) == 0 {
		return nil
	}
	return withDetails(v.status(), v.Detail())
}

// ErrWithReason is Err with an ErrorInfo detail besides.
func (v *Violations) ErrWithReason(reason Reason, metadata map[string]string) error {
	if len(v.fields) == 0 {
		return nil
	}
	return Error(codes.InvalidArgument, reason, metadata, v.status().Message(), v.Detail())
}

func (v *Violations) status() *status.Status {
	lines := make([]string, 0, len(v.fields)+1)
	for _, field := range v.fields {
		lines = append(lines, field.GetField()+": "+field.GetDescription())
	}
	if v.more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", v.more))
	}
	return status.New(codes.InvalidArgument, strings.Join(lines, "; "))
}

// FieldViolations tells what was wrong with a request, from an error made by
// [Violations], here or by a server.
func FieldViolations(err error) []*errdetails.BadRequest_FieldViolation {
	var all []*errdetails.BadRequest_FieldViolation
	for _, detail := range status.Convert(err).Details() {
		if bad, ok := detail.(*errdetails.BadRequest); ok {
			all = append(all, bad.GetFieldViolations()...)
		}
	}
	return all
}

// Bounds of how much of a wrong value an error repeats, in characters.
const (
	maxQuoted  = 64
	maxLiteral = 256
)

// A Literal is a value that an error repeats without quotes, because it tells of
// what the caller sent and is not that itself, as in "21 items".
type Literal string

// Quote is a text in quotes, cut short when it is longer than an error repeats.
func Quote(text string) string { return strconv.Quote(Cut(text)) }

// Cut is a text cut short to as much as an error repeats, 64 characters.
func Cut(text string) string { return cut(text, maxQuoted) }

func quote(value any) string {
	switch held := value.(type) {
	case string:
		return Quote(held)
	case Literal:
		return cut(string(held), maxLiteral)
	default:
		return cut(fmt.Sprint(value), maxQuoted)
	}
}

// cut shortens a text to at most so many characters and the dots that tell so.
func cut(text string, length int) string {
	if runes := []rune(text); len(runes) > length {
		return string(runes[:length]) + "..."
	}
	return text
}

func withDetails(s *status.Status, details ...protoadapt.MessageV1) error {
	detailed, err := s.WithDetails(details...)
	if err != nil { // only a detail that can not be marshalled
		return s.Err()
	}
	return detailed.Err()
}

// ErrUnavailable means that something behind a service can not be reached now,
// and that the call may have had its effect. What wraps it is not told to callers.
var ErrUnavailable = errors.New("can not be reached now")

// retryUnavailable is how long callers are told to wait then.
const retryUnavailable = time.Second

// onWire is the one place where errors become what a client sees: statuses pass,
// context errors keep their meaning, and anything else is internal and says no
// more than that. The second result tells whether the error is worth a log
// line.
func onWire(err error) (error, bool) {
	if err == nil {
		return nil, false
	}
	// Only a status that a handler returned itself; one that it wrapped came
	// from another service and its text is not meant for this caller.
	if s, ok := err.(interface{ GRPCStatus() *status.Status }); ok {
		return err, s.GRPCStatus().Code() == codes.Internal
	}
	switch {
	case errors.Is(err, ErrUnavailable): // first: what is waited for in vain ends by a deadline, too
		return withDetails(status.New(codes.Unavailable, "the service can not reach what it keeps its state in; try again"), RetryAfter(retryUnavailable)), true
	case errors.Is(err, context.Canceled):
		return status.Error(codes.Canceled, "the call was cancelled"), false
	case errors.Is(err, context.DeadlineExceeded):
		return status.Error(codes.DeadlineExceeded, "the deadline of the call has passed"), false
	}
	return status.Error(codes.Internal, "internal error; the service's log tells more"), true
}
