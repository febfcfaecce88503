package proto_test

import (
	"testing"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
)

// services are all services that clients can reach.
func services() []protoreflect.ServiceDescriptor {
	return []protoreflect.ServiceDescriptor{
		fleetv1.File_muster_fleet_v1_fleet_service_proto.Services().Get(0),
		fleetv1.File_muster_fleet_v1_simulation_service_proto.Services().Get(0),
		fleetv1.File_muster_fleet_v1_billing_service_proto.Services().Get(0),
		allocatorv1.File_muster_allocator_v1_allocator_service_proto.Services().Get(0),
		groupv1.File_muster_group_v1_group_service_proto.Services().Get(0),
		healthv1.File_muster_health_v1_health_service_proto.Services().Get(0),
	}
}

// eachCall runs a function for every RPC of every service.
func eachCall(do func(protoreflect.MethodDescriptor)) {
	for _, service := range services() {
		for i := range service.Methods().Len() {
			do(service.Methods().Get(i))
		}
	}
}

// Every string, list, map and enum that a client can send has a bound.
func TestRequests_areBounded(t *testing.T) {
	checked := 0
	eachCall(func(method protoreflect.MethodDescriptor) {
		checked += checkBounds(t, method.Input(), map[protoreflect.FullName]bool{})
	})
	if checked < 50 {
		t.Errorf("only %d fields were checked", checked)
	}
}

// checkBounds checks the fields of a message and of those inside it, and tells
// how many.
func checkBounds(t *testing.T, message protoreflect.MessageDescriptor, seen map[protoreflect.FullName]bool) int {
	t.Helper()
	if seen[message.FullName()] {
		return 0
	}
	seen[message.FullName()] = true
	checked := 0
	for i := range message.Fields().Len() {
		field := message.Fields().Get(i)
		checked++
		if !isBounded(field) {
			t.Errorf("%s has no bound", field.FullName())
		}
		if inner := field.Message(); inner != nil && !field.IsMap() && inner.ParentFile().Package() != "google.protobuf" {
			checked += checkBounds(t, inner, seen)
		}
	}
	return checked
}

func isBounded(field protoreflect.FieldDescriptor) bool {
	rules := rulesOf(field)
	switch {
	case field.IsMap():
		return rules.GetMap().HasMaxPairs() && isBoundedText(rules.GetMap().GetKeys()) && isBoundedText(rules.GetMap().GetValues())
	case field.IsList():
		return rules.GetRepeated().HasMaxItems() && (field.Message() != nil || isBoundedValue(field, rules.GetRepeated().GetItems()))
	case field.Message() != nil && field.Message().FullName() == "google.protobuf.FieldMask":
		return len(rules.GetCel()) > 0
	default:
		return isBoundedValue(field, rules)
	}
}

func isBoundedValue(field protoreflect.FieldDescriptor, rules *validate.FieldRules) bool {
	switch field.Kind() {
	case protoreflect.StringKind:
		return isBoundedText(rules) || len(rules.GetCel()) > 0
	case protoreflect.EnumKind:
		return rules.GetEnum().GetDefinedOnly()
	case protoreflect.BoolKind, protoreflect.MessageKind:
		return true
	default:
		return rules.GetType() != nil
	}
}

func isBoundedText(rules *validate.FieldRules) bool {
	return rules.GetString().HasMaxLen() || rules.GetString().HasPattern()
}

func rulesOf(field protoreflect.FieldDescriptor) *validate.FieldRules {
	rules, _ := proto.GetExtension(field.Options(), validate.E_Field).(*validate.FieldRules)
	return rules
}

// Every RPC says whether it may be repeated.
func TestCalls_stateTheirIdempotency(t *testing.T) {
	eachCall(func(method protoreflect.MethodDescriptor) {
		options, ok := method.Options().(*descriptorpb.MethodOptions)
		if !ok || options.GetIdempotencyLevel() == descriptorpb.MethodOptions_IDEMPOTENCY_UNKNOWN {
			t.Errorf("%s does not state its idempotency level", method.FullName())
		}
	})
}
