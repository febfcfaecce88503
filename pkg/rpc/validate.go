package rpc

import (
	"errors"
	"fmt"

	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
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
	err := v.rules.Validate(message)
	if err == nil {
		return nil
	}
	var invalid *protovalidate.ValidationError
	if !errors.As(err, &invalid) {
		return fmt.Errorf("validate %s: %w", message.ProtoReflect().Descriptor().FullName(), err)
	}
	var violations Violations
	for _, violation := range invalid.Violations {
		field := protovalidate.FieldPathString(violation.Proto.GetField())
		rule := violation.Proto.GetMessage()
		if rule == "" {
			rule = "must keep rule " + violation.Proto.GetRuleId()
		}
		violations.Add(field, valueOf(violation), rule)
	}
	return violations.Err()
}

// valueOf tells the value that broke a rule in a form that is worth printing.
func valueOf(violation *protovalidate.Violation) any {
	value := violation.FieldValue
	switch held := value.Interface().(type) {
	case nil:
		return "nothing"
	case protoreflect.List:
		return fmt.Sprintf("%d items", held.Len())
	case protoreflect.Map:
		return fmt.Sprintf("%d entries", held.Len())
	case protoreflect.Message:
		if !held.IsValid() {
			return "nothing"
		}
		return "{" + fmt.Sprint(held.Interface()) + "}"
	case protoreflect.EnumNumber:
		return int32(held)
	default:
		return held
	}
}
