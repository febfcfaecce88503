// Package wrap owns how text is broken to the width of a terminal. It must not
// know what is said, nor where it is written.
package wrap

import (
	"strings"
	"unicode/utf8"
)

// Text breaks lines that have more than so many characters, at spaces. What a
// line goes on with is indented as it begins. A word that is longer than a line
// is left whole. A width of 0 leaves the text as it is.
func Text(text string, width int) string {
	if width <= 0 {
		return text
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if utf8.RuneCountInString(line) > width {
			lines[i] = fold(line, width)
		}
	}
	return strings.Join(lines, "\n")
}

// fold breaks one line.
func fold(line string, width int) string {
	indent := line[:len(line)-len(strings.TrimLeft(line, " "))]
	var folded strings.Builder
	used := 0
	for _, word := range strings.Fields(line) {
		length := utf8.RuneCountInString(word)
		switch {
		case used == 0:
			folded.WriteString(indent)
			used = len(indent)
		case used+1+length > width:
			folded.WriteString("\n" + indent)
			used = len(indent)
		default:
			folded.WriteByte(' ')
			used++
		}
		folded.WriteString(word)
		used += length
	}
	return folded.String()
}
