package allocator_test

import (
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/seed-198b1370/muster/pkg/rpc"
	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/allocator"
)

// instanceTypes are sold in a, and every second in b, too.
func instanceTypes() []*fleetv1.InstanceType {
	types := []*fleetv1.InstanceType{
		{InstanceType: "arm.4", Vcpus: 4, MemoryMib: 8192, Category: fleetv1.InstanceCategory_INSTANCE_CATEGORY_ARM, FamilyLevel: fleetv1.FamilyLevel_FAMILY_LEVEL_ENTERPRISE},
		{InstanceType: "c6.2", Vcpus: 2, MemoryMib: 4096, Category: fleetv1.InstanceCategory_INSTANCE_CATEGORY_X86, FamilyLevel: fleetv1.FamilyLevel_FAMILY_LEVEL_ENTERPRISE},
		{InstanceType: "c6.4", Vcpus: 4, MemoryMib: 8192, Category: fleetv1.InstanceCategory_INSTANCE_CATEGORY_X86, FamilyLevel: fleetv1.FamilyLevel_FAMILY_LEVEL_ENTERPRISE},
		{InstanceType: "gn7.8", Vcpus: 8, MemoryMib: 32768, Gpus: 1, Category: fleetv1.InstanceCategory_INSTANCE_CATEGORY_HETEROGENEOUS, FamilyLevel: fleetv1.FamilyLevel_FAMILY_LEVEL_ENTERPRISE},
		{InstanceType: "huge", Vcpus: 16384, MemoryMib: 16384, Category: fleetv1.InstanceCategory_INSTANCE_CATEGORY_BARE_METAL, FamilyLevel: fleetv1.FamilyLevel_FAMILY_LEVEL_ENTERPRISE},
		{InstanceType: "s6.4", Vcpus: 4, MemoryMib: 8192, Category: fleetv1.InstanceCategory_INSTANCE_CATEGORY_X86, FamilyLevel: fleetv1.FamilyLevel_FAMILY_LEVEL_ENTRY},
		{InstanceType: "t6.4", Vcpus: 4, MemoryMib: 8192, Category: fleetv1.InstanceCategory_INSTANCE_CATEGORY_X86, FamilyLevel: fleetv1.FamilyLevel_FAMILY_LEVEL_CREDIT_ENTRY, Burstable: true},
	}
	for i, one := range types {
		one.ZoneIds = []string{"a", "b"}[:1+i%2]
	}
	return types
}

// listed answers requests for types with some, a few a page.
func listed(types []*fleetv1.InstanceType) func(*fleetv1.ListInstanceTypesRequest) (*fleetv1.ListInstanceTypesResponse, error) {
	return func(r *fleetv1.ListInstanceTypesRequest) (*fleetv1.ListInstanceTypesResponse, error) {
		from, _ := strconv.Atoi(r.GetPageToken())
		to := min(from+3, len(types))
		response := &fleetv1.ListInstanceTypesResponse{InstanceTypes: types[from:to]}
		if to < len(types) {
			response.NextPageToken = strconv.Itoa(to)
		}
		return response, nil
	}
}

func startWithTypes(t testing.TB, types []*fleetv1.InstanceType) *harness {
	return startWith(t, &fleet{listTypes: listed(types)}, allocator.Config{})
}

// having asks for spot units of the types of a zone that have certain
// attributes.
func having(units int64, zone string, attributes *allocatorv1.InstanceAttributes) *allocatorv1.PlaceRequest {
	return &allocatorv1.PlaceRequest{
		Demands:    []*allocatorv1.Demand{{BillingMethod: spot, WantedMilliunits: units * 1000}},
		Candidates: []*allocatorv1.Candidate{{ZoneId: zone, WeightMilliunits: 1000, Attributes: attributes}},
	}
}

