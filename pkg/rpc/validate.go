package rpc

import (
	"errors"
	"fmt"
	"strings"

	validatepb "buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
)

// A Validator holds requests against the rules in their contracts.
type Validator struct {
	rules protovalidate.Validator
}

// NewValidator makes a validator and prepares it for messages that are often
// seen, so that the first call of each is as fast as the rest.
func NewValidator(warm ...proto.Message) (*Validator, error) {
	rules, err := protovalidate.New(protovalidate.WithMessages(warm...))
	if err != nil {
		return nil, fmt.Errorf("prepare validation rules: %w", err)
	}
	return &Validator{rules: rules}, nil
}

// Validate returns nil for a message that keeps its rules, and otherwise an
// INVALID_ARGUMENT error that names each field that does not, its value and
// the rule.
func (v *Validator) Validate(message proto.Message) error {
	violations, err := v.violations(message)
	if err != nil {
		return err
	}
	return violations.Err()
}

// AddTo adds what is wrong with a message that is a part of a request, or that a
// request made, under the name of that part; nothing of fields of which something
// is said already. An error means that it can not be told.
func (v *Validator) AddTo(violations *Violations, part string, message proto.Message) error {
	found, err := v.violations(message)
	if err != nil {
		return err
	}
	for _, field := range found.fields {
		field.Field = part + "." + field.GetField()
	}
	violations.merge(found)
	return nil
}

// violations are those of the rules in the contract.
func (v *Validator) violations(message proto.Message) (violations Violations, err error) {
	err = v.rules.Validate(message)
	if err == nil {
		return violations, nil
	}
	var invalid *protovalidate.ValidationError
	if !errors.As(err, &invalid) {
		return violations, fmt.Errorf("validate %s: %w", message.ProtoReflect().Descriptor().FullName(), err)
	}
	for _, violation := range invalid.Violations {
		field, value := protovalidate.FieldPathString(violation.Proto.GetField()), wrongValue(message, violation)
		if field == "" {
			field, value = fieldOfRule(message.ProtoReflect(), violation.Proto.GetRuleId())
		}
		violations.Add(field, value, ruleText(message, violation))
	}
	return violations, nil
}

// fieldOfRule tells which field of a request a rule of the whole request is
// about, and its value: the contracts call such a rule by the request and the
// field, as in run_instances.min_amount.
func fieldOfRule(request protoreflect.Message, rule string) (string, any) {
	name := rule[strings.LastIndex(rule, ".")+1:]
	field := request.Descriptor().Fields().ByName(protoreflect.Name(name))
	if field == nil {
		return "", Literal(outline(request))
	}
	return name, printable(request.Get(field))
}

// wrongValue tells the value that broke a rule in a form that is worth
// printing.
func wrongValue(root proto.Message, violation *protovalidate.Violation) any {
	value := violation.FieldValue
	if oneofOf(root, violation) != nil { // required, and none of its fields is set
		return Literal("nothing")
	}
	if !value.IsValid() { // the rule is of a whole message
		value = protoreflect.ValueOfMessage(messageAt(root.ProtoReflect(), violation.Proto.GetField().GetElements()))
	}
	return printable(value)
}

// printable is a value as an error tells it: of what would be long only how
// much there is.
func printable(value protoreflect.Value) any {
	switch held := value.Interface().(type) {
	case protoreflect.List:
		return Literal(fmt.Sprintf("%d items", held.Len()))
	case protoreflect.Map:
		return Literal(fmt.Sprintf("%d entries", held.Len()))
	case protoreflect.Message:
		if length, ok := held.Interface().(*durationpb.Duration); ok && length.IsValid() {
			return Literal(length.AsDuration().String())
		}
		return Literal(outline(held))
	case protoreflect.EnumNumber:
		return int32(held)
	default:
		return held
	}
}

// messageAt finds the message of a field path, or the closest one above it.
func messageAt(message protoreflect.Message, path []*validatepb.FieldPathElement) protoreflect.Message {
	for _, step := range path {
		field := message.Descriptor().Fields().ByNumber(protoreflect.FieldNumber(step.GetFieldNumber()))
		if field == nil || field.Message() == nil || field.IsMap() {
			return message
		}
		if !field.IsList() {
			message = message.Get(field).Message()
			continue
		}
		items := message.Get(field).List()
		index := step.GetIndex()
		if index >= uint64(items.Len()) {
			return message
		}
		message = items.Get(int(index)).Message()
	}
	return message
}

// outline writes the scalar fields of a message in the order of their numbers.
func outline(message protoreflect.Message) string {
	if !message.IsValid() {
		return "nothing"
	}
	var parts []string
	fields := message.Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		if message.Has(field) && field.Message() == nil && !field.IsList() {
			parts = append(parts, fmt.Sprintf("%s:%v", field.Name(), message.Get(field)))
		}
	}
	return "{" + strings.Join(parts, " ") + "}"
}
