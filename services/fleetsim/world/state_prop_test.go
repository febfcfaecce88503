package world_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// odd is a wild market whose ticks have another length and begin elsewhere.
type odd struct {
	wild
	start  int64
	length time.Duration
}

func (m odd) Ticks() (int64, time.Duration) { return m.start, m.length }

// drawConfig makes a configuration with an odd clock and market, a second
// account with a balance, and an agenda.
func drawConfig(t *rapid.T) world.Config {
	c := small(t)
	begin := rapid.SampledFrom([]world.Instant{origin, origin + 123_456_789, origin + 999_999_999, 0, -100_000_000_000_001}).Draw(t, "origin")
	balance := rapid.Int64Range(-1_000_000, 10_000_000).Draw(t, "balance")
	config := world.Config{
		Catalog: c, Seed: rapid.Uint64().Draw(t, "seed"), Origin: begin, CostTagKeys: []string{"group"},
		Accounts: []world.AccountSetup{{ID: "other", Settings: world.Unlimited(), BalanceMicros: &balance}},
	}
	config.Market = odd{
		wild{config.Seed, c}, (int64(begin)/1e9 + rapid.Int64Range(-1000, 1000).Draw(t, "start")) * 1e9,
		time.Duration(rapid.IntRange(30, 4000).Draw(t, "length")) * time.Second,
	}
	for range rapid.IntRange(0, 10).Draw(t, "planned") {
		at := begin.Add(time.Duration(rapid.IntRange(0, 20_000).Draw(t, "at")) * time.Second / 2)
		config.Agenda = append(config.Agenda, world.Planned{At: at, Command: drawOwned(t)})
	}
	slices.SortStableFunc(config.Agenda, func(a, b world.Planned) int { return int(a.At - b.At) })
	return config
}

// drawOwned makes a command of one of two accounts.
func drawOwned(t *rapid.T) world.Command {
	owner := rapid.SampledFrom([]string{world.DefaultAccountID, "other"}).Draw(t, "owner")
	switch c := drawCommand(t).(type) {
	case world.Launch:
		c.AccountID = owner
		return c
	case world.Release:
		c.AccountID = owner
		return c
	case world.Stop:
		c.AccountID = owner
		return c
	case world.Start:
		c.AccountID = owner
		return c
	case world.Retag:
		c.AccountID = owner
		return c
	case world.AttachDisk:
		c.AccountID = owner
		return c
	case world.DetachDisk:
		c.AccountID = owner
		return c
	case world.DeleteDisk:
		c.AccountID = owner
		return c
	case world.Deposit:
		c.AccountID, c.Micros = owner, c.Micros-20_000_000
		return c
	default:
		return c
	}
}

// TestState_isOfItsCommandsOnly_Prop holds that the whole state follows from
// the commands and their times: a world that was looked at and restored on the
// way comes to the same one, whatever its clock, its market's ticks, its
// accounts and its agenda. So does one that obeys only the commands that changed
// something, which is all that a journal tells.
func TestState_isOfItsCommandsOnly_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		config := drawConfig(t)
		plain, other, replayed := world.New(config), world.New(config), world.New(config)
		now := config.Origin
		for range rapid.IntRange(1, 30).Draw(t, "commands") {
			pause := time.Duration(pauses.Draw(t, "pause")) * time.Second / 2
			for range rapid.IntRange(0, 3).Draw(t, "looks") {
				other.Advance(now.Add(pause * time.Duration(rapid.IntRange(0, 100).Draw(t, "part")) / 100))
			}
			if rapid.Bool().Draw(t, "restore") {
				other = world.Restore(config, other.State())
			}
			now = now.Add(pause)
			command := drawOwned(t)
			answer, err := plain.Apply(now, command)
			answerOther, errOther := other.Apply(now, command)
			if diff := cmp.Diff(answer, answerOther); diff != "" || fmt.Sprint(err) != fmt.Sprint(errOther) {
				t.Fatalf("%T: %v, %v: %s", command, err, errOther, diff)
			}
			if answer.Changed {
				_, _ = replayed.Apply(now, command) // refused as before, if it was
			}
			replayed.Advance(now)
			for _, w := range []*world.World{plain, other, replayed} {
				if findings := w.Audit(3); len(findings) > 0 {
					t.Fatal(findings)
				}
				if diff := cmp.Diff(plainState(plain.State()), plainState(w.State())); diff != "" {
					t.Fatal(diff)
				}
			}
		}
	})
}

