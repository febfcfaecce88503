package table_test

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-198b1370/muster/services/gateway/internal/table"
	"github.com/seed-198b1370/muster/services/gateway/wire"
)

func told(status int, code string) wire.Error { return wire.Error{Status: status, Code: code} }

// params is a table with all that a table can say.
func params() []table.Param {
	return []table.Param{
		{Name: "Must", Required: true, Absent: told(404, "NoMust")},
		{Name: "Also", Required: true},
		{Name: "Text", Min: 2, Max: 4},
		{Name: "Word", OneOf: []string{"a", "b"}, Wrong: told(403, "BadWord")},
		{Name: "Plain", Pattern: regexp.MustCompile("^[a-z]*$"), Rule: "be lower case"},
		{Name: "Blank", OneOf: []string{"a"}, Blank: told(400, "IsBlank")},
		{Name: "Count", Kind: table.Integer, Min: 1, Max: 10, Above: told(403, "TooHigh")},
		{Name: "Free", Kind: table.Integer},
		{Name: "Share", Kind: table.Number, Max: 1},
		{Name: "Flag", Kind: table.Boolean},
		{Name: "When", Kind: table.Time},
		{Name: "Names", List: true, Limit: 2, TooMany: told(400, "TooManyNames")},
		{Name: "Numbers", List: true, Kind: table.Integer, Max: 10},
		{Name: "Shares", List: true, Kind: table.Number, Max: 1},
		{Name: "Inner", Kind: table.Struct, Of: []table.Param{{Name: "Key", Required: true}, {Name: "Deep", Kind: table.Struct, Of: []table.Param{{Name: "Leaf", Kind: table.Integer, Max: 5}}}}},
		{Name: "Items", Kind: table.Struct, List: true, Of: []table.Param{{Name: "Key", Required: true}, {Name: "Sub", List: true}}},
		{Name: "Never", Status: table.Refused, Note: "it would mislead"},
	}
}

// decode decodes what a query says, and what every call must.
func decode(t *testing.T, query string) (table.Values, error) {
	t.Helper()
	given, err := wire.ParseParams(query, "")
	if err != nil {
		t.Fatal(err)
	}
	root, err := wire.Tree(given)
	if err != nil {
		t.Fatal(err)
	}
	return table.Decode(params(), root)
}

const must = "Must=m&Also=a&"

func TestDecode(t *testing.T) {
	at := func(hour, minute, second int) time.Time {
		return time.Date(2026, 1, 2, hour, minute, second, 0, time.UTC)
	}
	for query, c := range map[string]struct {
		read func(table.Values) any
		want any
	}{
		"Text=ab":                             {func(v table.Values) any { return v.Text("Text") }, "ab"},
		"Text=%C3%BC%C3%BC%C3%BC%C3%BC":       {func(v table.Values) any { return v.Text("Text") }, "\u00fc\u00fc\u00fc\u00fc"}, // characters are counted
		"Text=":                               {func(v table.Values) any { return v.Has("Text") }, false},
		"Unknown=1":                           {func(v table.Values) any { return v.Has("Unknown") }, false},
		"Word=b":                              {func(v table.Values) any { return v.Text("Word") }, "b"},
		"Plain=abc":                           {func(v table.Values) any { return v.Text("Plain") }, "abc"},
		"Count=10":                            {func(v table.Values) any { return v.Integer("Count") }, int64(10)},
		"Free=0":                              {func(v table.Values) any { return v.Has("Free") }, true},
		"Share=0.5":                           {func(v table.Values) any { return v.Number("Share") }, 0.5},
		"Flag=True":                           {func(v table.Values) any { return v.Flag("Flag") }, true},
		"Flag=false":                          {func(v table.Values) any { return v.Has("Flag") && !v.Flag("Flag") }, true},
		"When=2026-01-02T03:04:05Z":           {func(v table.Values) any { return v.Time("When") }, at(3, 4, 5)},
		"When=2026-01-02T03:04Z":              {func(v table.Values) any { return v.Time("When") }, at(3, 4, 0)},
		"Names.1=x&Names.2=y":                 {func(v table.Values) any { return v.Texts("Names") }, []string{"x", "y"}},
		"Names.7=y&Names.3=x":                 {func(v table.Values) any { return v.Texts("Names") }, []string{"x", "y"}}, // in order, gaps allowed
		"Names.1=&Names.2=y":                  {func(v table.Values) any { return v.Texts("Names") }, []string{"y"}},
		`Names=["x","y"]`:                     {func(v table.Values) any { return v.Texts("Names") }, []string{"x", "y"}},
		`Names=["x",null]`:                    {func(v table.Values) any { return v.Texts("Names") }, []string{"x"}},
		`Numbers=[1,"2"]`:                     {func(v table.Values) any { return v.Integers("Numbers") }, []int64{1, 2}},
		"Shares.1=0.25":                       {func(v table.Values) any { return v.Numbers("Shares") }, []float64{0.25}},
		"Inner.Key=k&Inner.Deep.Leaf=3":       {func(v table.Values) any { return v.In("Inner").In("Deep").Integer("Leaf") }, int64(3)},
		`Inner={"Key":"k","Deep":{"Leaf":3}}`: {func(v table.Values) any { return v.In("Inner").In("Deep").Integer("Leaf") }, int64(3)},
		`Inner.Key=k&Inner.Deep={"Leaf":3}`:   {func(v table.Values) any { return v.In("Inner").In("Deep").Integer("Leaf") }, int64(3)},
		"Items.1.Key=a&Items.2.Key=b&Items.2.Sub.1=s":       {func(v table.Values) any { return v.Structs("Items")[1].Texts("Sub") }, []string{"s"}},
		`Items=[{"Key":"a"},{"Key":"b","Sub":["s"]}]`:       {func(v table.Values) any { return v.Structs("Items")[1].Texts("Sub") }, []string{"s"}},
		`Items.1.Key=a&Items.2={"Key":"b","Sub":["s","t"]}`: {func(v table.Values) any { return v.Structs("Items")[1].Texts("Sub") }, []string{"s", "t"}},
		"Never=": {func(v table.Values) any { return v.Has("Never") }, false},
	} {
		values, err := decode(t, must+query)
		if err != nil {
			t.Errorf("%s: %v", query, err)
			continue
		}
		if got := c.read(values); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: read %v, want %v", query, got, c.want)
		}
	}
}

