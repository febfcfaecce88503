package scale

import (
	"errors"
	"strings"
	"time"

	"github.com/netresearch/go-cron"
)

// searchYears is how far ahead a cron expression is searched for a date. The
// 29th of February on a day of the week of its own comes once in 28 years, or in
// 40 when a century is no leap year.
const searchYears = 41

// A Cron is a parsed cron expression. Its times are whole minutes in UTC.
type Cron struct{ schedule cron.Schedule }

// ParseCron parses a cron expression: minute, hour, day of month, month, day of
// week. As in crontab, when both days are restricted either is enough. The error
// says what is wrong with the text.
func ParseCron(text string) (Cron, error) {
	if strings.Contains(text, "=") { // the parser would take a time zone
		return Cron{}, errors.New("has no time zone: times are in UTC")
	}
	parser, err := cron.TryNewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.DowOrDom)
	if err != nil {
		return Cron{}, err
	}
	schedule, err := parser.WithMaxSearchYears(searchYears).Parse(text)
	if err != nil {
		return Cron{}, err
	}
	return Cron{schedule: schedule}, nil
}

// Next is the first time after another; zero when there is none, as for the
// 30th of February.
func (c Cron) Next(after time.Time) time.Time { return c.schedule.Next(after.UTC()) }
