package trace_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed-198b1370/muster/services/fleetsim/catalog"
)

const catalogHeader = "zone_id,instance_type,family,architecture,vcpus,memory_mib,gpus,pay_as_you_go_micros_per_hour,spot_base_permille,capacity_instances\n"

// offersOf makes a catalog of one type, with an offer a zone.
func offersOf(t testing.TB, zones int) *catalog.Catalog {
	t.Helper()
	var text strings.Builder
	text.WriteString(catalogHeader)
	for i := range zones {
		fmt.Fprintf(&text, "eu-test-1%c,m.large,m,x86,2,4096,0,1000000,300,%d\n", 'a'+i, 16+i)
	}
	c, err := catalog.Parse(strings.NewReader(text.String()))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// sharedData is the folder of public traces, if there is one in a folder named
// shared beside any folder that this one lies in.
func sharedData(t testing.TB) (string, bool) {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		data := filepath.Join(dir, "shared", "data")
		if info, err := os.Stat(data); err == nil && info.IsDir() {
			return data, true
		}
		if filepath.Dir(dir) == dir {
			return "", false
		}
		dir = filepath.Dir(dir)
	}
}

// wideFiles is the availability files to hold the replay against.
func wideFiles(t testing.TB) []string {
	t.Helper()
	files := []string{"testdata/two_zones.csv"}
	data, ok := sharedData(t)
	if !ok {
		t.Log("no shared data: only testdata is replayed")
		return files
	}
	all, err := filepath.Glob(filepath.Join(data, "availability", "*.csv.gz"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range all {
		if strings.HasPrefix(string(content(t, file)), "t_s,") {
			files = append(files, file)
		}
	}
	t.Logf("replaying %d availability files", len(files))
	return files
}

func content(t testing.TB, file string) []byte {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasSuffix(file, ".gz") {
		unzipped, err := gzip.NewReader(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		if raw, err = io.ReadAll(unzipped); err != nil {
			t.Fatal(err)
		}
	}
	return raw
}
