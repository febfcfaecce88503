package scale

import (
	"math"

	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

// MaxTotal is the highest total that a group can have.
const MaxTotal = 2_000

const (
	// scaleInBelow is below which part of its target a metric is low enough to
	// scale in: what lies between would only go back and forth.
	scaleInBelow = 0.9
	// maxRatio bounds a metric over its target; any group is at its maximum far
	// below.
	maxRatio = 1e6
	// rounding is by how much a total may be off a whole number by the arithmetic
	// of metrics alone.
	rounding = 1e-6
)

// adjust is the total that an adjustment makes of another, before it is held
// within bounds. Distance is the metric less its threshold.
func adjust(adjustment *groupv1.Adjustment, total int32, distance float64) int64 {
	value, applies := valueAt(adjustment, distance)
	if !applies {
		return int64(total)
	}
	switch adjustment.GetKind() {
	case groupv1.AdjustmentKind_ADJUSTMENT_KIND_CHANGE:
		return int64(total) + value
	case groupv1.AdjustmentKind_ADJUSTMENT_KIND_PERCENT_CHANGE:
		return int64(total) + percentOf(total, value, int64(adjustment.GetMinChange()))
	case groupv1.AdjustmentKind_ADJUSTMENT_KIND_VALUE:
		return value
	default:
		return int64(total)
	}
}

// valueAt is the value of an adjustment at a distance of the metric from its
// threshold, and whether it has one there.
func valueAt(adjustment *groupv1.Adjustment, distance float64) (int64, bool) {
	if len(adjustment.GetSteps()) == 0 {
		return int64(adjustment.GetValue()), true
	}
	for _, step := range adjustment.GetSteps() {
		if (step.From == nil || distance >= step.GetFrom()) && (step.To == nil || distance < step.GetTo()) {
			return int64(step.GetValue()), true
		}
	}
	return 0, false
}

// percentOf is so many percent of a total, rounded away from 0, and at least
// least units.
func percentOf(total int32, percent, least int64) int64 {
	direction := int64(1)
	if percent < 0 {
		direction, percent = -1, -percent
	}
	units := (int64(total)*percent + 99) / 100
	if percent == 0 {
		return 0
	}
	return direction * max(units, least)
}

// track is the total at which a metric that falls as capacity rises would be at
// its target.
func track(total int32, value, target float64) int64 {
	ratio := value / target
	if math.IsNaN(ratio) {
		return int64(total)
	}
	// A group without capacity has none to multiply; one unit is a beginning.
	if total == 0 && ratio > 1 {
		total = 1
	}
	return int64(math.Ceil(float64(total)*min(max(ratio, 0), maxRatio) - rounding))
}

// hold brings a total within the bounds of a group.
func hold(spec *groupv1.GroupSpec, total int64) int32 {
	bounds := spec.GetScalingBounds()
	lowest := int64(max(bounds.GetMinimum(), spec.GetTargetCapacity().GetMinimum()))
	highest := int64(bounds.GetMaximum())
	if highest == 0 {
		highest = MaxTotal
	}
	return int32(max(lowest, min(highest, total)))
}
