package cli

import (
	"strings"
	"testing"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

// pricedLines are commands that show money, and where they say in what.
var pricedLines = map[string]string{
	"fleet list": "Prices", "fleet show i-001": "Prices", "fleet update i-001 --protect": "Prices", "fleet disk": "Prices", "fleet disk detach d": "Prices",
	"market": "Prices", "market types": "Prices", "market history ecs.c6.large": "Spot price of ecs.c6.large",
	"fleet bill": "Amounts", "fleet account show": "Amounts", "fleet account list": "Amounts", "fleet account set a": "Amounts", "fleet account deposit a 1": "Amounts",
}

// regionsIn is the usual cloud, its regions with these currencies.
func regionsIn(t *testing.T, currencies ...string) *fakeCloud {
	t.Helper()
	replies, listed := usualReplies(), &fleetv1.ListRegionsResponse{}
	for _, currency := range currencies {
		listed.Regions = append(listed.Regions, &fleetv1.Region{RegionId: "eu-test", Currency: currency, ZoneIds: []string{"eu-test-a"}})
	}
	replies["ListRegions"] = []reply{answer(listed)}
	return newFakeCloud(t, replies)
}

// The currency is that of the region, asked for once a command.
func TestCurrency_isThatOfTheRegion(t *testing.T) {
	cloud := regionsIn(t, "EUR")
	for line, where := range pricedLines {
		if out := cloud.ok(line); !strings.Contains(out, where+" in EUR") && !strings.Contains(out, where+" are in EUR") || strings.Contains(out, "CNY") {
			t.Errorf("%s:\n%s", line, out)
		}
		if asked := strings.Count(strings.Join(cloud.calls(), "\n"), "ListRegions"); asked != 1 {
			t.Errorf("%s asked for regions %d times", line, asked)
		}
		cloud.ok(line + " -o json")
		if asked := strings.Join(cloud.calls(), "\n"); strings.Contains(asked, "ListRegions") {
			t.Errorf("%s -o json asked\n%s", line, asked)
		}
	}
}

// What is not told is not made up: no regions, several currencies, or nobody who
// serves them.
func TestCurrency_unknown(t *testing.T) {
	unserved := usualReplies()
	delete(unserved, "ListRegions")
	for name, cloud := range map[string]*fakeCloud{
		"not served": newFakeCloud(t, unserved), "none": regionsIn(t), "empty": regionsIn(t, ""), "several": regionsIn(t, "EUR", "USD"),
	} {
		t.Run(name, func(t *testing.T) {
			for line := range pricedLines {
				if out := cloud.ok(line); !strings.Contains(out, " in the account's currency") {
					t.Errorf("%s:\n%s", line, out)
				}
			}
		})
	}
}
