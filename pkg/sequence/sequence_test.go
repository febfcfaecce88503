package sequence_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/seed-198b1370/muster/pkg/sequence"
)

func TestParse(t *testing.T) {
	for name, want := range map[string][]string{ // the first, the second and the thousandth name; none for no pattern
		"k8s-node-[1,4]-x": {"k8s-node-0001-x", "k8s-node-0002-x", "k8s-node-1000-x"},
		"web[0,1]":         {"web0", "web1", "web999"},
		"web[999999,6]":    {"web999999", "web1000000", "web1000998"},
		"größe[7,2]":       {"größe07", "größe08", "größe1006"},
		"web":              nil, "": nil, "[1,4]": nil, "web[1,7]": nil, "web[1,0]": nil, "web[,4]": nil, "web[-1,4]": nil,
		"web[1000000,6]": nil, "web[1, 4]": nil, "web[1,4][1,4]": nil, "web[1]": nil,
	} {
		pattern, ok := sequence.Parse(name)
		if ok != (want != nil) {
			t.Errorf("%q is a pattern: %v", name, ok)
		}
		for i, offset := range []uint64{0, 1, 999} {
			if ok && pattern.At(offset) != want[i] {
				t.Errorf("%q at %d is %q, want %q", name, offset, pattern.At(offset), want[i])
			}
		}
	}
}

func TestPattern_noTwoNamesAreTheSame_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pattern := sequence.Pattern{
			Prefix: rapid.StringMatching(`[a-z0-9-]{1,8}`).Draw(t, "prefix"), Begin: rapid.Uint64Range(0, sequence.MaxBegin).Draw(t, "begin"),
			Digits: rapid.IntRange(1, sequence.MaxDigits).Draw(t, "digits"), Suffix: rapid.StringMatching(`[a-z-]{0,8}`).Draw(t, "suffix"),
		}
		first, second := rapid.Uint64Range(0, 1<<32).Draw(t, "first"), rapid.Uint64Range(0, 1<<32).Draw(t, "second")
		if (pattern.At(first) == pattern.At(second)) != (first == second) {
			t.Fatalf("%d and %d are %q and %q", first, second, pattern.At(first), pattern.At(second))
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add("k8s-node-[1,4]-x")
	f.Add("[[1,4]]")
	f.Fuzz(func(t *testing.T, name string) {
		pattern, ok := sequence.Parse(name)
		if !ok {
			return
		}
		if first := pattern.At(0); !strings.HasPrefix(first, pattern.Prefix) || !strings.HasSuffix(first, pattern.Suffix) || pattern.Begin > sequence.MaxBegin {
			t.Errorf("%q begins with %q", name, first)
		}
	})
}
