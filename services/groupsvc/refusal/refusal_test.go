package refusal_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/seed-198b1370/muster/services/groupsvc/internal/placement"
	"github.com/seed-198b1370/muster/services/groupsvc/refusal"
)

var origin = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// TestRetry_series refuses again and again, each time as soon as it is tried.
func TestRetry_series(t *testing.T) {
	for _, c := range []struct {
		code  string
		scope refusal.Scope
		waits []time.Duration
	}{
		{placement.CodeNoStock, refusal.Pool, []time.Duration{
			30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 16 * time.Minute, 30 * time.Minute, 30 * time.Minute,
		}},
		{placement.CodeZone, refusal.Pool, []time.Duration{30 * time.Second, time.Minute}},
		{placement.CodeQuota, refusal.Method, []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 16 * time.Minute, 30 * time.Minute, 30 * time.Minute}},
		{placement.CodeBalance, refusal.Account, []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 10 * time.Minute, 10 * time.Minute}},
		{placement.CodeThrottled, refusal.Account, []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 30 * time.Second}},
		{placement.CodePrice, refusal.Group, []time.Duration{30 * time.Second, 30 * time.Second}},
		{placement.CodeDisk, refusal.Group, []time.Duration{30 * time.Minute, 30 * time.Minute}},
		{placement.CodeInternal, refusal.Group, []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute}},
	} {
		if got := refusal.ScopeOf(c.code); got != c.scope {
			t.Errorf("%s concerns the %v, want %v", c.code, got, c.scope)
		}
		now, series := origin, refusal.Series{}
		for i, want := range c.waits {
			retry := refusal.Retry(c.code, now, series, 0)
			if got := retry.Sub(now); got != want {
				t.Errorf("%s: after refusal %d it waits %v, want %v", c.code, i+1, got, want)
			}
			series = refusal.Series{Refused: now, Retry: retry}
			now = retry
		}
	}
}

func TestRetry(t *testing.T) {
	series := refusal.Series{Refused: origin, Retry: origin.Add(2 * time.Minute)}
	for _, c := range []struct {
		name  string
		after time.Duration // since the last refusal
		asked time.Duration
		want  time.Duration
	}{
		{"many learn it at the same time", time.Second, 0, 2 * time.Minute},
		{"as soon as it is tried again", 2 * time.Minute, 0, 4 * time.Minute},
		{"a little later", 6*time.Minute - 1, 0, 4 * time.Minute},
		{"the series is over", 6 * time.Minute, 0, 30 * time.Second},
		{"the cloud asks for more", 6 * time.Minute, time.Hour, time.Hour},
		{"the cloud asks for less", 2 * time.Minute, time.Second, 4 * time.Minute},
	} {
		now := origin.Add(c.after)
		if got := refusal.Retry(placement.CodeNoStock, now, series, c.asked).Sub(now); got != c.want {
			t.Errorf("%s: it waits %v, want %v", c.name, got, c.want)
		}
	}
}

// L1: whatever was refused before, it is tried again, within half an hour.
func TestRetry_comesSoon_Prop(t *testing.T) {
	codes := []string{
		placement.CodeNoStock, placement.CodeZone, placement.CodeQuota, placement.CodeBalance, placement.CodeThrottled,
		placement.CodePrice, placement.CodeDisk, placement.CodeInternal, "never seen",
	}
	rapid.Check(t, func(t *rapid.T) {
		seconds := func(what string, most int) time.Duration {
			return time.Duration(rapid.IntRange(0, most).Draw(t, what)) * time.Second
		}
		now := origin.Add(seconds("now", 100_000))
		var series refusal.Series
		if rapid.Bool().Draw(t, "again") {
			series.Refused = origin.Add(seconds("refused", 100_000))
			series.Retry = series.Refused.Add(seconds("delay", 100_000))
		}
		wait := refusal.Retry(rapid.SampledFrom(codes).Draw(t, "code"), now, series, 0).Sub(now)
		if wait < time.Second || wait > 30*time.Minute {
			t.Fatalf("it waits %v", wait)
		}
	})
}
