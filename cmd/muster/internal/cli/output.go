package cli

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

// show writes an answer: as JSON when asked for, else as the table function
// does.
func (c client) show(out io.Writer, answer proto.Message, table func(*tabwriter.Writer)) error {
	if c.Output == "json" {
		return writeJSON(out, answer)
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	table(w)
	return w.Flush()
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

// row writes one row of a table.
func row(w io.Writer, cells ...any) {
	texts := make([]string, len(cells))
	for i, cell := range cells {
		texts[i] = fmt.Sprint(cell)
	}
	_, _ = fmt.Fprintln(w, strings.Join(texts, "\t"))
}

// word writes an enum value as a person would: BILLING_METHOD_PAY_AS_YOU_GO as
// pay-as-you-go.
func word(value protoreflect.Enum) string {
	descriptor := value.Descriptor()
	named := descriptor.Values().ByNumber(value.Number())
	if named == nil {
		return strconv.Itoa(int(value.Number()))
	}
	// Values carry the name of their enum as a prefix, which the zero value
	// tells: it is called PREFIX_UNSPECIFIED.
	prefix := strings.TrimSuffix(string(descriptor.Values().Get(0).Name()), "UNSPECIFIED")
	return strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(string(named.Name()), prefix)), "_", "-")
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
