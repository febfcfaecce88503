package cli

import (
	"maps"
	"regexp"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"google.golang.org/protobuf/encoding/protojson"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

// madeUp is what differs from run to run: tokens that are made.
var madeUp = regexp.MustCompile(`cli-[0-9a-f]{24}|fault-[0-9a-f]{8}`)

// What commands ask of the cloud, and what they write: each block is a command
// line, then its calls after >, its output, its errors after !, and its exit code
// unless it is 0. `go test -rewrite` writes the files anew.
func TestGolden(t *testing.T) {
	datadriven.Walk(t, "testdata/golden", func(t *testing.T, path string) {
		replies := usualReplies()
		maps.Copy(replies, healthReplies())
		maps.Copy(replies, templateReplies())
		maps.Copy(replies, scalingReplies())
		maps.Copy(replies, groupReplies())
		cloud := newFakeCloud(t, replies)
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			var lines strings.Builder
			for line := range strings.SplitSeq(d.Input, "\n") {
				code, out, errOut := cloud.run(line)
				for _, call := range cloud.calls() {
					lines.WriteString("> " + call + "\n")
				}
				lines.WriteString(out)
				if errOut != "" {
					lines.WriteString("! " + strings.ReplaceAll(strings.TrimSuffix(errOut, "\n"), "\n", "\n! ") + "\n")
				}
				if code != exitOK {
					lines.WriteString("exit code " + string(rune('0'+code)) + "\n")
				}
			}
			return madeUp.ReplaceAllString(lines.String(), "MADE-UP")
		})
	})
}

// -o json is the answer of the call, pages joined.
func TestGolden_json(t *testing.T) {
	cloud := newFakeCloud(t, usualReplies())
	var listed fleetv1.ListInstancesResponse
	if err := protojson.Unmarshal([]byte(cloud.ok("fleet list -o json")), &listed); err != nil {
		t.Fatal(err)
	}
	if len(listed.GetInstances()) != 2 || listed.GetCursor() != "c1" || listed.GetNextPageToken() != "" {
		t.Errorf("got %v", &listed)
	}
	for _, line := range []string{
		"fleet count", "fleet status", "fleet run --type t --zone z", "fleet start i", "fleet stop i", "fleet reboot i", "fleet delete i", "fleet tag i --set a=b",
		"fleet update i --protect", "fleet disk", "fleet disk attach d i", "fleet disk detach d", "fleet disk delete d", "fleet account show",
		"fleet account list", "fleet account set a", "fleet account deposit a 1", "fleet bill", "fleet fail hang --all", "fleet fault list",
		"fleet fault add zone-outage --zone z", "fleet fault clear --all", "fleet snapshot create s", "fleet snapshot list", "fleet snapshot restore s",
		"fleet snapshot delete s", "fleet scenario", "fleet audit", "clock", "clock pause", "clock resume", "clock step 1h", "clock next",
		"events dead", "webhook set w u", "webhook list", "webhook delete w", "webhook dead w", "webhook redeliver w",
		"market", "market types", "market zones", "market advice t", "market history ecs.c6.large",
	} {
		if out := cloud.ok(line + " -o json"); !strings.HasPrefix(out, "{") || strings.Count(out, "\n") != 1 {
			t.Errorf("%s: wrote %s", line, out)
		}
	}
}
