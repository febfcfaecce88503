package placement

import (
	"cmp"
	"slices"

	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/plan"
)

// maxHeld is how many entries a request can tell of what is held.
const maxHeld = 1000

// RebalanceRequest asks which instances should change their pool, that many at
// most. Of instances that must stay where they are, the target is asked for
// without what they make. It is nil when there is nothing that could move.
func RebalanceRequest(spec *groupv1.GroupSpec, desired plan.Desired, observed plan.Observed, exclusions []*allocatorv1.Exclusion, most int32) *allocatorv1.RebalanceRequest {
	wanted := desired.Target
	var movable []plan.Instance
	for _, instance := range observed.Instances {
		switch {
		case !instance.Healthy():
		case instance.Protected || instance.Status != fleetv1.InstanceStatus_INSTANCE_STATUS_RUNNING:
			wanted = wanted.Less(plan.AmountOf(instance.Method, instance.Class.Weight))
		default:
			movable = append(movable, instance)
		}
	}
	for _, pending := range observed.Pending {
		wanted = wanted.Less(plan.AmountOf(pending.Method, pending.Weight*int64(pending.Count)))
	}
	held, demands := HeldOf(movable), demandsOf(spec, wanted)
	if len(held) == 0 || len(demands) == 0 {
		return nil
	}
	return &allocatorv1.RebalanceRequest{
		Candidates: candidatesOf(spec), Demands: demands, Held: held, Exclusions: exclusions, MaxRemovedInstances: most,
	}
}

// HeldOf counts instances by pool, weight and price, in order.
func HeldOf(instances []plan.Instance) []*allocatorv1.HeldPool {
	type entry struct {
		pool          Pool
		weight, price int64
	}
	at := map[entry]*allocatorv1.HeldPool{}
	var held []*allocatorv1.HeldPool
	for _, instance := range instances {
		key := entry{Pool{instance.Zone, instance.Type, instance.Method}, instance.Class.Weight, instance.Price}
		if at[key] == nil {
			at[key] = &allocatorv1.HeldPool{
				ZoneId: instance.Zone, InstanceType: instance.Type, BillingMethod: instance.Method,
				WeightMilliunits: instance.Class.Weight, PriceMicrosPerHour: &key.price,
			}
			held = append(held, at[key])
		}
		at[key].Instances++
	}
	slices.SortFunc(held, func(a, b *allocatorv1.HeldPool) int {
		return cmp.Or(cmp.Compare(a.GetZoneId(), b.GetZoneId()), cmp.Compare(a.GetInstanceType(), b.GetInstanceType()),
			cmp.Compare(a.GetBillingMethod(), b.GetBillingMethod()), cmp.Compare(a.GetWeightMilliunits(), b.GetWeightMilliunits()),
			cmp.Compare(a.GetPriceMicrosPerHour(), b.GetPriceMicrosPerHour()))
	})
	return held[:min(maxHeld, len(held))]
}

// MovesOf reads the moves out of an answer, in order: as they are stored, and as
// they are told. Nothing is launched outside the candidates (S5).
func MovesOf(spec *groupv1.GroupSpec, answer *allocatorv1.RebalanceResponse) (moves []*storagev1.Move, told []*groupv1.RebalanceMove) {
	for _, move := range answer.GetMoves() {
		candidate := candidateOf(spec, &allocatorv1.PoolDecision{
			CandidateIndex: move.GetCandidateIndex(), ZoneId: move.GetToZoneId(), InstanceType: move.GetToInstanceType(),
		})
		if candidate == nil || move.GetLaunchInstances() < 1 || move.GetRemoveInstances() < 1 {
			continue
		}
		weight := plan.WeightOf(candidate, move.GetWeightMilliunits())
		if weight < 1 || weight > plan.MaxMilliunits {
			continue // no instance can weigh that
		}
		moves = append(moves, &storagev1.Move{
			Number: int32(len(moves) + 1), BillingMethod: move.GetBillingMethod(), CandidateIndex: move.GetCandidateIndex(),
			FromZoneId: move.GetFromZoneId(), FromInstanceType: move.GetFromInstanceType(), RemoveInstances: move.GetRemoveInstances(),
			ToZoneId: move.GetToZoneId(), ToInstanceType: move.GetToInstanceType(), LaunchInstances: move.GetLaunchInstances(),
			MaxPriceMicrosPerHour: maxPrice(spec, candidate, move.GetBillingMethod()),
			WeightMilliunits:      weight, PriceMicrosPerHour: move.GetPriceMicrosPerHour(),
		})
		told = append(told, &groupv1.RebalanceMove{
			BillingMethod: move.GetBillingMethod(), SavingMicrosPerHour: move.GetSavingMicrosPerHour(),
			FromZoneId: move.GetFromZoneId(), FromInstanceType: move.GetFromInstanceType(), RemoveInstances: move.GetRemoveInstances(),
			ToZoneId: move.GetToZoneId(), ToInstanceType: move.GetToInstanceType(), LaunchInstances: move.GetLaunchInstances(),
		})
	}
	return moves, told
}
