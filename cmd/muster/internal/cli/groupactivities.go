package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/seed-198b1370/muster/cmd/muster/internal/cli/wrap"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

type groupActivities struct {
	namedGroup
	Limit int32  `field:"page_size" help:"Show at most so many, 1 to 200." default:"20"`
	From  string `field:"started_from" placeholder:"TIME" help:"Only those that started then or later, such as 2026-01-02T15:04:05Z."`
	To    string `field:"started_before" placeholder:"TIME" help:"Only those that started before then."`
}

// maxActivities is how many activities of a group are kept.
const maxActivities = 200

// Run lists the latest activities.
func (c *groupActivities) Run(ctx context.Context, on console) error {
	request, err := c.request()
	if err != nil {
		return err
	}
	return c.on(ctx, func(groups groupv1.GroupServiceClient, _ regions, id string) error {
		request.GroupId = id
		listed, err := groups.ListActivities(ctx, request)
		if err != nil {
			return err
		}
		return c.show(on.out, listed, func(w table) {
			switch {
			case len(listed.GetActivities()) > 0:
			case c.From != "" || c.To != "":
				w.say("Nothing that was done for the group, and is still known, started then.")
			default:
				w.say("Nothing was done for the group so far.")
			}
			for i, activity := range listed.GetActivities() {
				if i > 0 {
					say(w, "")
				}
				activityText(w, activity)
			}
		})
	})
}

// request is what the command line asks for, but for the group, or what is wrong
// with it.
func (c *groupActivities) request() (*groupv1.ListActivitiesRequest, error) {
	request := &groupv1.ListActivitiesRequest{PageSize: c.Limit}
	var wrong []error
	if c.Limit < 1 || c.Limit > maxActivities {
		wrong = append(wrong, misuse("--limit must be 1 to %d, got %d", maxActivities, c.Limit))
	}
	wrong = append(wrong, readTime("--from", c.From, &request.StartedFrom), readTime("--to", c.To, &request.StartedBefore))
	if err := errors.Join(wrong...); err != nil {
		return nil, err
	}
	if c.From != "" && c.To != "" && !request.GetStartedFrom().AsTime().Before(request.GetStartedBefore().AsTime()) {
		return nil, misuse("--to must be later than --from, got %s and %s", c.From, c.To)
	}
	return request, nil
}

// activityText writes all of an activity: what it is for, then what was done.
func activityText(w io.Writer, activity *groupv1.Activity) {
	lines := []string{fmt.Sprintf("%s  %s: %s", stamp(activity.GetStartTime()), word(activity.GetStatus()), tame(activity.GetCause()))}
	about := activity.GetActivityId()
	if end := activity.GetEndTime(); end != nil {
		about += ", took " + end.AsTime().Sub(activity.GetStartTime().AsTime()).String()
	}
	if origin := originWords(activity.GetOrigin()); origin != "" {
		about += ", " + origin
	}
	lines = append(lines, "    "+about)
	for _, did := range slices.Concat(launchedLines(activity.GetLaunchResults()), restartedLines(activity.GetRestarts()), removedLines(activity.GetRemovals())) {
		lines = append(lines, "    "+tame(did))
	}
	if attached := activity.GetAttachedInstanceIds(); len(attached) > 0 {
		lines = append(lines, "    attached "+listing(attached))
	}
	for _, line := range lines {
		_, _ = fmt.Fprintln(w, wrap.Text(line, widestText))
	}
}

// originWords says where an activity comes from; empty when it is of the group's
// own.
func originWords(origin string) string {
	kind, id, _ := strings.Cut(origin, ":")
	switch kind {
	case "":
		return ""
	case "scaling-task":
		return "by scaling task " + id
	case "rebalance":
		return "a rebalancing"
	case "expiry":
		return "since the group's validity ended"
	case "minimum":
		return "since the minimum was not reached"
	default: // update, detach, attach, delete
		return "after " + origin
	}
}

// launchedLines tell what was launched where, then what refused.
func launchedLines(results []*groupv1.LaunchResult) []string {
	var launched []string
	var refused []reasoned
	for _, result := range results {
		pool := resultPool(result)
		if result.GetAmount() > 0 {
			launched = append(launched, fmt.Sprintf("launched %d %s", result.GetAmount(), pool))
		}
		if code := result.GetErrorCode(); code != "" {
			refused = append(refused, reasoned{errorWords(code, result.GetErrorMessage()), pool})
		}
	}
	for _, same := range byReason(refused) {
		launched = append(launched, fmt.Sprintf("refused, %s: %s", same.reason, strings.Join(same.ids, ", ")))
	}
	return launched
}

