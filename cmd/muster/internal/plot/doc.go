// Package plot owns how values that hold until the next one become pictures:
// lines of text for a terminal, and SVG. It must not know what the values are of,
// nor where a picture is shown.
//
// Lines of text are drawn by the asciigraph library, which joins what it is given
// column by column: a step stays a step. SVG is written here, for no more is
// needed of it than lines and words.
package plot
