package scenario

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// maxProblems is how many problems are told one by one.
const maxProblems = 100

// A Problem is one thing that is wrong with a scenario.
type Problem struct {
	// File is the name of the file.
	File string
	// Line and Column are the place in it, from 1; 0 when not known.
	Line, Column int
	// Field is the path of the key, for example events[2].at, or the column of
	// a CSV file; empty when the file as a whole is wrong.
	Field string
	// Rule says what would be right.
	Rule string
	// Got is the wrong value as it is shown, quoted and cut short; empty when
	// there is none to show.
	Got string
}

// String is the problem as people read it:
//
//	web.yaml:14:9: events[2].at: must be a duration such as 90m, from 0s to 3650d, got "soon"
func (p Problem) String() string {
	var text strings.Builder
	text.WriteString(p.File)
	for _, number := range []int{p.Line, p.Column} {
		if number > 0 {
			fmt.Fprintf(&text, ":%d", number)
		}
	}
	for _, part := range []string{p.Field, p.Rule} {
		if part != "" {
			text.WriteString(": " + part)
		}
	}
	if p.Got != "" {
		text.WriteString(", got " + p.Got)
	}
	return text.String()
}

// A FileError tells all that is wrong with a scenario and the files it names.
type FileError struct {
	// Problems is what is wrong: first in the scenario, from its first line to
	// its last, then in other files. At least one, at most 100.
	Problems []Problem
	// More is how many problems were left out.
	More int
}

// Error implements error, with a line for each problem.
func (e *FileError) Error() string {
	lines := make([]string, 0, len(e.Problems)+1)
	for _, p := range e.Problems {
		lines = append(lines, p.String())
	}
	if e.More > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", e.More))
	}
	return strings.Join(lines, "\n")
}

// sorted puts problems in the order of their places, those of the main file
// first.
func sorted(problems []Problem, main string) []Problem {
	slices.SortStableFunc(problems, func(a, b Problem) int {
		if a.File != b.File {
			if a.File == main {
				return -1
			}
			if b.File == main {
				return 1
			}
		}
		return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return problems
}

// shown is a value as a problem shows it.
func shown(value string) string {
	if len(value) > 64 {
		return fmt.Sprintf("%q...", strings.ToValidUTF8(value[:64], ""))
	}
	return fmt.Sprintf("%q", value)
}
