package layout_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/seed-198b1370/muster/pkg/layout"
)

// Exactly the steps that are missing are made, in order, up to one that fails; of
// what is later none.
func TestUpgrade(t *testing.T) {
	broken := errors.New("broken")
	for name, test := range map[string]struct {
		stored  int
		failing int // the step that fails; -1 for none
		want    []int
		says    string
	}{
		"without a number":  {0, -1, []int{0, 1, 2}, ""},
		"an earlier one":    {1, -1, []int{1, 2}, ""},
		"the newest":        {3, -1, nil, ""},
		"a later one":       {4, -1, nil, "a later release wrote it in layout 4, this one reads up to layout 3"},
		"none":              {-1, -1, nil, "layout -1 is none"},
		"a step that fails": {0, 1, []int{0, 1}, "bring it from layout 1 to 2: broken"},
	} {
		t.Run(name, func(t *testing.T) {
			var made []int
			var steps []func() error
			for n := range 3 {
				steps = append(steps, func() error {
					made = append(made, n)
					if n == test.failing {
						return broken
					}
					return nil
				})
			}
			err := layout.Upgrade(test.stored, steps...)
			if !slices.Equal(made, test.want) {
				t.Errorf("steps %v were made, want %v", made, test.want)
			}
			if (err == nil) != (test.says == "") || err != nil && !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want one that says %q", err, test.says)
			}
			var later *layout.LaterError
			if errors.As(err, &later) != (test.stored > 3) || (test.failing >= 0) != errors.Is(err, broken) {
				t.Errorf("got %v", err)
			}
		})
	}
}
