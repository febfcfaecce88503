package ecs_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth/credentials"
)

// TestEveryOperation calls every operation with both client libraries: each
// answers, and each refuses with a code of the reference.
func TestEveryOperation(t *testing.T) {
	s := start(t)
	operations := documented(t)
	for _, library := range []struct {
		name           string
		call, stranger client
	}{
		{"newer", s.newer, func(action, version string, p params) (map[string]any, error) {
			return newerAt(s.ECSAddr(), "nobody", action, version, p)
		}},
		{"classic", s.classic, func(action, version string, p params) (map[string]any, error) {
			return classicAt(s.ECSAddr(), s.region, credentials.NewAccessKeyCredential("nobody", "sk"), action, version, p)
		}},
	} {
		t.Run(library.name, func(t *testing.T) {
			seen := record{answered: map[string]bool{}, refused: map[string]bool{}}
			call, stranger := seen.keep(library.call), seen.keep(library.stranger)
			for _, part := range []struct {
				name string
				run  func(t *testing.T, s *system, call client)
			}{
				{"instances", instances}, {"lookUps", lookUps}, {"refusals", refusals}, {"groups", groups}, {"templates", templates}, {"tags", tags},
			} {
				t.Run(part.name, func(t *testing.T) { part.run(t, s, call) })
			}
			t.Run("strangers", func(t *testing.T) { strangers(t, stranger) })
			for _, operation := range operations {
				if !seen.answered[operation] || !seen.refused[operation] {
					t.Errorf("%s: answered %t, refused %t; both must be seen", operation, seen.answered[operation], seen.refused[operation])
				}
			}
		})
	}
}

// strangers calls operations that refuse nobody but those who are not known.
func strangers(t *testing.T, call client) {
	t.Helper()
	for action, version := range map[string]string{"DescribeRegions": ecsVersion, "GetCallerIdentity": "2015-04-01", "DescribeEndpoints": "2015-06-12"} {
		_, err := call(action, version, nil)
		var told refusal
		if !errors.As(err, &told) || told != (refusal{404, "InvalidAccessKeyId.NotFound"}) {
			t.Errorf("%s: %v, want InvalidAccessKeyId.NotFound", action, err)
		}
	}
}

// A record is what has become of calls, by their operation.
type record struct{ answered, refused map[string]bool }

// keep makes a client whose calls are recorded.
func (r record) keep(call client) client {
	return func(action, version string, p params) (map[string]any, error) {
		answer, err := call(action, version, p)
		var told refusal
		switch {
		case err == nil:
			r.answered[action] = true
		case errors.As(err, &told):
			r.refused[action] = true
		}
		return answer, err
	}
}

// documented are all operations, as the document lists them that is made from
// the gateway's tables.
func documented(t *testing.T) []string {
	t.Helper()
	document, err := os.ReadFile("../../docs/ecs-compatibility.md")
	if err != nil {
		t.Fatal(err)
	}
	_, listed, _ := strings.Cut(string(document), "\n## Operations\n")
	var names []string
	for line := range strings.Lines(listed) {
		if name, ok := strings.CutPrefix(line, "### "); ok {
			names = append(names, strings.TrimSpace(name))
		}
	}
	if len(names) == 0 {
		t.Fatal("the document lists no operations")
	}
	return names
}
