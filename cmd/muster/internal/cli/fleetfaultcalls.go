package cli

import (
	"context"
	"errors"
	"regexp"
	"slices"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/seed-198b1370/muster/cmd/muster/internal/cli/value"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

type addCallTrouble struct {
	lasting
	Method  []string `placeholder:"METHOD" help:"Only calls of this method, such as RunInstances; may be given more than once. By default of all."`
	Share   string   `default:"100" placeholder:"PERCENT" help:"How many of a hundred calls, 0.1 to 100, such as 12.5; by default all of them."`
	Latency string   `placeholder:"DURATION" help:"How long answers are held back, in real time, up to 10m."`
	Outcome string   `enum:"answered,unavailable-before,unavailable-after,internal-before,internal-after,throttled,no-answer-after" default:"answered" help:"What else happens to them: ${enum}. Before: they did nothing; after: they are done, and their answer is lost."`
	Max     int32    `placeholder:"N" help:"Stop after so many calls; 0, the default, means no limit."`
}

// methodName is what the name of a method looks like.
var methodName = regexp.MustCompile(`^[A-Za-z]{1,64}$`)

// Run begins to disturb calls.
func (c *addCallTrouble) Run(ctx context.Context, on console) error {
	share, shareErr := value.Share(c.Share, 1)
	latency, latencyErr := heldBack(c.Latency)
	trouble := &fleetv1.CallTrouble{Methods: c.Method, SharePermille: share, Latency: latency, MaxCalls: c.Max}
	if number, ok := fleetv1.CallOutcome_value["CALL_OUTCOME_"+enumName(c.Outcome)]; ok {
		trouble.Outcome = fleetv1.CallOutcome(number)
	}
	return c.begin(ctx, on, &fleetv1.Fault{Effect: &fleetv1.Fault_CallTrouble{CallTrouble: trouble}},
		of("--share", shareErr), of("--latency", latencyErr), c.check())
}

// check refuses what disturbs nothing, and what is no method.
func (c *addCallTrouble) check() error {
	var wrong []error
	if c.Latency == "" && c.Outcome == "answered" {
		wrong = append(wrong, misuse("name --latency, --outcome or both"))
	}
	if c.Max < 0 {
		wrong = append(wrong, misuse("--max must be 0 or more, got %d", c.Max))
	}
	for i, method := range c.Method {
		if !methodName.MatchString(method) || slices.Contains(c.Method[:i], method) {
			wrong = append(wrong, misuse("--method must be the name of a method such as RunInstances, each once, got %q", method))
		}
	}
	return errors.Join(wrong...)
}

type addStreamTrouble struct {
	lasting
	Duplicates string `placeholder:"PERCENT" help:"How many of a hundred transitions are sent again with the next response, 0.1 to 100."`
	Delay      string `placeholder:"DURATION" help:"How long transitions are held back, in real time, up to 10m."`
}

// Run begins to disturb streams.
func (c *addStreamTrouble) Run(ctx context.Context, on console) error {
	if c.Duplicates == "" && c.Delay == "" {
		return misuse("name --duplicates, --delay or both")
	}
	trouble := &fleetv1.StreamTrouble{}
	var shareErr error
	if c.Duplicates != "" {
		trouble.DuplicatePermille, shareErr = value.Share(c.Duplicates, 1)
	}
	delay, delayErr := heldBack(c.Delay)
	trouble.Delay = delay
	return c.begin(ctx, on, &fleetv1.Fault{Effect: &fleetv1.Fault_StreamTrouble{StreamTrouble: trouble}},
		of("--duplicates", shareErr), of("--delay", delayErr))
}

// heldBack reads how long something is held back in real time; nothing when the
// flag was not given.
func heldBack(text string) (*durationpb.Duration, error) {
	if text == "" {
		return nil, nil
	}
	length, err := value.Within(text, mostLatency)
	return durationpb.New(length), err
}
