package rpc

import (
	"fmt"
	"slices"
	"strings"

	validatepb "buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// ruleText tells what would be right. A contract's own rules bring their text;
// of the standard ones, those are reworded that tell only what is wrong.
func ruleText(root proto.Message, violation *protovalidate.Violation) string {
	id, field := violation.Proto.GetRuleId(), fieldOf(root, violation)
	switch id {
	case "required":
		if oneof := oneofOf(root, violation); oneof != nil {
			return "exactly one must be given of " + strings.Join(namesOf(oneof.Fields()), ", ")
		}
		return "must be given"
	case "string.min_len":
		if violation.RuleValue.IsValid() && violation.RuleValue.Uint() == 1 {
			return "must not be empty"
		}
	case "string.pattern":
		if violation.RuleValue.IsValid() {
			return "must match " + violation.RuleValue.String()
		}
	case "enum.defined_only", "enum.in", "enum.not_in":
		if field != nil && field.Enum() != nil {
			return "must be one of " + strings.Join(allowed(field), ", ")
		}
	}
	if text := violation.Proto.GetMessage(); text != "" {
		return text
	}
	return "must keep rule " + id
}

// fieldOf is the field that a violation is about; for an item of a list the
// list. It is nil when it is about none.
func fieldOf(root proto.Message, violation *protovalidate.Violation) protoreflect.FieldDescriptor {
	path := violation.Proto.GetField().GetElements()
	if violation.FieldDescriptor != nil || len(path) == 0 {
		return violation.FieldDescriptor
	}
	last := len(path) - 1
	parent := messageAt(root.ProtoReflect(), path[:last])
	return parent.Descriptor().Fields().ByName(protoreflect.Name(path[last].GetFieldName()))
}

// oneofOf is the oneof that a violation is about; nil when it is about anything
// else.
func oneofOf(root proto.Message, violation *protovalidate.Violation) protoreflect.OneofDescriptor {
	path := violation.Proto.GetField().GetElements()
	if len(path) == 0 || violation.FieldDescriptor != nil {
		return nil
	}
	last := len(path) - 1
	parent := messageAt(root.ProtoReflect(), path[:last])
	return parent.Descriptor().Oneofs().ByName(protoreflect.Name(path[last].GetFieldName()))
}

// allowed names the values that the rules of an enum field, or of the items of
// a list of enums, let pass.
func allowed(field protoreflect.FieldDescriptor) []string {
	rules, _ := proto.GetExtension(field.Options(), validatepb.E_Field).(*validatepb.FieldRules)
	enum := rules.GetEnum()
	if field.IsList() {
		enum = rules.GetRepeated().GetItems().GetEnum()
	}
	var names []string
	values := field.Enum().Values()
	for i := range values.Len() {
		number := int32(values.Get(i).Number())
		if slices.Contains(enum.GetNotIn(), number) || len(enum.GetIn()) > 0 && !slices.Contains(enum.GetIn(), number) {
			continue
		}
		names = append(names, string(values.Get(i).Name()))
	}
	return names
}

func namesOf(fields protoreflect.FieldDescriptors) []string {
	names := make([]string, fields.Len())
	for i := range names {
		names[i] = fmt.Sprint(fields.Get(i).Name())
	}
	return names
}
