package cli

import (
	"strconv"
	"strings"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/seed-198b1370/muster/cmd/muster/internal/cli/value"
	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

// changeFlags are the fields of a group's spec that can be given to a new group
// and changed later. The tag field names what a flag is for in the contract, for
// refusals.
type changeFlags struct {
	Total        *int32            `group:"How much" field:"spec.target_capacity.total" placeholder:"N" help:"Target, in units; an instance is one unit unless --instance-type gives it a weight."`
	PayAsYouGo   *int32            `group:"How much" name:"pay-as-you-go" field:"spec.target_capacity.pay_as_you_go" placeholder:"N" help:"At least so many units of it pay-as-you-go."`
	Spot         *int32            `group:"How much" field:"spec.target_capacity.spot" placeholder:"N" help:"At least so many units of it spot."`
	DefaultType  *string           `group:"How much" field:"spec.target_capacity.default_type" placeholder:"BILLING" help:"Billing method of what the two leave of the total: ${enum}." enum:"spot,pay-as-you-go"`
	InstanceType []string          `group:"From where" field:"spec.candidates[].instance_type,spec.candidates[].weighted_capacity,spec.candidates[].priority" placeholder:"TYPE" help:"Instance types that may be launched, in each --zone. TYPE:WEIGHT counts an instance as so many units, TYPE:WEIGHT:PRIORITY also gives a priority, 0 being the highest."`
	Zone         []string          `group:"From where" field:"spec.candidates[].zone_id" placeholder:"ZONE" help:"Zones to launch in."`
	MaxSpotPrice *string           `group:"For how much money" field:"spec.spot.max_price_micros_per_hour" placeholder:"AMOUNT" help:"Most to pay for a spot instance an hour, such as 0.25; 0 for no limit."`
	Budget       *string           `group:"For how much money" field:"spec.budget.max_micros_per_hour" placeholder:"AMOUNT" help:"Most that all instances together may cost an hour, such as 12.5; nothing is launched above it. 0 for none."`
	Shed         *string           `group:"For how much money" field:"spec.budget.shed_order" placeholder:"ORDER" help:"With --budget: give instances up when prices rise above it, in this order: ${enum}." enum:"dearest,spot-first,pay-as-you-go-first"`
	Excess       *string           `group:"What becomes of instances" field:"spec.excess_capacity_termination_policy" placeholder:"POLICY" help:"What happens to instances above the target: termination releases them, no-termination lets them leave the group and run on." enum:"termination,no-termination"`
	ReleaseAtEnd *bool             `group:"What becomes of instances" field:"spec.terminate_instances_with_expiration" negatable:"" help:"Release the instances when the group's validity ends; --no-release-at-end lets them run on."`
	Name         *string           `field:"spec.name" placeholder:"NAME" help:"Name of the group, by which commands find it too; empty for none."`
	Tag          map[string]string `field:"spec.tags" placeholder:"KEY=VALUE" help:"Tags of the group; they take the place of all that it has."`
}

// apply puts what flags name into a spec, over what is there, and tells which
// fields that are.
func (f *changeFlags) apply(spec *groupv1.GroupSpec) (paths []string, err error) {
	paths = f.applyTarget(spec)
	candidates, err := f.candidates()
	if err != nil {
		return nil, err
	}
	if candidates != nil {
		spec.Candidates, paths = candidates, append(paths, "candidates")
	}
	money, err := f.applyMoney(spec)
	if err != nil {
		return nil, err
	}
	paths = append(paths, money...)
	if f.Name != nil {
		spec.Name, paths = *f.Name, append(paths, "name")
	}
	if f.Excess != nil {
		const prefix = "EXCESS_CAPACITY_TERMINATION_POLICY_"
		spec.ExcessCapacityTerminationPolicy = groupv1.ExcessCapacityTerminationPolicy(groupv1.ExcessCapacityTerminationPolicy_value[prefix+enumName(*f.Excess)])
		paths = append(paths, "excess_capacity_termination_policy")
	}
	if f.ReleaseAtEnd != nil {
		spec.TerminateInstancesWithExpiration, paths = *f.ReleaseAtEnd, append(paths, "terminate_instances_with_expiration")
	}
	if f.Tag != nil {
		spec.Tags, paths = f.Tag, append(paths, "tags")
	}
	return paths, nil
}

func (f *changeFlags) applyTarget(spec *groupv1.GroupSpec) []string {
	var paths []string
	target := spec.GetTargetCapacity()
	if target == nil {
		target = &groupv1.TargetCapacity{}
	}
	set := func(field string, value *int32, into *int32) {
		if value != nil {
			*into = *value
			paths = append(paths, "target_capacity."+field)
		}
	}
	set("total", f.Total, &target.Total)
	set("pay_as_you_go", f.PayAsYouGo, &target.PayAsYouGo)
	set("spot", f.Spot, &target.Spot)
	if f.DefaultType != nil {
		target.DefaultType = groupv1.DefaultTargetCapacityType(groupv1.DefaultTargetCapacityType_value["DEFAULT_TARGET_CAPACITY_TYPE_"+enumName(*f.DefaultType)])
		paths = append(paths, "target_capacity.default_type")
	}
	if len(paths) > 0 {
		spec.TargetCapacity = target
	}
	return paths
}

// candidates are all types in all zones, type by type: earlier ones win ties.
// Without types or without zones the launch template has the other.
func (f *changeFlags) candidates() ([]*groupv1.Candidate, error) {
	if len(f.InstanceType)+len(f.Zone) == 0 {
		return nil, nil
	}
	types, zones := f.InstanceType, f.Zone
	if len(types) == 0 {
		types = []string{""}
	}
	if len(zones) == 0 {
		zones = []string{""}
	}
	var candidates []*groupv1.Candidate
	for _, text := range types {
		for _, zone := range zones {
			candidate, err := candidateOf(text)
			if err != nil {
				return nil, of("--instance-type", err)
			}
			candidate.ZoneId = zone
			candidates = append(candidates, candidate)
		}
	}
	return candidates, nil
}

// candidateOf reads TYPE, TYPE:WEIGHT or TYPE:WEIGHT:PRIORITY.
func candidateOf(text string) (*groupv1.Candidate, error) {
	fields := strings.Split(text, ":")
	candidate := &groupv1.Candidate{InstanceType: fields[0]}
	wrong := misuse("must be TYPE, TYPE:WEIGHT or TYPE:WEIGHT:PRIORITY, such as ecs.c6.xlarge:2, got %q", text)
	if len(fields) > 3 {
		return nil, wrong
	}
	if len(fields) > 1 {
		weight, err := strconv.ParseFloat(fields[1], 64)
		if err != nil {
			return nil, wrong
		}
		candidate.WeightedCapacity = &weight
	}
	if len(fields) > 2 {
		priority, err := strconv.ParseInt(fields[2], 10, 32)
		if err != nil {
			return nil, wrong
		}
		first := int32(priority)
		candidate.Priority = &first
	}
	return candidate, nil
}

func (f *changeFlags) applyMoney(spec *groupv1.GroupSpec) ([]string, error) {
	var paths []string
	if f.MaxSpotPrice != nil {
		most, err := value.Micros(*f.MaxSpotPrice)
		if err != nil {
			return nil, of("--max-spot-price", err)
		}
		spotOf(spec).MaxPriceMicrosPerHour = most
		paths = append(paths, "spot.max_price_micros_per_hour")
	}
	if f.Budget == nil {
		if f.Shed != nil {
			return nil, misuse("--shed can be given with --budget only")
		}
		return paths, nil
	}
	most, err := value.Micros(*f.Budget)
	if err != nil {
		return nil, of("--budget", err)
	}
	spec.Budget = nil
	if most != 0 {
		spec.Budget = &groupv1.Budget{MaxMicrosPerHour: most}
	}
	if f.Shed != nil {
		if spec.Budget == nil {
			return nil, misuse("--shed can not be given with --budget 0, which is none")
		}
		spec.Budget.Shed = true
		spec.Budget.ShedOrder = groupv1.ShedOrder(groupv1.ShedOrder_value["SHED_ORDER_"+enumName(*f.Shed)])
	}
	return append(paths, "budget"), nil
}

// spotOf are the spot options of a spec, which is given some if it has none.
func spotOf(spec *groupv1.GroupSpec) *groupv1.SpotOptions {
	if spec.Spot == nil {
		spec.Spot = &groupv1.SpotOptions{}
	}
	return spec.GetSpot()
}

// birthFlags are the fields of a group's spec that can not be changed later.
type birthFlags struct {
	Type        *string `group:"How much" field:"spec.type" placeholder:"TYPE" help:"How capacity is delivered: ${enum}. maintain keeps it, the default; request makes one attempt; instant makes one and answers with what came of it." enum:"instant,request,maintain"`
	Minimum     *int32  `group:"How much" field:"spec.target_capacity.minimum" placeholder:"N" help:"Of an instant group: launch nothing unless so many units can be had."`
	Strategy    *string `group:"From where" field:"spec.spot.allocation_strategy" placeholder:"STRATEGY" help:"How spot pools are chosen: ${enum}. See docs/strategies.md." enum:"lowest-price,diversified,capacity-optimized,capacity-optimized-prioritized,price-capacity-optimized,lowest-cost,zone-and-type"`
	Pools       *int32  `group:"From where" field:"spec.spot.pools_to_use" placeholder:"N" help:"With the strategy lowest-price: spread over the N cheapest pools, 1 to 20."`
	PaidFor     *string `group:"From where" name:"pay-as-you-go-strategy" field:"spec.pay_as_you_go.allocation_strategy" placeholder:"STRATEGY" help:"How pay-as-you-go pools are chosen: ${enum}." enum:"lowest-price,prioritized,lowest-cost,zone-and-type"`
	Shortfall   *string `group:"From where" field:"spec.spot.shortfall" placeholder:"POLICY" help:"What to do about spot that can not be had: ${enum}." enum:"wait,pay-as-you-go,pay-as-you-go-until-spot-returns"`
	Replace     *string `group:"What becomes of instances" field:"spec.spot.interruption_replacement" placeholder:"WHEN" help:"When instances that will be reclaimed are replaced: ${enum}; on-notice by default." enum:"on-notice,on-release"`
	Release     *bool   `group:"What becomes of instances" name:"release-when-deleted" field:"spec.terminate_instances" negatable:"" help:"Release the instances when the group is deleted; by default they run on."`
	ValidFrom   string  `group:"When" field:"spec.valid_from" placeholder:"TIME" help:"Provide capacity from this time on, such as 2026-01-02T15:04:05Z."`
	ValidUntil  string  `group:"When" field:"spec.valid_until" placeholder:"TIME" help:"End the group at this time."`
	Description *string `field:"spec.description" placeholder:"TEXT" help:"What the group is for, for people."`
}

// apply puts what flags name into a spec, over what is there, and tells whether
// any is named.
func (f *birthFlags) apply(spec *groupv1.GroupSpec) (named bool, err error) {
	if f.Type != nil {
		spec.Type, named = groupv1.GroupType(groupv1.GroupType_value["GROUP_TYPE_"+enumName(*f.Type)]), true
	}
	if f.Minimum != nil {
		if spec.TargetCapacity == nil {
			spec.TargetCapacity = &groupv1.TargetCapacity{}
		}
		spec.TargetCapacity.Minimum, named = *f.Minimum, true
	}
	if f.Description != nil {
		spec.Description, named = *f.Description, true
	}
	if f.Release != nil {
		spec.TerminateInstances, named = *f.Release, true
	}
	named = f.applyStrategies(spec) || named
	for _, flag := range []struct {
		name, text string
		into       **timestamppb.Timestamp
	}{{"--valid-from", f.ValidFrom, &spec.ValidFrom}, {"--valid-until", f.ValidUntil, &spec.ValidUntil}} {
		if flag.text == "" {
			continue
		}
		at, err := value.Time(flag.text)
		if err != nil {
			return false, of(flag.name, err)
		}
		*flag.into, named = timestamppb.New(at), true
	}
	return named, nil
}

func (f *birthFlags) applyStrategies(spec *groupv1.GroupSpec) (named bool) {
	if f.Strategy != nil {
		spotOf(spec).AllocationStrategy = allocatorv1.SpotAllocationStrategy(allocatorv1.SpotAllocationStrategy_value["SPOT_ALLOCATION_STRATEGY_"+enumName(*f.Strategy)])
		named = true
	}
	if f.Pools != nil {
		spotOf(spec).PoolsToUse, named = *f.Pools, true
	}
	if f.Shortfall != nil {
		spotOf(spec).Shortfall, named = groupv1.SpotShortfall(groupv1.SpotShortfall_value["SPOT_SHORTFALL_"+enumName(*f.Shortfall)]), true
	}
	if f.Replace != nil {
		const prefix = "INTERRUPTION_REPLACEMENT_"
		spotOf(spec).InterruptionReplacement, named = groupv1.InterruptionReplacement(groupv1.InterruptionReplacement_value[prefix+enumName(*f.Replace)]), true
	}
	if f.PaidFor != nil {
		if spec.PayAsYouGo == nil {
			spec.PayAsYouGo = &groupv1.PayAsYouGoOptions{}
		}
		const prefix = "PAY_AS_YOU_GO_ALLOCATION_STRATEGY_"
		spec.PayAsYouGo.AllocationStrategy = allocatorv1.PayAsYouGoAllocationStrategy(allocatorv1.PayAsYouGoAllocationStrategy_value[prefix+enumName(*f.PaidFor)])
		named = true
	}
	return named
}

// A groupSource is where a new group comes from: a file, flags, or a file of
// which flags change something.
type groupSource struct {
	File string `short:"f" placeholder:"FILE" help:"YAML or JSON file of a CreateGroup request; - reads standard input. Flags win over it."`
	changeFlags
	birthFlags
	templateFlag
}

// read gives the request to create the group.
func (s *groupSource) read(on console) (*groupFile, error) {
	file := &groupFile{request: &groupv1.CreateGroupRequest{}}
	if s.File != "" {
		var err error
		if file, err = readGroupFile(s.File, on.in); err != nil {
			return nil, err
		}
	}
	spec := file.request.GetSpec()
	if spec == nil {
		spec = &groupv1.GroupSpec{}
	}
	paths, err := s.changeFlags.apply(spec)
	if err != nil {
		return nil, err
	}
	born, err := s.birthFlags.apply(spec)
	if err != nil {
		return nil, err
	}
	if len(paths) > 0 || born {
		file.request.Spec = spec
	}
	if file.request.Spec == nil && s.File == "" {
		return nil, misuse("say what the group is to be: with a file, -f FILE, or with flags, --total, --instance-type and --zone first")
	}
	// Two parts of a target make the whole.
	if target := spec.GetTargetCapacity(); target.GetTotal() == 0 && s.Total == nil && target.GetPayAsYouGo()+target.GetSpot() > 0 && s.File == "" {
		target.Total = target.GetPayAsYouGo() + target.GetSpot()
	}
	return file, nil
}
