package cli

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

// Advice names commands and flags that there are.
func TestAdvice(t *testing.T) {
	values := map[string]string{
		"instance_id": "i-1", "instance_type": "ecs.c6.large", "account_id": "acme", "lock": "financial", "wanted": "INSTANCE_STATUS_RUNNING",
		"fault_id": "f-1", "market_price_micros_per_hour": "351000",
	}
	for reason, want := range map[fleetv1.ErrorReason]string{
		fleetv1.ErrorReason_ERROR_REASON_NO_INSTANCE_STOCK:         "Take fewer with --min, or another pool: `muster market --type ecs.c6.large` shows their stock.",
		fleetv1.ErrorReason_ERROR_REASON_PRICE_BELOW_MARKET:        "Bid at least the market price of 0.351 per hour, or leave out --max-price to pay whatever it is, at most the list price.",
		fleetv1.ErrorReason_ERROR_REASON_INCORRECT_INSTANCE_STATUS: "See where it stands: muster fleet show i-1\nStart it first: muster fleet start i-1",
		fleetv1.ErrorReason_ERROR_REASON_DELETION_PROTECTED:        "Take the protection away first: muster fleet update i-1 --no-protect",
		fleetv1.ErrorReason_ERROR_REASON_INSTANCE_LOCKED:           "Its account owes. Pay what is owed: muster fleet account deposit ACCOUNT AMOUNT",
		fleetv1.ErrorReason_ERROR_REASON_INSUFFICIENT_BALANCE:      "Pay what is owed: muster fleet account deposit acme AMOUNT",
		fleetv1.ErrorReason_ERROR_REASON_THROTTLED:                 "Call again in 2s, or less often.",
		fleetv1.ErrorReason_ERROR_REASON_ACCOUNT_NOT_FOUND:         "`muster fleet account list` shows the accounts there are; `muster fleet account set acme` makes one.",
		fleetv1.ErrorReason_ERROR_REASON_FAULT_EXISTS:              "Choose another --id, or end that one first: muster fleet fault clear f-1",
		fleetv1.ErrorReason_ERROR_REASON_INJECTED:                  "A fault of the simulation did this. End it: muster fleet fault clear f-1",
		fleetv1.ErrorReason_ERROR_REASON_UNSPECIFIED:               "",
	} {
		if got := advice(reason, values, 2*time.Second); got != want {
			t.Errorf("%v: got %q, want %q", reason, got, want)
		}
	}
	if got, want := locked("recycling"), "It is about to be reclaimed, which nothing can stop. Launch another one."; got != want {
		t.Errorf("got %q", got)
	}
	for number := range fleetv1.ErrorReason_name {
		for _, command := range strings.Split(advice(fleetv1.ErrorReason(number), nil, 0), "`") {
			if strings.HasPrefix(command, "muster ") {
				line := strings.Replace(strings.TrimPrefix(command, "muster "), "--type TYPE", "", 1) + " --help"
				if code, _, errOut := alone(t, line); code != exitOK {
					t.Errorf("%s: %s", line, errOut)
				}
			}
		}
	}
}

func TestPlainWords(t *testing.T) {
	const text = `has status INSTANCE_STATUS_RUNNING of BILLING_METHOD_PAY_AS_YOU_GO, not "DISK_CATEGORY_CLOUD_ESSD" (NO_INSTANCE_STOCK)`
	if got, want := plainWords(text), `has status running of pay-as-you-go, not "cloud-essd" (NO_INSTANCE_STOCK)`; got != want {
		t.Errorf("got %s", got)
	}
}

// Advice comes after what was wrong, and only on the fleet's own reasons.
func TestPrintError_advice(t *testing.T) {
	var out strings.Builder
	printError(&out, rpc.Error(codes.ResourceExhausted, fleetv1.ErrorReason_ERROR_REASON_THROTTLED, nil, "too many calls", rpc.RetryAfter(time.Second)), nil)
	if want := "muster: too many calls (THROTTLED)\nCall again in 1s, or less often.\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
	out.Reset()
	var violations rpc.Violations
	violations.Add("instance_type", "t", "must be sold in the region")
	printError(&out, violations.ErrWithReason(fleetv1.ErrorReason_ERROR_REASON_UNKNOWN_POOL, nil), nil)
	if want := "muster: the request was refused:\n  instance_type: must be sold in the region, got \"t\"\n`muster market types` shows what is sold, and in which zones.\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}
