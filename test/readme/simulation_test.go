package readme_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// testName is a test as docs/simulation.md names it, and scenarioName a scenario
// of the world.
var (
	testName     = regexp.MustCompile("`([a-z/]+): ((?:Test|Fuzz)[A-Za-z0-9_]+)`")
	scenarioName = regexp.MustCompile("`([a-z_]+\\.txt)`")
)

// TestSimulation_namesTestsThatThereAre holds the table of rules against the code:
// every row names tests, and those and the scenarios are there.
func TestSimulation_namesTestsThatThereAre(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs", "simulation.md"))
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "| ") || strings.HasSuffix(strings.TrimSpace(line), "| proved by |") {
			continue
		}
		rows++
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		proof := cells[len(cells)-1]
		for _, part := range strings.Split(proof, ", ") {
			if part = strings.TrimSpace(part); testName.FindString(part) != part && scenarioName.FindString(part) != part {
				t.Errorf("%q names no test in: %s", part, line)
			}
		}
		for _, found := range scenarioName.FindAllStringSubmatch(proof, -1) {
			if _, err := os.Stat(filepath.Join(root, "services/fleetsim/world/testdata", found[1])); err != nil {
				t.Error(err)
			}
		}
		for _, found := range testName.FindAllStringSubmatch(proof, -1) {
			if !hasTest(t, packageFolder(found[1]), found[2]) {
				t.Errorf("%s has no %s", packageFolder(found[1]), found[2])
			}
		}
	}
	if rows < 60 {
		t.Errorf("only %d rows were found", rows)
	}
}

// groupTest is a test as docs/groups.md names it, with what it is given, if that
// has a name.
var groupTest = regexp.MustCompile("`([a-z0-9/]+): ((?:Test|Fuzz)[A-Za-z0-9_]+)(?:/([a-z_]+))?`")

// TestGroups_namesTestsThatThereAre holds docs/groups.md: every rule names tests,
// and those and their scenarios are there; every scenario is named.
func TestGroups_namesTestsThatThereAre(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs", "groups.md"))
	if err != nil {
		t.Fatal(err)
	}
	rows, ofRules := 0, false
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		isHead := strings.HasSuffix(line, "| proved by |")
		ofRules = isHead || ofRules && strings.HasPrefix(line, "|")
		if !ofRules || isHead || strings.HasPrefix(line, "|---") {
			continue
		}
		rows++
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for _, part := range strings.Split(strings.TrimSpace(cells[len(cells)-1]), ", ") {
			found := groupTest.FindStringSubmatch(part)
			if found == nil || found[0] != part {
				t.Errorf("%q names no test in: %s", part, line)
				continue
			}
			folder := groupFolder(found[1])
			if !hasTest(t, folder, found[2]) || found[3] != "" && !isGiven(t, folder, found[3]) {
				t.Errorf("%s has no %s", folder, part)
			}
		}
	}
	if rows < 100 {
		t.Errorf("only %d rules were found", rows)
	}
	for _, folder := range []string{"groupsvc", "plan"} {
		scenarios, err := filepath.Glob(filepath.Join(root, groupFolder(folder), "testdata/scenarios/*"))
		if err != nil || len(scenarios) == 0 {
			t.Fatalf("no scenarios of %s: %v", folder, err)
		}
		for _, scenario := range scenarios {
			if name := "`" + folder + ": TestScenarios/" + filepath.Base(scenario) + "`"; !strings.Contains(string(text), name) {
				t.Errorf("no rule names %s", name)
			}
		}
	}
}

// groupFolder is where a package of docs/groups.md lies, from the repository's root.
func groupFolder(name string) string {
	switch {
	case name == "groupsvc":
		return "services/groupsvc"
	case strings.HasPrefix(name, "pkg/"), strings.HasPrefix(name, "services/"), strings.HasPrefix(name, "test/"):
		return name
	default:
		return "services/groupsvc/" + name
	}
}

// isGiven tells whether the tests of a folder have a scenario of this name, or
// give something this name.
func isGiven(t *testing.T, folder, name string) bool {
	t.Helper()
	if _, err := os.Stat(filepath.Join(root, folder, "testdata/scenarios", name)); err == nil {
		return true
	}
	files, err := filepath.Glob(filepath.Join(root, folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), `"`+strings.ReplaceAll(name, "_", " ")+`": `) {
			return true
		}
	}
	return false
}

// packageFolder is where a package of the table lies, from the repository's root.
func packageFolder(name string) string {
	switch {
	case name == "fleetsim":
		return "services/fleetsim"
	case strings.HasPrefix(name, "pkg/"), strings.HasPrefix(name, "services/"), strings.HasPrefix(name, "test/"):
		return name
	default:
		return "services/fleetsim/" + name
	}
}

// anyTest is a test that a document names without its package.
var anyTest = regexp.MustCompile("`(Test[A-Za-z0-9_]+)`")

// TestDocs_nameTestsThatThereAre holds the other documents.
func TestDocs_nameTestsThatThereAre(t *testing.T) {
	documents, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil || len(documents) == 0 {
		t.Fatalf("no documents: %v", err)
	}
	var tests strings.Builder
	for _, folder := range []string{"pkg", "services", "cmd", "test"} {
		err := fs.WalkDir(os.DirFS(filepath.Join(root, folder)), ".", func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(filepath.Join(root, folder, path))
			tests.Write(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, document := range documents {
		text, err := os.ReadFile(document)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range anyTest.FindAllStringSubmatch(string(text), -1) {
			if !strings.Contains(tests.String(), "\nfunc "+found[1]+"(") {
				t.Errorf("%s names %s, which there is not", filepath.Base(document), found[1])
			}
		}
	}
}

// hasTest tells whether the tests of a folder have one of this name.
func hasTest(t *testing.T, folder, name string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, folder, "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s has no tests: %v", folder, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "\nfunc "+name+"(") {
			return true
		}
	}
	return false
}
