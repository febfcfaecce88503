package cli

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"golang.org/x/term"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/seed-198b1370/muster/cmd/muster/internal/cli/wrap"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

// A table is the text form of an answer: rows in columns, and sentences.
type table struct {
	*tabwriter.Writer
	width int // of the terminal, in columns; 0 without one
}

// say writes a sentence on lines of its own.
func (t table) say(text string) { _, _ = fmt.Fprintln(t, wrap.Text(text, t.width)) }

// show writes an answer: as JSON when asked for, else as the fill function
// does.
func (c client) show(out io.Writer, answer proto.Message, fill func(table)) error {
	if c.Output == "json" {
		return writeJSON(out, answer)
	}
	w := table{Writer: tabwriter.NewWriter(out, 0, 0, 2, ' ', 0), width: widthOf(out)}
	fill(w)
	return w.Flush()
}

// say writes a sentence on lines of its own.
func say(out io.Writer, text string) { _, _ = fmt.Fprintln(out, wrap.Text(text, widthOf(out))) }

// narrow is the width of a terminal that does not tell its own.
const narrow = 80

// widthOf is how many columns a terminal has; 0 when the output is none.
func widthOf(out io.Writer) int {
	file, ok := out.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return 0
	}
	columns, _, err := term.GetSize(int(file.Fd()))
	if err != nil || columns <= 0 {
		return narrow
	}
	return columns
}

// counted writes a number of things: one in the singular, else in the plural.
func counted[N int | int32 | int64](number N, one, many string) string {
	if number == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", number, many)
}

// writeJSON writes a message as one line of JSON. The encoder varies its
// spacing on purpose; one line at least can be read by line-wise tools.
func writeJSON(out io.Writer, message proto.Message) error {
	data, err := protojson.Marshal(message)
	if err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	_, err = fmt.Fprintf(out, "%s\n", data)
	return err
}

// row writes one row of a table. Cells hold what others have chosen, such as
// names and tags: one that would move the cursor or change colors is quoted.
func row(w io.Writer, cells ...any) {
	texts := make([]string, len(cells))
	for i, cell := range cells {
		texts[i] = tame(fmt.Sprint(cell))
	}
	_, _ = fmt.Fprintln(w, strings.Join(texts, "\t"))
}

// tame quotes a text that holds anything but what can be printed.
func tame(text string) string {
	if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(text)
	}
	return text
}

// word writes an enum value as a person would: BILLING_METHOD_PAY_AS_YOU_GO as
// pay-as-you-go, and one that says nothing as -.
func word(value protoreflect.Enum) string {
	descriptor := value.Descriptor()
	named := descriptor.Values().ByNumber(value.Number())
	if named == nil {
		return strconv.Itoa(int(value.Number()))
	}
	if value.Number() == 0 {
		return "-"
	}
	// Values carry the name of their enum as a prefix, which the zero value
	// tells: it is called PREFIX_UNSPECIFIED.
	prefix := strings.TrimSuffix(string(descriptor.Values().Get(0).Name()), "UNSPECIFIED")
	return strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(string(named.Name()), prefix)), "_", "-")
}

// words writes enum values, or - for none.
func words[E protoreflect.Enum](values []E) string {
	var all []string
	for _, value := range values {
		all = append(all, word(value))
	}
	return orDash(strings.Join(all, ", "))
}

// yesOrDash writes what is so as yes, and what is not as -.
func yesOrDash(is bool) string {
	if is {
		return "yes"
	}
	return "-"
}

// stamp writes a time, or - for none.
func stamp(t *timestamppb.Timestamp) string {
	if t == nil {
		return "-"
	}
	return t.AsTime().Format(time.RFC3339)
}

// units writes capacity without needless decimals.
func units(capacity float64) string { return strconv.FormatFloat(capacity, 'f', -1, 64) }

// orDash writes a text, or - for an empty one.
func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// stock writes how much a pool can deliver.
func stock(available *int32, status fleetv1.StockStatus) string {
	if available == nil {
		return word(status)
	}
	return strconv.Itoa(int(*available))
}
