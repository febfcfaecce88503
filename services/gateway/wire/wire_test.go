package wire

import (
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"
)

// FuzzParams holds that whatever a request brings is read or refused with an
// error of the API.
func FuzzParams(f *testing.F) {
	for _, seed := range []string{
		"A=1&B.1.C=2", "A=%ff", "A=[{}]", "A=1&A=2", "A.1=2&A=[1]", "=", "&&&", "A=" + strings.Repeat("[", 50), "%zz=1",
		"LaunchTemplateConfig=[{\"VSwitchId\":\"a\"}]", "A.99999999999999999999=1", "A=%7B%22a%22%3Anull%7D",
	} {
		f.Add(seed, "")
		f.Add("", seed)
	}
	f.Fuzz(func(t *testing.T, query, body string) {
		params, err := ParseParams(query, body)
		var told Error
		if err != nil {
			if !errors.As(err, &told) || told.Status < 400 {
				t.Fatalf("an error of another kind: %v", err)
			}
			return
		}
		root, err := Tree(params)
		if err != nil {
			return
		}
		for name, node := range root.Members {
			whole, err := node.Structured()
			if err != nil {
				continue
			}
			if _, err := whole.Items(); err == nil && node.Empty() != whole.Empty() && whole.Text != "" {
				t.Errorf("%q is empty in one way only", name)
			}
		}
	})
}

func TestParseParams_boundsWhatItReads(t *testing.T) {
	for name, query := range map[string]string{
		"bytes":      "A=" + strings.Repeat("a", MaxBytes),
		"parameters": strings.Repeat("A=&", MaxParameters+1),
		"name":       strings.Repeat("A", maxName+1) + "=1",
	} {
		if _, err := ParseParams(query, ""); err == nil {
			t.Errorf("%s: not refused", name)
		}
	}
}

func TestStructured_isTheSameInJSONAndInParts(t *testing.T) {
	params, err := ParseParams("A.1.Key=k&A.1.Values.1=x&A.1.Values.2=2&B="+url.QueryEscape(`[{"Key":"k","Values":["x",2],"Nothing":null}]`), "")
	if err != nil {
		t.Fatal(err)
	}
	root, err := Tree(params)
	if err != nil {
		t.Fatal(err)
	}
	fromJSON, err := root.Members["B"].Structured()
	if err != nil {
		t.Fatal(err)
	}
	delete(fromJSON.Members["1"].Members, "Nothing")
	inParts, _ := json.Marshal(root.Members["A"])
	whole, _ := json.Marshal(fromJSON)
	if string(inParts) != string(whole) {
		t.Errorf("in parts %s, in JSON %s", inParts, whole)
	}
}

func TestAppend_writesBothFormats(t *testing.T) {
	answer := Object{
		M("Text", "a \"b\" <c> \x01\u2028"), M("Flag", true), M("Count", 3), M("Share", 0.5), Some("Left", ""),
		List("Ids", "Id", []string{"x", "y"}), List[Object]("Tags", "Tag", nil), List("Sets", "Set", []Object{{M("K", int64(1))}, {}}),
	}
	inJSON, err := AppendJSON(nil, answer)
	if err != nil {
		t.Fatal(err)
	}
	var read map[string]any
	if err := json.Unmarshal(inJSON, &read); err != nil {
		t.Fatalf("%v: %s", err, inJSON)
	}
	if read["Text"] != "a \"b\" <c> \x01\u2028" || read["Count"] != 3.0 {
		t.Errorf("read %v", read)
	}
	if _, there := read["Left"]; there {
		t.Error("what is empty was written")
	}
	inXML, err := AppendXML(nil, "Answer", Object{M("Text", "<"), List("Ids", "Id", []string{"x", "y"})})
	if want := `<?xml version="1.0" encoding="UTF-8"?><Answer><Text>&lt;</Text><Ids><Id>x</Id><Id>y</Id></Ids></Answer>`; err != nil || string(inXML) != want {
		t.Errorf("wrote %s, %v", inXML, err)
	}
	if _, err := AppendJSON(nil, Object{M("Odd", struct{}{})}); err == nil {
		t.Error("what can not be written was")
	}
}

// What is made as it is written reads as what was made before, in both formats.
func TestAppend_objectsMadeAsTheyAreWritten(t *testing.T) {
	texts := []string{"plain", "\"q\" \\ \n\t\x00\x7f", "ein Gr\u00fc\u00df\u2028 \U0001f600", "\xff broken \xc3", ""}
	made := func(at int, to Object) Object { return append(to, T("Name", texts[at]), M("At", at)) }
	before := make([]Object, 0, len(texts))
	for at := range texts {
		before = append(before, Object{M("Name", texts[at]), M("At", int64(at))})
	}
	for format, write := range map[string]func(Object) ([]byte, error){
		"JSON": func(o Object) ([]byte, error) { return AppendJSON(nil, o) },
		"XML":  func(o Object) ([]byte, error) { return AppendXML(nil, "Answer", o) },
	} {
		for _, count := range []int{0, 1, len(texts)} {
			lazy, lazyErr := write(Object{ListOf("Items", "Item", count, made)})
			eager, eagerErr := write(Object{List("Items", "Item", before[:count])})
			if lazyErr != nil || eagerErr != nil || string(lazy) != string(eager) {
				t.Errorf("%s: %s, %v; want %s, %v", format, lazy, lazyErr, eager, eagerErr)
			}
			if format == "JSON" && !json.Valid(lazy) {
				t.Errorf("no JSON: %s", lazy)
			}
		}
		if _, err := write(Object{ListOf("Items", "Item", 1, func(_ int, to Object) Object { return append(to, M("Odd", struct{}{})) })}); err == nil {
			t.Errorf("%s: what can not be written was", format)
		}
	}
}