func TestPlace_byAttributes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startWithTypes(t, instanceTypes())
		(<-h.fleet.streams).tell(1, true,
			pool("a", "c6.2", spot, 20_000, 1), pool("a", "c6.4", spot, 30_000, 1), pool("a", "gn7.8", spot, 10_000, 9), pool("a", "s6.4", spot, 70_000, 9))
		<-h.service.Ready()
		synctest.Wait()
		r := having(12, "a", &allocatorv1.InstanceAttributes{
			MinVcpus: new(int32(2)), MaxVcpus: new(int32(4)), Categories: []fleetv1.InstanceCategory{fleetv1.InstanceCategory_INSTANCE_CATEGORY_X86},
			BurstablePerformance: allocatorv1.BurstablePerformance_BURSTABLE_PERFORMANCE_EXCLUDE, ExcludedInstanceTypes: []string{"c7.*"},
			CapacityUnit: allocatorv1.CapacityUnit_CAPACITY_UNIT_VCPU, PriceProtectionPercent: new(int32(100)),
		})
		r.Candidates[0].Priority, r.Candidates[0].MaxPriceMicrosPerHour = new(int32(5)), 25_000
		// A pool is of the first candidate that has it.
		r.Candidates = append(r.Candidates, &allocatorv1.Candidate{ZoneId: "a", InstanceType: "c6.4", WeightMilliunits: 1})
		got := h.place(t, r)
		var pools []string
		for _, p := range got.GetPlacements()[0].GetPools() {
			pools = append(pools, fmt.Sprintf("%d %s %d of %d: %s", p.GetCandidateIndex(), p.GetInstanceType(), p.GetInstances(), p.GetWeightMilliunits(), strings.TrimPrefix(p.GetVerdict().String(), "VERDICT_")))
			if p.GetPriority() != 5 || p.GetMaxPriceMicrosPerHour() != 25_000 {
				t.Errorf("%v does not have what its candidate says", p)
			}
		}
		want := []string{"0 c6.2 1 of 2000: TAKEN", "0 c6.4 0 of 4000: PRICE_TOO_HIGH", "0 s6.4 0 of 4000: PRICE_TOO_HIGH"}
		if diff := cmp.Diff(want, pools); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		if got.GetMatches() != nil {
			t.Errorf("matches were not asked for: %v", got.GetMatches())
		}
	})
}

func TestPlace_explainsAsMuchAsIsAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startWithTypes(t, instanceTypes())
		(<-h.fleet.streams).tell(1, true, pool("b", "c6.2", spot, 20_000, 1), pool("b", "gn7.8", spot, 10_000, 9))
		<-h.service.Ready()
		synctest.Wait()
		r := having(9, "b", &allocatorv1.InstanceAttributes{MaxVcpus: new(int32(4)), CapacityUnit: allocatorv1.CapacityUnit_CAPACITY_UNIT_VCPU})
		for explanation, want := range map[allocatorv1.Explanation][2]int{
			allocatorv1.Explanation_EXPLANATION_UNSPECIFIED:     {3, 0},
			allocatorv1.Explanation_EXPLANATION_TAKEN:           {1, 0},
			allocatorv1.Explanation_EXPLANATION_POOLS:           {3, 0},
			allocatorv1.Explanation_EXPLANATION_POOLS_AND_TYPES: {3, 1},
		} {
			r.Candidates = r.GetCandidates()[:1]
			r.Candidates = append(r.Candidates, &allocatorv1.Candidate{ZoneId: "b", InstanceType: "none", WeightMilliunits: 1})
			r.Explanation = explanation
			got := h.place(t, r)
			if pools := len(got.GetPlacements()[0].GetPools()); pools != want[0] || len(got.GetMatches()) != want[1] {
				t.Errorf("%v: %d pools, %d matches; want %v", explanation, pools, len(got.GetMatches()), want)
			}
		}
	})
}

