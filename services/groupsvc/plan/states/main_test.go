package main

import (
	"os"
	"path/filepath"
	"testing"
)

// The document says what the code does.
func TestDocument_isCurrent(t *testing.T) {
	before, err := os.ReadFile(filepath.Join("../../../..", document))
	if err != nil {
		t.Fatal(err)
	}
	after, err := update(before)
	if err != nil {
		t.Fatal(err)
	}
	if string(before) != string(after) {
		t.Errorf("%s is not what package plan says: run make generate", document)
	}
}

func TestUpdate_needsItsPlace(t *testing.T) {
	if _, err := update([]byte("# Groups\n")); err == nil {
		t.Error("a document without a place for the state machines is taken")
	}
}
