package cli

//go:generate go run ./settingsdoc

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v3"
)

// settingsPrefix is what the variables begin with that settings of processes are
// read from. Those of client commands begin otherwise, so that who calls one system
// from a shell can start another there.
const settingsPrefix = "MUSTER_SERVE"

// configurable is how commands that run services are told what to do besides by flags.
type configurable struct {
	Config      settingsFile `help:"File of settings, in YAML: names of flags, without dashes before, and values (docs/configuration.md). A flag and a variable of the environment count before it." placeholder:"FILE" env:"-"`
	PrintConfig bool         `help:"Print all settings as they are, without secrets, in the form of --config, and end." env:"-"`
}

// runsServices tells whether a command line, by its first word, is one whose
// settings can come from the environment and a file.
func runsServices(args []string) bool {
	return len(args) > 0 && slices.Contains([]string{"up", "serve"}, args[0])
}

// maxSettingsBytes bounds a file of settings.
const maxSettingsBytes = 1 << 20

// A settingsFile is the name of a file of settings.
type settingsFile string

// BeforeResolve has flags that were not given read from the file.
func (settingsFile) BeforeResolve(parsed *kong.Context, trace *kong.Path) error {
	name, ok := parsed.FlagValue(trace.Flag).(settingsFile)
	if !ok || name == "" {
		return nil
	}
	values, err := readSettings(string(name))
	if err != nil {
		return fmt.Errorf("--config: %w", err)
	}
	known := map[string]bool{}
	for _, flag := range settingsOf(parsed.Flags()) {
		known[flag.Name] = true
	}
	for key := range values {
		if !known[key] {
			return fmt.Errorf("--config: %s: %.100q is no setting of muster %s; they are its flags, without the dashes before", name, key, parsed.Command())
		}
	}
	parsed.AddResolver(settingsResolver(values))
	return nil
}

