package events

import "testing"

func FuzzParseCursor(f *testing.F) {
	f.Add(position{incarnation: 1_800_000_000_000_000_000, sequence: 7}.cursor())
	f.Add(position{incarnation: -1, sequence: 1<<64 - 1}.cursor())
	f.Add("")
	f.Add("garbage")
	f.Add("AQAA\nAAAA")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parseCursor(text)
		if err == nil && p.cursor() != text {
			t.Errorf("cursor %q was read as %+v, whose cursor is %q", text, p, p.cursor())
		}
	})
}

func TestParseCursor_refusesEveryOtherText(t *testing.T) {
	cursor := position{incarnation: 1_800_000_000_000_000_000, sequence: 7}.cursor()
	if p, err := parseCursor(cursor); err != nil || p.sequence != 7 {
		t.Fatalf("%q was read as %+v, %v", cursor, p, err)
	}
	for i := range cursor {
		for _, c := range []byte("A_b9.") {
			other := []byte(cursor)
			if other[i] == c {
				continue
			}
			other[i] = c
			if p, err := parseCursor(string(other)); err == nil {
				t.Errorf("%q was read as %+v", other, p)
			}
		}
		if p, err := parseCursor(cursor[:i]); err == nil {
			t.Errorf("%q was read as %+v", cursor[:i], p)
		}
	}
}