// Each rule of the contract is the one by which a type was left out.
func TestMatchInstanceTypes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startWithTypes(t, instanceTypes())
		synctest.Wait()
		ask := func(r *allocatorv1.MatchInstanceTypesRequest) *allocatorv1.CandidateMatch {
			t.Helper()
			response, err := h.client.MatchInstanceTypes(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			return response.GetMatch()
		}
		everything := &allocatorv1.InstanceAttributes{
			MaxVcpus: new(int32(1024)), CapacityUnit: allocatorv1.CapacityUnit_CAPACITY_UNIT_MEMORY_GIB,
		}
		want := &allocatorv1.CandidateMatch{
			InstanceTypes: []string{"arm.4", "c6.2", "c6.4", "gn7.8", "s6.4", "t6.4"},
			Unmatched:     []*allocatorv1.UnmatchedType{{InstanceType: "huge", Rule: allocatorv1.MatchRule_MATCH_RULE_VCPUS, Has: "16384 vCPUs"}},
		}
		if diff := cmp.Diff(want, ask(&allocatorv1.MatchInstanceTypesRequest{Attributes: everything}), protocmp.Transform()); diff != "" {
			t.Errorf("of any zone (-want +got)\n%s", diff)
		}
		for rule, test := range map[allocatorv1.MatchRule]struct {
			zone, leftOut string
			attributes    *allocatorv1.InstanceAttributes
		}{
			allocatorv1.MatchRule_MATCH_RULE_ZONE:         {"b", "c6.4", &allocatorv1.InstanceAttributes{}},
			allocatorv1.MatchRule_MATCH_RULE_VCPUS:        {"a", "c6.2", &allocatorv1.InstanceAttributes{Vcpus: []int32{4, 8}}},
			allocatorv1.MatchRule_MATCH_RULE_MEMORY:       {"a", "gn7.8", &allocatorv1.InstanceAttributes{MemoryMib: []int64{4096, 8192}}},
			allocatorv1.MatchRule_MATCH_RULE_GPUS:         {"a", "c6.2", &allocatorv1.InstanceAttributes{MinGpus: new(int32(1))}},
			allocatorv1.MatchRule_MATCH_RULE_CATEGORY:     {"a", "arm.4", &allocatorv1.InstanceAttributes{Categories: []fleetv1.InstanceCategory{1, 3, 4, 5}}},
			allocatorv1.MatchRule_MATCH_RULE_FAMILY_LEVEL: {"a", "s6.4", &allocatorv1.InstanceAttributes{FamilyLevels: []fleetv1.FamilyLevel{2, 3}}},
			allocatorv1.MatchRule_MATCH_RULE_BURSTABLE:    {"a", "t6.4", &allocatorv1.InstanceAttributes{BurstablePerformance: allocatorv1.BurstablePerformance_BURSTABLE_PERFORMANCE_EXCLUDE}},
			allocatorv1.MatchRule_MATCH_RULE_EXCLUDED:     {"a", "s6.4", &allocatorv1.InstanceAttributes{ExcludedInstanceTypes: []string{"s6.*"}}},
			allocatorv1.MatchRule_MATCH_RULE_WEIGHT:       {"a", "huge", &allocatorv1.InstanceAttributes{CapacityUnit: allocatorv1.CapacityUnit_CAPACITY_UNIT_VCPU}},
		} {
			got := ask(&allocatorv1.MatchInstanceTypesRequest{ZoneId: test.zone, Attributes: test.attributes})
			by := map[string]allocatorv1.MatchRule{}
			for _, unmatched := range got.GetUnmatched() {
				by[unmatched.GetInstanceType()] = unmatched.GetRule()
			}
			if by[test.leftOut] != rule || len(by)+len(got.GetInstanceTypes()) != 7 {
				t.Errorf("%s is left out by %v, want %v", test.leftOut, by[test.leftOut], rule)
			}
		}
		required := &allocatorv1.InstanceAttributes{BurstablePerformance: allocatorv1.BurstablePerformance_BURSTABLE_PERFORMANCE_REQUIRE}
		if got := ask(&allocatorv1.MatchInstanceTypesRequest{Attributes: required}).GetInstanceTypes(); len(got) != 1 || got[0] != "t6.4" {
			t.Errorf("burstable types are %v", got)
		}
	})
}

func TestMatchInstanceTypes_needsAttributes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startWithTypes(t, instanceTypes())
		_, err := h.client.MatchInstanceTypes(t.Context(), &allocatorv1.MatchInstanceTypesRequest{ZoneId: "a"})
		if fields := fieldsOf(err); status.Code(err) != codes.InvalidArgument || len(fields) != 1 || fields[0] != "attributes" {
			t.Errorf("got %v, want INVALID_ARGUMENT of attributes", err)
		}
	})
}

// On a market of the caller's, types are as the caller tells, in the zones whose
// pools the caller tells of; the rest is as it is.
func TestPlace_byAttributesOnAMarketOfTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startWithTypes(t, instanceTypes())
		synctest.Wait()
		r := having(99, "z", &allocatorv1.InstanceAttributes{Vcpus: []int32{4}, CapacityUnit: allocatorv1.CapacityUnit_CAPACITY_UNIT_VCPU})
		r.WhatIf = &allocatorv1.Market{
			Pools: []*fleetv1.Pool{
				pool("z", "c6.2", spot, 1, 1), pool("z", "c6.4", spot, 2, 1), pool("z", "new", spot, 3, 1), pool("a", "s6.4", spot, 4, 1),
				pool("z", "nobody knows", spot, 5, 1),
			},
			InstanceTypes: []*fleetv1.InstanceType{{InstanceType: "new", Vcpus: 4}, {InstanceType: "c6.2", Vcpus: 4}, {InstanceType: "t6.4", Vcpus: 4}},
		}
		if got := launchesOf(h.place(t, r).GetPlacements()[0]); got != "z/c6.2 1, z/c6.4 1, z/new 1" {
			t.Errorf("got %s", got)
		}
	})
}