// readSettings reads the values in a file, as text.
func readSettings(name string) (map[string]string, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // only read from
	text, err := io.ReadAll(io.LimitReader(file, maxSettingsBytes+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxSettingsBytes {
		return nil, fmt.Errorf("%s has more than %d bytes", name, maxSettingsBytes)
	}
	var nodes map[string]yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	if err := decoder.Decode(&nodes); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	values := make(map[string]string, len(nodes))
	for key, node := range nodes {
		if node.Kind != yaml.ScalarNode {
			return nil, fmt.Errorf("%s, line %d: %.100q must be one value", name, node.Line, key)
		}
		values[key] = node.Value
	}
	return values, nil
}

// A settingsResolver has the values of flags that neither the command line nor the
// environment gives.
type settingsResolver map[string]string

// Validate implements [kong.Resolver].
func (settingsResolver) Validate(*kong.Application) error { return nil }

// Resolve implements [kong.Resolver].
func (r settingsResolver) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	value, given := r[flag.Name]
	if !given || variableOf(flag) != "" {
		return nil, nil //nolint:nilnil // which is how the library is told that there is no value
	}
	return value, nil
}

// variableOf is the variable of the environment that a flag's value is from; empty
// for none.
func variableOf(flag *kong.Flag) string {
	for _, name := range flag.Envs {
		if _, set := os.LookupEnv(name); set {
			return name
		}
	}
	return ""
}

// settingsOf are those of flags that are settings.
func settingsOf(flags []*kong.Flag) []*kong.Flag {
	return slices.DeleteFunc(slices.Clone(flags), func(flag *kong.Flag) bool {
		return slices.Contains([]string{"help", "version", "config", "print-config"}, flag.Name)
	})
}

// asksForSettings tells whether a command line asks for its settings only.
func asksForSettings(parsed *kong.Context) bool {
	for _, flag := range parsed.Flags() {
		if flag.Name == "print-config" {
			asked, _ := parsed.FlagValue(flag).(bool)
			return asked
		}
	}
	return false
}

// printSettings prints the settings of a command line, each with where it is from.
// Secrets are not printed.
func printSettings(out io.Writer, parsed *kong.Context) error {
	inFile := map[string]bool{}
	given := map[string]bool{}
	for _, step := range parsed.Path {
		if step.Flag != nil {
			given[step.Flag.Name], inFile[step.Flag.Name] = true, step.Resolved
		}
	}
	var text strings.Builder
	for _, flag := range settingsOf(parsed.Flags()) {
		from := "default"
		switch {
		case inFile[flag.Name]:
			from = "file"
		case given[flag.Name]:
			from = "flag"
		case variableOf(flag) != "":
			from = "environment, " + variableOf(flag)
		}
		value, shown := shownValue(parsed.FlagValue(flag))
		if !shown {
			fmt.Fprintf(&text, "# %s: %s\n", flag.Name, value)
			continue
		}
		line, err := yaml.Marshal(map[string]string{flag.Name: value})
		if err != nil {
			return err
		}
		fmt.Fprintf(&text, "%s # %s\n", strings.TrimSpace(string(line)), from)
	}
	_, err := io.WriteString(out, text.String())
	return err
}

// shownValue is a value as text; false for one that is not set or not to be shown,
// with why.
func shownValue(value any) (text string, shown bool) {
	held := reflect.ValueOf(value)
	if held.Kind() == reflect.Pointer {
		if held.IsNil() {
			return "not set", false
		}
		held = held.Elem()
	}
	if content, ok := held.Interface().([]byte); ok {
		if len(content) == 0 {
			return "not set", false
		}
		return "set; what the file holds is secret", false
	}
	text = fmt.Sprint(held.Interface())
	if text == "" {
		return "not set", false
	}
	if at, err := url.Parse(text); strings.Contains(text, "://") {
		if err != nil {
			return "set; it is no URL, and may be secret", false
		}
		at.RawQuery = redactedQuery(at.Query())
		text = at.Redacted()
	}
	return text, true
}

// redactedQuery is the query of a URL without what it may hold of secrets.
func redactedQuery(query url.Values) string {
	for key := range query {
		if strings.Contains(strings.ToLower(key), "pass") {
			query.Set(key, "xxxxx")
		}
	}
	return query.Encode()
}

// SettingsTable tells all settings of all services, as a table in Markdown.
func SettingsTable() (string, error) {
	var root global
	options := []kong.Option{kong.Name("muster"), kong.Vars{"version": ""}, kong.DefaultEnvars(settingsPrefix)}
	for _, c := range commands() {
		if runsServices([]string{c.name}) {
			options = append(options, kong.DynamicCommand(c.name, c.help, "", c.flags))
		}
	}
	parser, err := kong.New(&root, options...)
	if err != nil {
		return "", err
	}
	rows := settingsRows(parser.Model.Leaves(false))
	var table strings.Builder
	table.WriteString("| setting | variable | default | of | what it says |\n|---|---|---|---|---|\n")
	for _, row := range rows {
		fmt.Fprintf(&table, "| `%s` | %s | %s | %s | %s |\n", row.name, row.variables, row.value, strings.Join(row.services, ", "), row.help)
	}
	return table.String(), nil
}

// A settingsRow is a setting, of all services in which it says the same.
type settingsRow struct {
	name, variables, value, help string
	services                     []string
}

func settingsRows(commands []*kong.Node) []*settingsRow {
	var rows []*settingsRow
	for _, command := range commands {
		service := command.Name
		for _, flag := range settingsOf(command.Flags) {
			row := &settingsRow{name: flag.Name, help: cell(spacedEnum(flag.Help, flag.Enum))}
			if flag.Required {
				row.value = "needed"
			} else if flag.Default != "" {
				row.value = "`" + flag.Default + "`"
			}
			for i, name := range flag.Envs {
				if i > 0 {
					row.variables += ", "
				}
				row.variables += "`" + name + "`"
			}
			same := slices.IndexFunc(rows, func(r *settingsRow) bool {
				return r.name == row.name && r.help == row.help && r.value == row.value
			})
			if same < 0 {
				rows, same = append(rows, row), len(rows)
			}
			rows[same].services = append(rows[same].services, service)
		}
	}
	slices.SortStableFunc(rows, func(a, b *settingsRow) int { return strings.Compare(a.name, b.name) })
	return rows
}

// cell is a text as it stands in a table.
func cell(text string) string {
	return strings.NewReplacer("|", "\\|", "\n", " ", "<", "\\<").Replace(text)
}
