package journal_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// fullEnv names the folder of a process whose files can not grow far.
const fullEnv = "JOURNAL_FULL"

func TestMain(m *testing.M) {
	if path := os.Getenv(fullEnv); path != "" {
		fill(path)
		return
	}
	os.Exit(m.Run())
}

// fill appends records until that fails, as it does on a full disk, and says
// how far it came.
func fill(path string) {
	signal.Ignore(syscall.SIGXFSZ)
	limit := &syscall.Rlimit{Cur: 4001, Max: 4001}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, limit); err != nil {
		fmt.Println("error", err)
		return
	}
	f := open(quiet{}, path)
	for n := 1; ; n++ {
		if _, err := f.Append(record(n)); err != nil {
			_, again := f.Append(record(n))
			_, rotated := f.Rotate()
			fmt.Println(n-1, errors.Is(err, syscall.EFBIG), again != nil, rotated != nil)
			return
		}
	}
}

// quiet is a test that can not fail.
type quiet struct{ testing.TB }

func (quiet) Helper() {}

// TestAppend_onAFullDisk holds that a record that does not fit is refused, that
// nothing follows it, and that the next start finds all those before (S6).
func TestAppend_onAFullDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data")
	command := exec.Command(os.Args[0], "-test.run=^$")
	command.Env = append(os.Environ(), fullEnv+"="+path)
	out, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	var kept int
	var full, again, rotated bool
	if _, err := fmt.Sscan(string(out), &kept, &full, &again, &rotated); err != nil || kept == 0 || !full || !again || !rotated {
		t.Fatalf("the process says %q", out)
	}
	f := holds(t, path, upTo(1, kept))
	if strings.Contains(f.log.String(), "cut") {
		t.Errorf("something was left to cut off: %s", f.log)
	}
	f.append(kept+1, kept+2)
	f.close()
	holds(t, path, upTo(1, kept+2)).close()
}
