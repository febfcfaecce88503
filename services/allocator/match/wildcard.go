package match

import "strings"

// A wildcard is a pattern in which an asterisk stands for any characters, none
// included.
type wildcard struct {
	pattern string
	// What stands before the first asterisk, between asterisks, and after the
	// last one. Without an asterisk all of it is prefix.
	prefix string
	middle []string
	suffix string
	exact  bool
}

func newWildcard(pattern string) wildcard {
	pieces := strings.Split(pattern, "*")
	w := wildcard{pattern: pattern, prefix: pieces[0], exact: len(pieces) == 1}
	if w.exact {
		return w
	}
	last := len(pieces) - 1
	w.suffix = pieces[last]
	for _, piece := range pieces[1:last] {
		if piece != "" {
			w.middle = append(w.middle, piece)
		}
	}
	return w
}

// matches goes through a name once: each piece is taken where it comes first,
// which leaves most to those after it, so no choice is ever undone.
func (w *wildcard) matches(name string) bool {
	rest, ok := strings.CutPrefix(name, w.prefix)
	if !ok || w.exact {
		return ok && rest == ""
	}
	if rest, ok = strings.CutSuffix(rest, w.suffix); !ok {
		return false
	}
	for _, piece := range w.middle {
		if _, rest, ok = strings.Cut(rest, piece); !ok {
			return false
		}
	}
	return true
}
