package cli

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/seed-198b1370/muster/cmd/muster/internal/cli/wrap"
)

// facts are lines of a name and a text. Texts are broken to the width of the
// terminal, at most [widestText], and go on below where they begin.
type facts struct{ lines [][2]string }

// add adds a line, unless it says nothing.
func (f *facts) add(name, text string) {
	if text != "" {
		f.lines = append(f.lines, [2]string{name + ":", tame(text)})
	}
}

// write writes the lines.
func (f *facts) write(w table) {
	column := 0
	for _, line := range f.lines {
		column = max(column, utf8.RuneCountInString(line[0])+columnGap)
	}
	width := widestText
	if w.width > 0 {
		width = min(width, w.width)
	}
	below := "\n" + strings.Repeat(" ", column)
	for _, line := range f.lines {
		text := wrap.Text(line[1], max(1, width-column))
		_, _ = fmt.Fprintf(w, "%-*s%s\n", column, line[0], strings.ReplaceAll(text, "\n", below))
	}
}

// columnGap is how far columns are apart.
const columnGap = 2

// mostMembers is how many instances are named one by one.
const mostMembers = 5

// listing names instances, and tells how many more there are.
func listing(ids []string) string {
	if len(ids) <= mostMembers {
		return strings.Join(ids, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(ids[:mostMembers], ", "), len(ids)-mostMembers)
}

// cut shortens a text to so many characters.
func cut(text string, width int) string {
	if utf8.RuneCountInString(text) <= width {
		return text
	}
	const sign = "..."
	return string([]rune(text)[:width-len(sign)]) + sign
}
