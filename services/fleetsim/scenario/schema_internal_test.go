package scenario

import (
	"slices"
	"testing"
)

// A default is read by the same rules as a value: it must fit them.
func TestSchema_isSound(t *testing.T) {
	for _, o := range newSchema().objects() {
		var seen []string
		for i := range o.fields {
			f := &o.fields[i]
			if slices.Contains(seen, f.name) || f.about == "" || f.value() == "" {
				t.Errorf("%s %s is doubled or says nothing", o.path, f.name)
			}
			seen = append(seen, f.name)
			if f.need == optional && f.initial == "" && f.absent == "" {
				t.Errorf("%s %s does not say what holds without it", o.path, f.name)
			}
			if f.initial != "" && !fits(f) {
				t.Errorf("%s %s: its default %s breaks its rule", o.path, f.name, f.initial)
			}
			if slices.Contains(f.words, "") {
				t.Errorf("%s %s has a word of the contract that is not there", o.path, f.name)
			}
		}
	}
}

func fits(f *field) (ok bool) {
	switch f.kind {
	case text:
		_, ok = parseText(f, f.initial)
	case number:
		_, ok = parseNumber(f, f.initial)
	case span:
		_, ok = parseSpan(f, f.initial)
	case flag:
		_, ok = parseFlag(f, f.initial)
	case word:
		_, ok = parseWord(f, f.initial)
	default: // what has no default
	}
	return ok
}

func TestParseSpan(t *testing.T) {
	f := &field{kind: span, most: maxAfter}
	for written, want := range map[string]string{
		"0": "0s", "0s": "0s", "90m": "1h30m", "2d": "2d", "2d12h": "60h", "1d0s": "1d", "1.5h": "1h30m", "3650d": "3650d",
		"": "", "d": "", "-1h": "", "1d-1h": "", "1d+1h": "", "1h2d": "", "1d2": "", "3650d1ns": "", "99999d": "", "9999999h": "", "1 h": "",
	} {
		got, ok := parseSpan(f, written)
		if ok != (want != "") || ok && days(int64(got)) != want {
			t.Errorf("%q is %v, %v, want %q", written, got, ok, want)
		}
	}
}

func TestParseNumber(t *testing.T) {
	f := &field{kind: number, decimals: 2, least: -1_000, most: 1_000}
	for written, want := range map[string]string{
		"0": "0", "0.5": "0.5", "-0.01": "-0.01", "10": "10", "1.50000": "1.5", "-0": "0",
		"": "", "-": "", ".5": "", "1.": "", "10.01": "", "1.005": "", "+1": "", "01": "", "1e1": "", "0x1": "", "1_0": "", "--1": "", "9999999999999999999": "", "NaN": "",
	} {
		got, ok := parseNumber(f, written)
		if ok != (want != "") || ok && decimal(got, 2) != want {
			t.Errorf("%q is %v, %v, want %q", written, got, ok, want)
		}
	}
}