// resultPool names the pool of a launch result.
func resultPool(result *groupv1.LaunchResult) string {
	return poolWords(result.GetInstanceType(), result.GetZoneId(), methodOf(result))
}

// methodOf is how what a launch result is about is paid for.
func methodOf(result *groupv1.LaunchResult) string {
	if result.GetSpotStrategy() == groupv1.SpotStrategy_SPOT_STRATEGY_NO_SPOT {
		return word(fleetv1.BillingMethod_BILLING_METHOD_PAY_AS_YOU_GO)
	}
	return word(fleetv1.BillingMethod_BILLING_METHOD_SPOT)
}

// poolWords names a pool: type, zone, billing method.
func poolWords(instanceType, zone, method string) string {
	return strings.Join([]string{cmp.Or(instanceType, "any type"), cmp.Or(zone, "any zone"), method}, " ")
}

// restartedLines tell which stopped instances run again, then which do not.
func restartedLines(restarts []*groupv1.Restart) []string {
	var restarted []string
	var failed []reasoned
	for _, restart := range restarts {
		if code := restart.GetErrorCode(); code == "" {
			restarted = append(restarted, restart.GetInstanceId())
		} else {
			failed = append(failed, reasoned{errorWords(code, restart.GetErrorMessage()), restart.GetInstanceId()})
		}
	}
	var lines []string
	if len(restarted) > 0 {
		lines = append(lines, fmt.Sprintf("restarted %d: %s", len(restarted), listing(restarted)))
	}
	for _, same := range byReason(failed) {
		lines = append(lines, fmt.Sprintf("could not restart %d, %s: %s", len(same.ids), same.reason, listing(same.ids)))
	}
	return lines
}

// removedLines tell what was given up, by reason.
func removedLines(removals []*groupv1.Removal) []string {
	var released, left []reasoned
	for _, removal := range removals {
		one := reasoned{removal.GetReason(), removal.GetInstanceId()}
		if removal.GetReleased() {
			released = append(released, one)
		} else {
			left = append(left, one)
		}
	}
	var lines []string
	for _, same := range byReason(released) {
		lines = append(lines, fmt.Sprintf("released %d, %s: %s", len(same.ids), same.reason, listing(same.ids)))
	}
	for _, same := range byReason(left) {
		lines = append(lines, fmt.Sprintf("%d left and run on, %s: %s", len(same.ids), same.reason, listing(same.ids)))
	}
	return lines
}

// errorWords is an error code with its sentence.
func errorWords(code, message string) string {
	if message == "" {
		return code
	}
	return code + " (" + strings.TrimSuffix(message, ".") + ")"
}

// A reasoned is an instance or a pool, and why something became of it.
type reasoned struct{ reason, id string }

// alike are those of which something became for the same reason.
type alike struct {
	reason string
	ids    []string
}

// byReason puts those of the same reason together, in order of the first.
func byReason(all []reasoned) []alike {
	var groups []alike
	for _, one := range all {
		at := slices.IndexFunc(groups, func(a alike) bool { return a.reason == one.reason })
		if at < 0 {
			groups, at = append(groups, alike{reason: one.reason}), len(groups)
		}
		groups[at].ids = append(groups[at].ids, one.id)
	}
	return groups
}

// activitySum says what an activity is for and what came of it so far, in one
// line.
func activitySum(activity *groupv1.Activity) string {
	launched, restarted, refused := int32(0), 0, map[string]bool{}
	for _, result := range activity.GetLaunchResults() {
		launched += result.GetAmount()
		if code := result.GetErrorCode(); code != "" {
			refused[code] = true
		}
	}
	for _, restart := range activity.GetRestarts() {
		if restart.GetErrorCode() == "" {
			restarted++
		}
	}
	var did []string
	for _, part := range []struct {
		what   string
		number int
	}{
		{"launched", int(launched)}, {"restarted", restarted}, {"attached", len(activity.GetAttachedInstanceIds())}, {"gave up", len(activity.GetRemovals())},
	} {
		if part.number > 0 {
			did = append(did, fmt.Sprintf("%s %d", part.what, part.number))
		}
	}
	if len(did) == 0 {
		did = []string{"nothing yet"}
		if activity.GetEndTime() != nil {
			did = []string{"nothing"}
		}
	}
	text := activity.GetCause() + ": " + strings.Join(did, ", ")
	if len(refused) > 0 {
		text += "; refused with " + strings.Join(sortedKeys(refused), ", ")
	}
	return text
}
