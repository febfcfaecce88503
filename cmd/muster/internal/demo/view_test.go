package demo

import (
	"strings"
	"testing"
)

// What is said fits the terminal; without one it stays in one line.
func TestView_wraps(t *testing.T) {
	const text = "Delivered: all of it runs."
	for want, width := range map[string]func() int{
		"\n==> Delivered:\nall of it runs.\n\n": func() int { return 16 },
		"\n==> " + text + "\n\n":                nil,
	} {
		var out strings.Builder
		newView(&out, width).say(text)
		if out.String() != want {
			t.Errorf("got %q, want %q", out.String(), want)
		}
		out.Reset()
		newView(&out, width).end(text)
		if out.String()+"\n" != want {
			t.Errorf("got %q, want %q", out.String(), want)
		}
	}
}
