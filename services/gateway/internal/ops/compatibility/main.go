// Command compatibility writes docs/ecs-compatibility.md from the tables of
// operations.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/seed-198b1370/muster/services/gateway/internal/ops"
)

func main() {
	// go generate runs it in the folder of the tables.
	document := filepath.Join("..", "..", "..", "..", "docs", "ecs-compatibility.md")
	if err := os.WriteFile(document, []byte(ops.Document()), 0o644); err != nil { //nolint:gosec // part of the documents, which all may read
		_, _ = fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
