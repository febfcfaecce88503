package api_test

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"pgregory.net/rapid"

	"github.com/seed-198b1370/muster/pkg/rpc"
	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	"github.com/seed-198b1370/muster/services/allocator/internal/api"
)

// A slot is a field of a message inside a request.
type slot struct {
	in    protoreflect.Message
	field protoreflect.FieldDescriptor
}

// slotsOf lists the fields of a message and of those in it.
func slotsOf(message protoreflect.Message) []slot {
	var slots []slot
	fields := message.Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		slots = append(slots, slot{message, field})
		switch {
		case field.Message() == nil:
		case field.IsList():
			for j := range message.Get(field).List().Len() {
				slots = append(slots, slotsOf(message.Get(field).List().Get(j).Message())...)
			}
		case message.Has(field):
			slots = append(slots, slotsOf(message.Get(field).Message())...)
		}
	}
	return slots
}

// change sets a field to a value on the edges of what is allowed, or beyond.
func (s slot) change(t *rapid.T) {
	switch {
	case s.field.IsList():
		length := rapid.SampledFrom([]int{0, 1, 2, 3, 20, 21, 40, 41, 64, 65, 1000, 1001}).Draw(t, "length")
		list := s.in.Mutable(s.field).List()
		for list.Len() < length && list.Len() > 0 {
			list.Append(list.Get(0))
		}
		list.Truncate(min(list.Len(), length))
	case s.field.Message() != nil:
		s.in.Mutable(s.field)
	case s.field.Kind() == protoreflect.StringKind:
		length := rapid.SampledFrom([]int{0, 1, 63, 64, 65, 128, 129}).Draw(t, "length")
		s.in.Set(s.field, protoreflect.ValueOfString(strings.Repeat(rapid.SampledFrom([]string{"a", "é"}).Draw(t, "letter"), length)))
	case s.field.Kind() == protoreflect.BoolKind:
		s.in.Set(s.field, protoreflect.ValueOfBool(true))
	default:
		number := rapid.SampledFrom([]int64{
			-1 << 63, -1, 0, 1, 2, 3, 4, 5, 7, 8, 20, 21, 100_000, 100_001, 1_000_000, 1_000_001, 10_000_000, 10_000_001,
			1_000_000_000_000, 1_000_000_000_001, 1<<31 - 1, 1<<63 - 1,
		}).Draw(t, "number")
		switch s.field.Kind() {
		case protoreflect.EnumKind:
			s.in.Set(s.field, protoreflect.ValueOfEnum(protoreflect.EnumNumber(number)))
		case protoreflect.Int32Kind:
			s.in.Set(s.field, protoreflect.ValueOfInt32(int32(number)))
		default:
			s.in.Set(s.field, protoreflect.ValueOfInt64(number))
		}
	}
}

// asked is what a group asks for, every field of it given.
func asked() *allocatorv1.PlaceRequest {
	return &allocatorv1.PlaceRequest{
		Candidates: []*allocatorv1.Candidate{{ZoneId: "cn-shenzhen-d", InstanceType: "ecs.c6.large", WeightMilliunits: 1000, Priority: new(int32(3))}},
		Demands: []*allocatorv1.Demand{
			{BillingMethod: 1, WantedMilliunits: 1_000_000_000_000, PayAsYouGoStrategy: 4, ZonePolicy: 2, TypePolicy: 2},
			{BillingMethod: 2, WantedMilliunits: 1, SpotStrategy: 7, PoolsToUse: 20, MaxPriceMicrosPerHour: 1},
		},
		Exclusions:   []*allocatorv1.Exclusion{{ZoneId: "cn-shenzhen-d", InstanceType: "ecs.c6.large", BillingMethod: 2}},
		Existing:     []*allocatorv1.ZoneCapacity{{ZoneId: "cn-shenzhen-d", SpotMilliunits: 5, Instances: 7}},
		MaxInstances: new(int32(0)), MaxMilliunits: new(int64(1_000_000_000_000)),
		PromiseKey: "group", Explanation: allocatorv1.Explanation_EXPLANATION_POOLS_AND_TYPES, Summarize: true,
	}
}

// What is vouched for keeps the rules of its contract.
func TestVouches_onlyForWhatKeepsItsContract_Prop(t *testing.T) {
	validator, err := rpc.NewValidator()
	if err != nil {
		t.Fatal(err)
	}
	server := api.NewServer(nil, nil, 0)
	rapid.Check(t, func(t *rapid.T) {
		message := rapid.SampledFrom([]proto.Message{
			asked(), &allocatorv1.PlaceManyRequest{Requests: []*allocatorv1.PlaceRequest{asked(), asked()}},
		}).Draw(t, "request")
		message = proto.Clone(message)
		for range rapid.IntRange(1, 3).Draw(t, "changes") {
			slots := slotsOf(message.ProtoReflect())
			slots[rapid.IntRange(0, len(slots)-1).Draw(t, "changed")].change(t)
		}
		if !server.Vouches(message) {
			return
		}
		if err := validator.Validate(message); err != nil {
			t.Errorf("vouched for a request that is refused: %v", err)
		}
	})
}

// What groups ask for is vouched for, or nothing would be gained.
func TestVouches_forWhatGroupsAsk(t *testing.T) {
	request := asked()
	server := api.NewServer(nil, nil, 0)
	for _, message := range []proto.Message{request, &allocatorv1.PlaceManyRequest{Requests: []*allocatorv1.PlaceRequest{request}}} {
		if !server.Vouches(message) {
			t.Errorf("does not vouch for %v", message)
		}
	}
	for name, change := range map[string]func(*allocatorv1.PlaceRequest){
		"a market":   func(r *allocatorv1.PlaceRequest) { r.WhatIf = &allocatorv1.Market{} },
		"attributes": func(r *allocatorv1.PlaceRequest) { r.Candidates[0].Attributes = &allocatorv1.InstanceAttributes{} },
		"no demand":  func(r *allocatorv1.PlaceRequest) { r.Demands = nil },
	} {
		changed := proto.CloneOf(request)
		change(changed)
		if server.Vouches(changed) {
			t.Errorf("vouches for a request with %s", name)
		}
	}
}
