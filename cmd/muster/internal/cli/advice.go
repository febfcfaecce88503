package cli

import (
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"

	"github.com/seed-198b1370/muster/pkg/money"
	accessv1 "github.com/seed-198b1370/muster/proto/gen/muster/access/v1"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

// Where the reasons come from that there is advice for.
const (
	fleetDomain  = "fleet.muster"
	accessDomain = "access.muster"
)

// sayAdvice says what to do about a refusal of the cloud, where that is known.
func sayAdvice(out io.Writer, s *status.Status) {
	var reason fleetv1.ErrorReason
	var values map[string]string
	wait := time.Duration(0)
	for _, detail := range s.Details() {
		switch held := detail.(type) {
		case *errdetails.ErrorInfo:
			if text := accessAdvice(held); text != "" {
				say(out, text)
			}
			if held.GetDomain() == fleetDomain {
				reason = fleetv1.ErrorReason(fleetv1.ErrorReason_value["ERROR_REASON_"+held.GetReason()])
				values = held.GetMetadata()
			}
		case *errdetails.RetryInfo:
			wait = held.GetRetryDelay().AsDuration()
		}
	}
	if text := advice(reason, values, wait); text != "" {
		say(out, text)
	}
}

// accessAdvice is what to do about a refusal of the gate.
func accessAdvice(info *errdetails.ErrorInfo) string {
	if info.GetDomain() != accessDomain {
		return ""
	}
	switch accessv1.ErrorReason(accessv1.ErrorReason_value["ERROR_REASON_"+info.GetReason()]) {
	case accessv1.ErrorReason_ERROR_REASON_TOKEN_MISSING:
		return "Name the file that holds yours with --token-file or MUSTER_TOKEN_FILE."
	case accessv1.ErrorReason_ERROR_REASON_TOKEN_UNKNOWN, accessv1.ErrorReason_ERROR_REASON_TOKEN_EXPIRED:
		return "Whoever runs the system makes another with: muster token new"
	case accessv1.ErrorReason_ERROR_REASON_ACCOUNT_NOT_YOURS:
		return "Leave out --account, and look for MUSTER_ACCOUNT in the environment."
	default:
		return ""
	}
}

// advice is what to do about a refusal, with the values that were compared; empty
// when the refusal says it all.
func advice(reason fleetv1.ErrorReason, values map[string]string, wait time.Duration) string {
	switch reason {
	case fleetv1.ErrorReason_ERROR_REASON_NO_INSTANCE_STOCK:
		return "Take fewer with --min, or another pool: `muster market --type " + or(values["instance_type"], "TYPE") + "` shows their stock."
	case fleetv1.ErrorReason_ERROR_REASON_PRICE_BELOW_MARKET:
		return "Bid at least the market price" + priceIn(values["market_price_micros_per_hour"]) +
			", or leave out --max-price to pay whatever it is, at most the list price."
	case fleetv1.ErrorReason_ERROR_REASON_IDEMPOTENT_PARAMETER_MISMATCH:
		return "Give the same parameters as then, or another --request-id, or none to have one made."
	case fleetv1.ErrorReason_ERROR_REASON_UNKNOWN_POOL:
		return "`muster market types` shows what is sold, and in which zones."
	case fleetv1.ErrorReason_ERROR_REASON_INSTANCE_NOT_FOUND:
		return "It may have been released. `muster fleet list` shows the instances there are."
	case fleetv1.ErrorReason_ERROR_REASON_INCORRECT_INSTANCE_STATUS:
		return wrongStatus(values)
	case fleetv1.ErrorReason_ERROR_REASON_DELETION_PROTECTED:
		return "Take the protection away first: muster fleet update " + or(values["instance_id"], "ID") + " --no-protect"
	case fleetv1.ErrorReason_ERROR_REASON_INSTANCE_LOCKED:
		return locked(values["lock"])
	case fleetv1.ErrorReason_ERROR_REASON_QUOTA_EXCEEDED:
		return "Release instances, or raise the quota: muster fleet account set " + or(values["account_id"], "ACCOUNT") + " --help"
	case fleetv1.ErrorReason_ERROR_REASON_INSUFFICIENT_BALANCE:
		return "Pay what is owed: muster fleet account deposit " + or(values["account_id"], "ACCOUNT") + " AMOUNT"
	case fleetv1.ErrorReason_ERROR_REASON_THROTTLED:
		if wait <= 0 {
			return "Call again a little later, or less often."
		}
		return "Call again in " + wait.String() + ", or less often."
	default:
		return rareAdvice(reason, values)
	}
}

// rareAdvice is advice on what is refused more rarely.
func rareAdvice(reason fleetv1.ErrorReason, values map[string]string) string {
	switch reason {
	case fleetv1.ErrorReason_ERROR_REASON_ZONE_NOT_ON_SALE:
		return "Take another zone, or wait. `muster fleet fault list` shows outages that were injected."
	case fleetv1.ErrorReason_ERROR_REASON_DISK_CATEGORY_NOT_AVAILABLE:
		return "Name more categories, best first, such as essd,ssd,efficiency:40; the first that is on offer is taken."
	case fleetv1.ErrorReason_ERROR_REASON_DISK_NOT_FOUND:
		return "`muster fleet disk list` shows the disks there are."
	case fleetv1.ErrorReason_ERROR_REASON_INCORRECT_DISK_STATUS:
		return "`muster fleet disk list` shows what each disk is attached to. Detach it first, unless it is a system disk."
	case fleetv1.ErrorReason_ERROR_REASON_ACCOUNT_NOT_FOUND:
		return "`muster fleet account list` shows the accounts there are; `muster fleet account set " + or(values["account_id"], "ACCOUNT") + "` makes one."
	case fleetv1.ErrorReason_ERROR_REASON_FAULT_NOT_FOUND:
		return "It may have ended by itself. `muster fleet fault list` shows the faults there are."
	case fleetv1.ErrorReason_ERROR_REASON_FAULT_EXISTS:
		return "Choose another --id, or end that one first: muster fleet fault clear " + or(values["fault_id"], "ID")
	case fleetv1.ErrorReason_ERROR_REASON_SNAPSHOT_NOT_FOUND:
		return "`muster fleet snapshot list` shows the snapshots there are."
	case fleetv1.ErrorReason_ERROR_REASON_INJECTED:
		return "A fault of the simulation did this. End it: muster fleet fault clear " + or(values["fault_id"], "--all")
	default:
		return ""
	}
}

// wrongStatus says how an instance comes to a status that a call can start from.
func wrongStatus(values map[string]string) string {
	id := or(values["instance_id"], "ID")
	text := "See where it stands: muster fleet show " + id
	switch strings.ToLower(plainWords(values["wanted"])) {
	case "running":
		text += "\nStart it first: muster fleet start " + id
	case "stopped":
		text += "\nStop it first: muster fleet stop " + id
	}
	return text
}

// enumValue is a value of one of the fleet's enums, as the contract spells it.
var enumValue = regexp.MustCompile(`\b(?:INSTANCE_STATUS|BILLING_METHOD|DISK_CATEGORY|INSTANCE_HEALTH|OPERATION_LOCK)_([A-Z_]+)\b`)

// plainWords writes the enum values of a text as commands do: INSTANCE_STATUS_STOPPED
// as stopped.
func plainWords(text string) string {
	return enumValue.ReplaceAllStringFunc(text, func(value string) string {
		return strings.ReplaceAll(strings.ToLower(enumValue.FindStringSubmatch(value)[1]), "_", "-")
	})
}

// locked says what to do about an instance that is locked.
func locked(lock string) string {
	switch lock {
	case "financial":
		return "Its account owes. Pay what is owed: muster fleet account deposit ACCOUNT AMOUNT"
	case "recycling":
		return "It is about to be reclaimed, which nothing can stop. Launch another one."
	default:
		return ""
	}
}

// priceIn writes a price of the metadata, after a space; nothing when there is
// none.
func priceIn(micros string) string {
	number, err := strconv.ParseInt(micros, 10, 64)
	if err != nil {
		return ""
	}
	return " of " + money.FormatMicros(number) + " per hour"
}

// or is a text, or another one for an empty one.
func or(text, other string) string {
	if text == "" {
		return other
	}
	return text
}
