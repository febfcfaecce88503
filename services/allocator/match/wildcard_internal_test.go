package match

import (
	"regexp"
	"strings"
	"testing"
)

func TestWildcard_asDocumented(t *testing.T) {
	for _, test := range []struct {
		pattern string
		matched []string
		others  []string
	}{
		{"ecs.c6.large", []string{"ecs.c6.large"}, []string{"ecs.c6.xlarge", "ecs.c6.large2", "", "ecs.c6", "ECS.C6.LARGE"}},
		{"ecs.c6.*", []string{"ecs.c6.large", "ecs.c6.", "ecs.c6.2xlarge"}, []string{"ecs.c6e.large", "ecs.c6", "ecs-c6.large", "xecs.c6.large"}},
		{"*7*", []string{"ecs.c7.large", "7", "ecs.gn7i-c8g1.2xlarge", "ecs.n1.7xlarge"}, []string{"ecs.c6.large", ""}},
		{"*", []string{"", "ecs.c6.large"}, nil},
		{"***", []string{"", "ecs.c6.large"}, nil},
		{"*.large", []string{"ecs.c6.large", ".large"}, []string{"ecs.c6.xlarge", "large"}},
		{"ecs.*.*large", []string{"ecs.c6.large", "ecs.c6.8xlarge", "ecs..large"}, []string{"ecs.large", "ecs.s6-c1m1.small"}},
		{"a*a", []string{"aa", "aba", "aaa"}, []string{"a", "ab", ""}},
		{"a*b*b", []string{"abb", "abxb", "axbxb"}, []string{"ab", "axb"}},
		{"ecs.c?.large", []string{"ecs.c?.large"}, []string{"ecs.c6.large"}},
		{"", []string{""}, []string{"a"}},
	} {
		w := newWildcard(test.pattern)
		for _, name := range test.matched {
			if !w.matches(name) {
				t.Errorf("%q does not match %q", test.pattern, name)
			}
		}
		for _, name := range test.others {
			if w.matches(name) {
				t.Errorf("%q matches %q", test.pattern, name)
			}
		}
	}
}

// What makes matchers that try again slow is no more than a glance here: it would
// not end within the time of a test run.
func TestWildcard_triesNothingTwice(t *testing.T) {
	const many = 1 << 18
	w := newWildcard(strings.Repeat("a*", many) + "b")
	if w.matches(strings.Repeat("a", 2*many)) {
		t.Error("a name without the last character matches")
	}
	if !w.matches(strings.Repeat("a", 2*many) + "b") {
		t.Error("a name with the last character does not match")
	}
}

func FuzzWildcard(f *testing.F) {
	for _, seed := range [][2]string{
		{"ecs.c6.large", "ecs.c6.large"},
		{"ecs.c6.*", "ecs.c6.xlarge"},
		{"*7*", "ecs.c7.large"},
		{"a*ab*b", "aababb"},
		{"*a*", "\na\x00"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, pattern, name string) {
		expression, err := regexp.Compile("(?s)^" + strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, ".*") + "$")
		if err != nil {
			return // the reference reads UTF-8 only
		}
		w := newWildcard(pattern)
		if got, want := w.matches(name), expression.MatchString(name); got != want {
			t.Errorf("%q and %q: got %v, the reference says %v", pattern, name, got, want)
		}
	})
}
