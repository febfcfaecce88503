package api

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/seed-198b1370/muster/pkg/rpc"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

// forever is when groups end that say nothing else.
var forever = time.Date(2099, 12, 31, 23, 59, 59, 0, time.UTC)

// fillValidity gives a group that does not say when it ends the end that it
// has. A beginning that is left out stays so: it is the group's creation.
func fillValidity(spec *groupv1.GroupSpec) {
	if spec.ValidUntil == nil {
		spec.ValidUntil = timestamppb.New(forever)
	}
}

// checkValidity tells what is wrong with the time for which a group is to live.
func checkValidity(violations *rpc.Violations, spec *groupv1.GroupSpec, now time.Time) {
	from, fromKnown := checkedTime(violations, "spec.valid_from", spec.GetValidFrom())
	until, untilKnown := checkedTime(violations, "spec.valid_until", spec.GetValidUntil())
	if fromKnown && from.After(now) && spec.GetType() == groupv1.GroupType_GROUP_TYPE_INSTANT {
		violations.Add("spec.valid_from", rpc.Literal(stamp(from)),
			"must not be later than now, "+stamp(now)+", in an instant group, which is delivered before the call answers; a request group can wait")
	}
	if spec.GetValidUntil() == nil {
		until, untilKnown = forever, true
	}
	switch {
	case !untilKnown:
	case !until.After(now):
		violations.Add("spec.valid_until", rpc.Literal(stamp(until)), "must be later than now, "+stamp(now))
	case fromKnown && !until.After(from):
		violations.Add("spec.valid_until", rpc.Literal(stamp(until)), "must be later than valid_from, "+stamp(from))
	}
}

// checkedTime is a time that is given and that a time can have.
func checkedTime(violations *rpc.Violations, field string, given *timestamppb.Timestamp) (time.Time, bool) {
	if given == nil {
		return time.Time{}, false
	}
	if err := given.CheckValid(); err != nil {
		violations.Add(field, rpc.Literal(given.String()), "must be a time from year 1 to year 9999")
		return time.Time{}, false
	}
	return given.AsTime(), true
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
