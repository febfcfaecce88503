package cli

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed-198b1370/muster/pkg/rpc"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

const good = `requestId: r-1
spec:
  name: web
  target_capacity: {total: 5, payAsYouGo: 3, spot: 2}
  candidates:
    - zoneId: cn-shenzhen-d
      instanceType: ecs.c6.large
    - zone_id: cn-shenzhen-e
      instanceType: ecs.c6.large
      weightedCapacity: 2.5
`

func TestParseGroupFile(t *testing.T) {
	file, err := parseGroupFile("web.yaml", []byte(good))
	if err != nil {
		t.Fatal(err)
	}
	spec := file.request.GetSpec()
	if file.request.GetRequestId() != "r-1" || spec.GetTargetCapacity().GetPayAsYouGo() != 3 || spec.GetCandidates()[1].GetWeightedCapacity() != 2.5 {
		t.Errorf("parsed %v", file.request)
	}
}

func TestParseGroupFile_pointsToLineAndField(t *testing.T) {
	for name, test := range map[string]struct{ spoil, with, want string }{
		"misspelt field":   {"  name: web", "  nom: web", "web.yaml:3:3"},
		"wrong type":       {"total: 5", "total: many", "web.yaml:4:"},
		"unknown enum":     {"  name: web", "  type: FOREVER", "web.yaml:3:"},
		"broken YAML":      {"  candidates:", "  candidates: [", "web.yaml:5: did not find expected"},
		"field given anew": {"  name: web", "  name: web\n  name: web2", "web.yaml:4:3 name: is given twice, first in line 3"},
		"other spelling":   {"      instanceType", "      zone_id: cn-shenzhen-d\n      instanceType", "web.yaml:7:7 zone_id: is given twice, first in line 6"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parseGroupFile("web.yaml", []byte(strings.Replace(good, test.spoil, test.with, 1)))
			var found *fileError
			if !errors.As(err, &found) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want one that contains %q", err, test.want)
			}
		})
	}
}

func TestParseGroupFile_empty(t *testing.T) {
	if _, err := parseGroupFile("web.yaml", nil); err == nil || !strings.Contains(err.Error(), "is empty") {
		t.Errorf("got %v", err)
	}
}

// A refusal by the service is told with the line of the field.
func TestLocate(t *testing.T) {
	file, err := parseGroupFile("web.yaml", []byte(good))
	if err != nil {
		t.Fatal(err)
	}
	for field, want := range map[string]string{
		"spec.name":                     "web.yaml:3 spec.name: ",
		"spec.target_capacity.total":    "web.yaml:4 spec.target_capacity.total: ",
		"spec.candidates[0].zone_id":    "web.yaml:6 spec.candidates[0].zone_id: ",
		"spec.candidates[1].zone_id":    "web.yaml:8 spec.candidates[1].zone_id: ",
		"spec.candidates[1].priority":   "web.yaml:8 spec.candidates[1].priority: ",
		"spec.spot.pools_to_use":        "web.yaml:2 spec.spot.pools_to_use: ",
		"spec.candidates[99].zone_id":   "web.yaml:5 spec.candidates[99].zone_id: ",
		"spec.candidates[-1].zone_id":   "web.yaml:2 spec.candidates[-1].zone_id: ",
		"spec.candidates[x.zone_id":     "web.yaml:2 spec.candidates[x.zone_id: ",
		"not_in_the_file.that_was_read": "web.yaml not_in_the_file.that_was_read: ",
	} {
		var violations rpc.Violations
		violations.Add(field, "x", "must be right")
		if got := file.locate(violations.Err()).Error(); !strings.HasPrefix(got, want) {
			t.Errorf("%s: got %q, want it to begin with %q", field, got, want)
		}
	}
	other := errors.New("other")
	if got := file.locate(other); !errors.Is(got, other) {
		t.Errorf("another error became %v", got)
	}
}

func TestExamples_parse(t *testing.T) {
	var files []string
	for _, pattern := range []string{"../../../../examples/*.yaml", "../../../../examples/groups/*.yaml"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("no examples %s: %v", pattern, err)
		}
		files = append(files, found...)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parseGroupFile(name, data); err != nil {
			t.Errorf("%v", err)
		}
	}
}

func TestWord(t *testing.T) {
	if got := word(groupv1.ExcessCapacityTerminationPolicy_EXCESS_CAPACITY_TERMINATION_POLICY_NO_TERMINATION); got != "no-termination" {
		t.Errorf("got %q", got)
	}
	if got := word(groupv1.Fulfillment_FULFILLMENT_UNSPECIFIED); got != "-" {
		t.Errorf("got %q", got)
	}
	if got := word(groupv1.GroupType(99)); got != "99" {
		t.Errorf("got %q", got)
	}
}

func FuzzParseGroupFile(f *testing.F) {
	f.Add([]byte(good), "spec.candidates[0].zone_id")
	f.Add([]byte("a: &a [*a]"), "a[0]")
	f.Fuzz(func(_ *testing.T, data []byte, field string) {
		file, err := parseGroupFile("f.yaml", data)
		if err == nil {
			file.nodeAt(field)
		}
	})
}