// plainState writes a state out, with what it points to.
func plainState(s world.State) []string {
	var all []string
	for _, i := range s.Instances {
		text := fmt.Sprint(i.Account.ID(), i.Tags.Map(), i.Describe())
		if i.Disks != nil {
			record := i.Disks.Record()
			text += fmt.Sprint(record.Disks, record.Base)
			if record.From != nil {
				text += fmt.Sprint(*record.From)
			}
		}
		i.Account, i.Tags, i.Attributes, i.Disks = nil, nil, nil, nil
		all = append(all, text+fmt.Sprintf(" %+v", withoutMark(i)))
	}
	for _, a := range s.Accounts {
		all = append(all, fmt.Sprint(a.ID, a.Settings, a.HasBalance, a.GivenMicros, a.Overdue))
		for _, c := range a.Charges {
			var pool world.Pool
			var tag world.Tag
			if c.Pool != nil {
				pool = *c.Pool
			}
			if c.Tag != nil {
				tag = *c.Tag
			}
			all = append(all, fmt.Sprint(pool, tag, c.ComputeMicros, c.ComputeParts, c.DiskMicros, c.DiskParts))
		}
	}
	s.Instances, s.Accounts = nil, nil
	return append(all, fmt.Sprintf("%+v", s))
}

// withoutMark is what a state tells of an instance: all but what the world
// keeps for itself.
func withoutMark(i world.Instance) world.Instance {
	return world.Instance{
		Number: i.Number, Created: i.Created, Started: i.Started, Noticed: i.Noticed, Since: i.Since, Due: i.Due,
		PurchasePrice: i.PurchasePrice, MaxPrice: i.MaxPrice, Charged: i.Charged, Offer: i.Offer, Transitions: i.Transitions,
		Status: i.Status, Why: i.Why, NoticeReason: i.NoticeReason, Health: i.Health,
		Spot: i.Spot, Unprotected: i.Unprotected, Protected: i.Protected, ReclaimOrdered: i.ReclaimOrdered,
		StopOnReclaim: i.StopOnReclaim, Economical: i.Economical, FinancialLock: i.FinancialLock,
	}
}

// TestAgenda_atAnyTime holds that instant 0 and those before it are times like
// others for the agenda and for settlements.
func TestAgenda_atAnyTime(t *testing.T) {
	for _, begin := range []world.Instant{0, world.InstantOf(time.Date(1969, 12, 31, 23, 0, 0, 0, time.UTC)), world.InstantOf(time.Date(1969, 12, 31, 21, 59, 0, 0, time.UTC))} {
		t.Run(begin.Time().String(), func(t *testing.T) {
			balance := int64(1_500_000)
			w := world.New(world.Config{
				Catalog: small(t), Market: still{}, Seed: 1, Origin: begin,
				Accounts: []world.AccountSetup{{ID: "default", Settings: world.Unlimited(), BalanceMicros: &balance}},
				Agenda: []world.Planned{
					{At: begin, Command: world.Launch{AccountID: "default", RequestID: "a", Pool: world.Pool{Offer: 1}, Amount: 1, MinAmount: 1}},
					{At: begin.Add(time.Hour), Command: world.Launch{AccountID: "default", RequestID: "b", Pool: world.Pool{Offer: 1}, Amount: 1, MinAmount: 1}},
				},
			})
			for hour := range 4 {
				w.Advance(begin.Add(time.Duration(hour) * time.Hour))
			}
			if account, _ := w.AccountOf("default"); account.Instances != 2 || !account.Overdue {
				t.Errorf("got %+v", account)
			}
		})
	}
}
