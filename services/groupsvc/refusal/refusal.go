// Package refusal owns what follows from a launch that the cloud refused: whom it
// concerns, and when it is worth to try again. It is pure. It must not know how
// refusals are kept, nor how the cloud words them beyond their error codes.
package refusal

import (
	"time"

	"github.com/seed-198b1370/muster/services/groupsvc/internal/placement"
)

// A Scope is whom a refusal concerns.
type Scope int

// The scopes, from narrow to wide.
const (
	// Group: this pool, for this group only. It depends on what the group asks
	// for: its maximum price, its disks, its image.
	Group Scope = iota
	// Pool: this pool, for all groups of the account.
	Pool
	// Method: all pools under the billing method, for all groups of the account.
	Method
	// Account: all that the account's groups launch.
	Account
)

// String is the scope's name.
func (s Scope) String() string {
	return [...]string{"group", "pool", "method", "account"}[s]
}

// ScopeOf tells whom a refusal with an error code concerns.
func ScopeOf(code string) Scope {
	switch code {
	case placement.CodeNoStock, placement.CodeZone:
		return Pool
	case placement.CodeQuota:
		return Method
	case placement.CodeBalance, placement.CodeThrottled:
		return Account
	default:
		return Group
	}
}

// A Series is refusals for the same reason, one after the other.
type Series struct {
	// Refused is when the latest came.
	Refused time.Time
	// Retry is when it was worth to try again.
	Retry time.Time
}

func (s Series) delay() time.Duration { return s.Retry.Sub(s.Refused) }

// A span says how long to wait: at first, and at most. It doubles in between.
type span struct{ first, most time.Duration }

func spanOf(code string) span {
	switch code {
	case placement.CodeQuota: // somebody has to ask for more, or to give something up
		return span{time.Minute, 30 * time.Minute}
	case placement.CodeBalance: // somebody has to pay
		return span{time.Minute, 10 * time.Minute}
	case placement.CodeThrottled: // that passes by itself
		return span{time.Second, 30 * time.Second}
	case placement.CodePrice:
		// The market moved on since the placement; the next one knows, and rules
		// the pool out until the price falls.
		return span{30 * time.Second, 30 * time.Second}
	case placement.CodeDisk: // what a zone offers changes seldom
		return span{30 * time.Minute, 30 * time.Minute}
	default:
		return span{30 * time.Second, 30 * time.Minute}
	}
}

// Retry tells when it is worth to try again after a refusal. The series is what
// is remembered of former ones, zero for none; asked is for how long the cloud
// asked to be left alone, 0 when it did not.
//
// A refusal that came while nobody should have tried is of a launch that was
// under way already: many groups that learn the same at the same time have
// learned it once, and the delay does not grow by it.
func Retry(code string, now time.Time, series Series, asked time.Duration) time.Time {
	bounds := spanOf(code)
	delay := bounds.first
	switch {
	case series.Lapsed(now):
	case now.Before(series.Retry):
		delay = max(delay, series.delay())
	default:
		delay = max(delay, 2*series.delay())
	}
	return now.Add(max(asked, min(delay, bounds.most)))
}

// Lapsed tells that a series has come to its end: nothing was refused for so long
// that the next refusal is the first of another.
func (s Series) Lapsed(now time.Time) bool { return !now.Before(s.Forget()) }

// Forget is when a series has come to its end.
func (s Series) Forget() time.Time { return s.Retry.Add(2 * s.delay()) }