func TestTypes_areNeededForAttributesOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var there atomic.Bool
		list := listed(instanceTypes())
		f := &fleet{listTypes: func(r *fleetv1.ListInstanceTypesRequest) (*fleetv1.ListInstanceTypesResponse, error) {
			if !there.Load() && r.GetPageToken() != "" { // a part of the types is not the types
				return nil, status.Error(codes.Unavailable, "away")
			}
			return list(r)
		}}
		h := startWith(t, f, allocator.Config{})
		(<-h.fleet.streams).tell(1, true, pool("a", "c6.4", spot, 1, 1))
		<-h.service.Ready()
		synctest.Wait()
		r := having(1, "a", &allocatorv1.InstanceAttributes{})
		_, err := h.client.Place(t.Context(), r)
		_, matchErr := h.client.MatchInstanceTypes(t.Context(), &allocatorv1.MatchInstanceTypesRequest{Attributes: &allocatorv1.InstanceAttributes{}})
		for _, err := range []error{err, matchErr} {
			if status.Code(err) != codes.Unavailable || !rpc.HasReason(err, allocatorv1.ErrorReason_ERROR_REASON_VIEW_NOT_READY) || retryDelay(err) <= 0 {
				t.Errorf("got %v, want UNAVAILABLE, VIEW_NOT_READY", err)
			}
		}
		plain := request(1, "a")
		plain.Candidates[0].InstanceType = "c6.4"
		if got := h.place(t, plain).GetTotals().GetInstances(); got != 1 {
			t.Errorf("placed %d without attributes, want 1", got)
		}
		there.Store(true)
		time.Sleep(time.Minute / 3) // tried again by now
		if got := h.place(t, r).GetTotals().GetInstances(); got != 1 {
			t.Errorf("placed %d, want 1", got)
		}
	})
}

// Types are read again when the stream tells of one that is not known, and every
// ten minutes.
func TestTypes_areKeptUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var readings atomic.Int64
		known := instanceTypes()
		f := &fleet{listTypes: func(r *fleetv1.ListInstanceTypesRequest) (*fleetv1.ListInstanceTypesResponse, error) {
			if r.GetPageToken() == "" {
				readings.Add(1)
			}
			return listed(known)(r)
		}}
		h := startWith(t, f, allocator.Config{})
		synctest.Wait()
		stream := <-h.fleet.streams
		check := func(name string, want int64) {
			t.Helper()
			synctest.Wait()
			if got := readings.Load(); got != want {
				t.Errorf("%s: read %d times, want %d", name, got, want)
			}
		}
		check("at first", 1)
		stream.tell(1, true, pool("a", "c6.4", spot, 1, 1), pool("b", "c6.2", spot, 1, 1))
		check("known types", 1)
		stream.tell(2, false, pool("a", "new", spot, 1, 1), pool("a", "newer", spot, 1, 1))
		check("new types", 2)
		stream.tell(3, false, pool("a", "new", payAsYouGo, 1, 1))
		check("no news", 2)
		stream.tell(4, false, pool("b", "c6.4", spot, 1, 1))
		check("a type in a new zone", 3)
		time.Sleep(10*time.Minute + time.Millisecond) // the clock rounds up
		check("after ten minutes", 4)
	})
}

func TestPlace_refusesBoundsThatNothingMeets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t)
		bad := &allocatorv1.InstanceAttributes{
			MinVcpus: new(int32(4)), MaxVcpus: new(int32(2)), MinMemoryMib: new(int64(4)), MaxMemoryMib: new(int64(2)),
			MinGpus: new(int32(2)), MaxGpus: new(int32(1)),
		}
		r := having(1, "a", bad)
		r.Candidates = append(r.Candidates,
			&allocatorv1.Candidate{ZoneId: "a", WeightMilliunits: 1, InstanceType: "both", Attributes: &allocatorv1.InstanceAttributes{}},
			&allocatorv1.Candidate{ZoneId: "a", WeightMilliunits: 1})
		_, err := h.client.Place(t.Context(), r)
		want := []string{
			"candidates[0].attributes.max_vcpus", "candidates[0].attributes.max_memory_mib", "candidates[0].attributes.max_gpus",
			"candidates[1].instance_type", "candidates[2].instance_type",
		}
		if diff := cmp.Diff(want, fieldsOf(err)); diff != "" {
			t.Errorf("got %v (-want +got)\n%s", err, diff)
		}
		_, err = h.client.MatchInstanceTypes(t.Context(), &allocatorv1.MatchInstanceTypesRequest{Attributes: bad})
		if got := fieldsOf(err); len(got) != 3 || got[0] != "attributes.max_vcpus" {
			t.Errorf("got %v", err)
		}
	})
}
