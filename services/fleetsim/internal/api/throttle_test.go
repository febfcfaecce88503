package api

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// TestThrottle_neverMoreThanItMay_Prop holds that, over any stretch, an account
// gets through no more calls than its rate gives in that time and its burst, and
// that whoever waits as long as told gets through.
func TestThrottle_neverMoreThanItMay_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		settings := world.AccountSettings{CallsPerSecond: rapid.Int32Range(1, 50).Draw(t, "rate"), CallBurst: rapid.Int32Range(0, 20).Draw(t, "burst")}
		burst := settings.CallBurst
		if burst == 0 {
			burst = settings.CallsPerSecond
		}
		throttle, now := newThrottle(), time.Unix(1_700_000_000, 0)
		at := func() time.Time { return now }
		begin, through := now, 0
		for range rapid.IntRange(1, 200).Draw(t, "calls") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(200*time.Millisecond)).Draw(t, "pause")))
			wait := throttle.take("a", settings, at)
			if wait == 0 {
				through++
				continue
			}
			now = now.Add(wait + time.Microsecond)
			if again := throttle.take("a", settings, at); again != 0 {
				t.Fatalf("waited %v as told, and is to wait %v more", wait, again)
			}
			through++
		}
		if most := float64(burst) + now.Sub(begin).Seconds()*float64(settings.CallsPerSecond) + 0.001; float64(through) > most {
			t.Fatalf("%d calls got through, %v are allowed", through, most)
		}
	})
}

// TestThrottle_goesBackWithTime holds that an account that had used up its calls
// does not wait for a time that a restore has taken back.
func TestThrottle_goesBackWithTime(t *testing.T) {
	settings := world.AccountSettings{CallsPerSecond: 1}
	throttle, now := newThrottle(), time.Unix(1_700_000_000, 0)
	at := func() time.Time { return now }
	for range 3 {
		throttle.take("a", settings, at)
	}
	now = now.Add(-24 * time.Hour)
	if wait := throttle.take("a", settings, at); wait > time.Second {
		t.Errorf("it is to wait %v", wait)
	}
	now = now.Add(time.Second)
	if wait := throttle.take("a", settings, at); wait != 0 {
		t.Errorf("a second later it is to wait %v", wait)
	}
}

func TestInRealTime(t *testing.T) {
	for _, test := range []struct {
		wait  time.Duration
		speed float64
		want  time.Duration
	}{{time.Second, 1, time.Second}, {time.Minute, 60, time.Second}, {time.Second, 100_000, time.Millisecond}, {time.Minute, 0.001, time.Hour}} {
		if got := inRealTime(test.wait, test.speed); got != test.want {
			t.Errorf("%v at speed %v: %v", test.wait, test.speed, got)
		}
	}
}