func TestDecode_refusals(t *testing.T) {
	for query, c := range map[string]struct {
		status int
		code   string
		words  string // all of which the message has
	}{
		"Text=ab":                              {404, "NoMust", ""},
		"Must=m&Word=no":                       {400, "MissingParameter", `"Also"`}, // first what is absent, then what is wrong
		must + "Text=a":                        {400, "InvalidParameter", `"Text" 2 to 4 "a"`},
		must + "Text=abcde":                    {400, "InvalidParameter", `"Text" 2 to 4`},
		must + "Word=c":                        {403, "BadWord", `"Word" a, b "c"`},
		must + "Plain=X":                       {400, "InvalidParameter", `"Plain" lower case "X"`},
		must + "Blank=+":                       {400, "IsBlank", ""},
		must + "Blank=x":                       {400, "InvalidParameter", `"Blank"`},
		must + "Count=0":                       {400, "InvalidParameter", `"Count" from 1 to 10 "0"`},
		must + "Count=11":                      {403, "TooHigh", `"Count" from 1 to 10 "11"`},
		must + "Count=99999999999999999999":    {403, "TooHigh", `"Count"`},
		must + "Count=1.5":                     {400, "InvalidParameter", `"Count" whole number`},
		must + "Free=-1":                       {400, "InvalidParameter", `"Free" at least 0`},
		must + "Share=NaN":                     {400, "InvalidParameter", `"Share"`},
		must + "Share=1e999":                   {400, "InvalidParameter", `"Share"`},
		must + "Share=1.01":                    {400, "InvalidParameter", `"Share" from 0 to 1`},
		must + "Flag=yes":                      {400, "InvalidParameter", `"Flag" true or false "yes"`},
		must + "When=2026-01-02":               {400, "InvalidParameter", `"When" UTC "2026-01-02"`},
		must + "Names.1=a&Names.2=b&Names.3=c": {400, "TooManyNames", `"Names" 2 3`},
		must + "Names.0=a":                     {400, "InvalidParameter", `"Names" numbered`},
		must + "Names.x=a":                     {400, "InvalidParameter", `"Names" numbered`},
		must + "Names=a":                       {400, "InvalidParameter", `"Names" list "a"`},
		must + "Names=[":                       {400, "InvalidParameter", `"Names" JSON`},
		must + "Names=[]&Names.1=a":            {400, "InvalidParameter", `"Names" whole`},
		must + `Names=[["a"]]`:                 {400, "InvalidParameter", `"Names.1" parts`},
		must + "Numbers.1=1&Numbers.2=x":       {400, "InvalidParameter", `"Numbers.2" whole number "x"`},
		must + "Text.Part=a":                   {400, "InvalidParameter", `"Text" parts`},
		must + "Inner=a":                       {400, "InvalidParameter", `"Inner" structure "a"`},
		must + "Inner.Deep.Leaf=1":             {400, "MissingParameter", `"Inner.Key"`},
		must + "Inner.Key=k&Inner.Deep.Leaf=6": {400, "InvalidParameter", `"Inner.Deep.Leaf" from 0 to 5`},
		must + "Items.1.Key=a&Items.2.Sub.1=s": {400, "MissingParameter", `"Items.2.Key"`},
		must + "Never=1":                       {400, "InvalidParameter", `"Never" would mislead`},
	} {
		_, err := decode(t, query)
		var refused wire.Error
		if !errors.As(err, &refused) || refused.Status != c.status || refused.Code != c.code {
			t.Errorf("%s: %v, want %d %s", query, err, c.status, c.code)
			continue
		}
		for _, word := range strings.Fields(c.words) {
			if !strings.Contains(refused.Message, word) {
				t.Errorf("%s: %q does not say %s", query, refused.Message, word)
			}
		}
	}
}

