package main

import (
	"os"
	"path/filepath"
	"testing"
)

// docs/configuration.md names all settings as the flags are now.
func TestDocument_isCurrent(t *testing.T) {
	before, err := os.ReadFile(filepath.Join("../../../../..", document))
	if err != nil {
		t.Fatal(err)
	}
	after, err := update(before)
	if err != nil {
		t.Fatal(err)
	}
	if string(before) != string(after) {
		t.Errorf("%s is not what make generate makes of it", document)
	}
}
