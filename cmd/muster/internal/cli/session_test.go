package cli

import (
	"context"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// await watches a group until a state of it matches.
func (s shell) await(group, state string) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	defer cancel()
	wanted := regexp.MustCompile(`(?m)` + state)
	out := &watched{then: func(text string) {
		if wanted.MatchString(text) {
			cancel()
		}
	}}
	if code := Run(ctx, []string{"group", "watch", group, "--server", s.server}, nil, out, out); code != exitOK {
		s.t.Fatalf("watching %s: exit code %d:\n%s", group, code, out.String())
	}
}

// matches holds a text against a pattern.
func (s shell) matches(text, pattern string) {
	s.t.Helper()
	if !regexp.MustCompile(pattern).MatchString(text) {
		s.t.Errorf("%s is missing in:\n%s", pattern, text)
	}
	for line := range strings.Lines(text) {
		if utf8.RuneCountInString(strings.TrimSuffix(line, "\n")) > widestText {
			s.t.Errorf("a line is wider than %d: %s", widestText, line)
		}
	}
}

// What a person does with a group from its beginning to its end, against a whole
// system: describe tells what the group does, why it is short and when it tries
// again, and what was asked for by hand.
func TestSession(t *testing.T) {
	s := newShell(t)
	const pools = " --instance-type ecs.c6.large,ecs.g6.xlarge:2 --zone cn-shenzhen-d,cn-shenzhen-e"
	dry := s.ok("group create --name web --total 20 --pay-as-you-go 4 --dry-run" + pools)
	s.matches(dry, `spot: 16 of 16 units placed`)
	s.ok("group list", "There are no such groups.")
	s.ok("group create --name web --total 20 --pay-as-you-go 4 --pools 2 --excess termination --budget 50 --tag team=web" + pools)
	s.await("web", "^active fulfilled: 20 of 20 units")
	whole := s.ok("group describe web")
	s.matches(whole, `(?s)^Group: +apg-\S+\nName: +web\nState: +maintain group, active, fulfilled, created \S+\nNow: +nothing, the target is met\nNext look: `)
	s.matches(whole, `\nTarget: +20 units: at least 4 pay-as-you-go, the rest spot\n`)
	s.matches(whole, `; the budget is 50.00\n`)
	s.matches(whole, `\nTags: +team=web\n`)
	for _, absent := range []string{"Short:", "REFUSED", "Can-launch", "Health-known", "SCALING", "Suspended", "Protected", "UNHEALTHY"} {
		if strings.Contains(whole, absent) {
			t.Errorf("%s says nothing in:\n%s", absent, whole)
		}
	}

	s.ok("fleet drain --all")
	s.ok("group update web --total 40")
	s.await("web", "^active error: 20 of 40 units")
	short := s.ok("group describe web")
	s.matches(short, `\nNow: +(waits to try again|target not met)`)
	s.matches(short, `\nShort: +20 of 40 units: .*\(NoInstanceStock\)`)
	s.matches(short, `\nNext look: +\S+, (in \S+|which is now), to try again; earlier when stock is seen to return\n`)
	s.matches(short, `\nREFUSED +ZONE +BILLING +NEXT TRY +WHY\n`)
	s.matches(short, `\necs\.g6\.xlarge +cn-shenzhen-e +spot +(next look|\S+Z) +NoInstanceStock\n`)
	s.matches(s.ok("group activities web"), `refused, NoInstanceStock \(The instanceTypes are out of usage\): ecs`)
	s.ok("group activities web --from 2020-01-01T00:00:00Z", "NoInstanceStock")
	if early := s.ok("group activities web --to 2020-01-01T00:00:00Z"); early != "Nothing that was done for the group, and is still known, started then.\n" {
		t.Errorf("activities of a time before the group:\n%s", early)
	}

	s.ok("fleet restore --all")
	s.await("web", "^active fulfilled: 40 of 40 units")
	member := regexp.MustCompile(`i-\d+`).FindString(s.ok("group instances web"))
	s.ok("group protect web " + member)
	s.matches(s.ok("group instances web"), member+` .* protected\n`)
	s.ok("group suspend web terminate rebalance")
	s.ok("scaling create web --name night --to 10 --at 2090-01-01T00:00:00Z", "night")
	byHand := s.ok("group describe web")
	s.matches(byHand, `\nProtected: +1 instance: `+member+`\n`)
	s.matches(byHand, `(?s)\nSuspended: +terminate, rebalance; `+"`muster group resume apg-\\S+ terminate\\s+rebalance`")
	s.matches(byHand, `\nSCALING TASK +NAME +WHEN +DOES +NEXT\nst-\S+ +night +2090-01-01T00:00:00Z +to 10 +\S+Z\n`)
	s.ok("group resume web terminate rebalance")
	s.ok("group rebalance web --dry-run")
	s.ok("group detach web "+member+" --decrement", "/39")
	s.await("web", "^active fulfilled: 39 of 39 units")
	s.matches(s.ok("group activities web"), `1 left and run on, detached, as asked for: `+member)
	s.ok("group attach web " + member)
	s.matches(s.ok("group list"), `apg-\S+ +web +maintain +\S+ +\S+/39 +`)

	s.ok("group delete web --terminate")
	s.await(regexp.MustCompile(`apg-\S+`).FindString(whole), "^deleted")
	s.fails("group describe web", `there is no group called "web"`)
}

// Refusals name the flag that was given, with the field of the contract.
func TestRefusals_nameFlags(t *testing.T) {
	s := newShell(t)
	s.fails("group create --total 5000 --instance-type ecs.nope --zone nowhere", "  --total: must be", "(spec.target_capacity.total)")
	s.fails("template create x1 --bandwidth 500 --description http://x", "  --bandwidth: must be", "(configuration.internet_max_bandwidth_out_mbps)")
	s.fails("group create --total 5 --instance-type ecs.nope --zone nowhere",
		"  --instance-type: must be an instance type", "(spec.candidates[0].instance_type)", "  --zone: must be a zone", "(spec.candidates[0].zone_id)")
	s.fails("group create --total 5", "  --instance-type, --zone: must have 1 to 20 candidates")
	file := groupFileWith(t, oneSpotUnit)
	s.fails("group create -f "+file+" --zone nowhere", "muster: --zone: must be a zone")
	s.ok("group create --name web -f " + file)
	s.fails("group update web --total 5 --spot 6", "  --spot, --total: total must be at least")
	s.fails("group rebalance web --max 5000", "  --max: must be", "(max_moved_instances)")
	s.fails("scaling create web --cron nightly --to 5", "  --cron: ", "(spec.schedule.cron)")
	s.fails("group list --name "+strings.Repeat("n", 200), "  --name: ")
}