func TestDecode_boundsListsThatNameNoLimit(t *testing.T) {
	list := func(count int) string {
		var out strings.Builder
		for i := range count {
			fmt.Fprintf(&out, "&Shares.%d=0", i+1)
		}
		return out.String()
	}
	if _, err := decode(t, must+list(100)); err != nil {
		t.Error(err)
	}
	if _, err := decode(t, must+list(101)); err == nil {
		t.Error("101 items were read")
	}
	if _, err := decode(t, must+"Plain="+strings.Repeat("a", 4096)); err != nil {
		t.Error(err)
	}
	if _, err := decode(t, must+"Plain="+strings.Repeat("a", 4097)); err == nil {
		t.Error("a text of 4097 characters was read")
	}
}

// What is stored is told as it was given, whichever way it was.
func TestKeep_isToldAgain(t *testing.T) {
	stored := func(name string, kind table.Kind) table.Param {
		return table.Param{Name: name, Kind: kind, Status: table.Stored}
	}
	all := []table.Param{
		{Name: "Works"}, {Name: "Dropped", Status: table.Ignored},
		stored("Text", table.Text), stored("Count", table.Integer), stored("Share", table.Number), stored("Flag", table.Boolean), stored("When", table.Time),
		{Name: "Inner", Kind: table.Struct, Of: []table.Param{stored("Leaf", table.Text), {Name: "Works"}}},
		{Name: "Items", Kind: table.Struct, List: true, Of: []table.Param{stored("Leaf", table.Integer)}},
	}
	for name, query := range map[string]string{
		"in parts": "Works=w&Dropped=d&Text=%22t%22&Count=7&Share=0.25&Flag=True&When=2026-01-02T03:04Z&Inner.Leaf=l&Inner.Works=w&Items.1.Leaf=1&Items.2.Leaf=2",
		"in JSON":  `Works=w&Dropped=d&Text="t"&Count=7&Share=0.25&Flag=true&When=2026-01-02T03:04:00Z&Inner={"Leaf":"l","Works":"w"}&Items=[{"Leaf":1},{"Leaf":"2"}]`,
	} {
		t.Run(name, func(t *testing.T) {
			given, err := wire.ParseParams(query, "")
			if err != nil {
				t.Fatal(err)
			}
			root, err := wire.Tree(given)
			if err != nil {
				t.Fatal(err)
			}
			values, err := table.Decode(all, root)
			if err != nil {
				t.Fatal(err)
			}
			kept := table.Keep(all, values)
			want := map[string]string{
				"Text": `"t"`, "Count": "7", "Share": "0.25", "Flag": "true", "When": "2026-01-02T03:04:00Z", "Inner.Leaf": "l", "Items.1.Leaf": "1", "Items.2.Leaf": "2",
			}
			if !maps.Equal(kept, want) {
				t.Errorf("kept %v", kept)
			}
			for at, c := range map[string]struct {
				params []table.Param
				json   string
			}{
				"":         {all, `{"Text":"\"t\"","Count":7,"Share":0.25,"Flag":true,"When":"2026-01-02T03:04:00Z"}`},
				"Inner.":   {all[slices.IndexFunc(all, func(p table.Param) bool { return p.Name == "Inner" })].Of, `{"Leaf":"l"}`},
				"Items.2.": {all[slices.IndexFunc(all, func(p table.Param) bool { return p.Name == "Items" })].Of, `{"Leaf":2}`},
				"Items.3.": {all[slices.IndexFunc(all, func(p table.Param) bool { return p.Name == "Items" })].Of, `{}`},
			} {
				if got, err := wire.AppendJSON(nil, table.Told(c.params, kept, at)); err != nil || string(got) != c.json {
					t.Errorf("of %q told %s, %v; want %s", at, got, err, c.json)
				}
			}
		})
	}
	// What was stored before a rule changed is told as it is.
	if got, err := wire.AppendJSON(nil, table.Told(all, map[string]string{"Count": "many"}, "")); err != nil || string(got) != `{"Count":"many"}` {
		t.Errorf("told %s, %v", got, err)
	}
}

func TestOperation_belongsToECSUnlessTold(t *testing.T) {
	for _, c := range []struct {
		operation        table.Operation
		product, version string
	}{
		{table.Operation{}, "Ecs", "2014-05-26"},
		{table.Operation{Product: "Sts", Version: "2015-04-01"}, "Sts", "2015-04-01"},
	} {
		if c.operation.ProductName() != c.product || c.operation.APIVersion() != c.version {
			t.Errorf("%+v is of %s %s", c.operation, c.operation.ProductName(), c.operation.APIVersion())
		}
	}
}
