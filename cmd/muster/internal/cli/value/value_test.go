package value_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/seed-198b1370/muster/cmd/muster/internal/cli/value"
	"github.com/seed-198b1370/muster/pkg/money"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

func TestMicros(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "0.35": 350_000, "12": 12_000_000, "-0.5": -500_000, "0.000001": 1, "007": 7_000_000,
		"9223372036854.775807": math.MaxInt64,
	} {
		if got, err := value.Micros(text); err != nil || got != want {
			t.Errorf("%q is %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "-", ".5", "5.", "1,5", "1e3", "+1", "0.0000001", "--1", "1.-5", "9223372036854.775808", "٣"} {
		_, err := value.Micros(text)
		if want := fmt.Sprintf("must be an amount with at most 6 decimal places, such as 0.35, got %q", text); err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}

// What the tables write can be given back.
func TestMicros_readsWhatTablesWrite_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.Int64Range(-math.MaxInt64, math.MaxInt64).Draw(t, "micros")
		if got, err := value.Micros(money.FormatMicros(want)); err != nil || got != want {
			t.Fatalf("%d became %d, %v", want, got, err)
		}
	})
}

func TestFactorAndShare(t *testing.T) {
	if got, err := value.Factor("2.5", 1, 100_000); err != nil || got != 2_500 {
		t.Errorf("got %d, %v", got, err)
	}
	for text, want := range map[string]int32{"12.5": 125, "12.5%": 125, "100": 1_000, "0.1": 1} {
		if got, err := value.Share(text, 1); err != nil || got != want {
			t.Errorf("%q is %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"0", "100.1", "0.05", "x", "-1"} {
		_, err := value.Share(text, 1)
		if want := fmt.Sprintf("must be 0.1 to 100 percent with at most 1 decimal place, got %q", text); err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
	if _, err := value.Factor("1", 1_001, 1_000_000); err == nil || err.Error() != `must be 1.001 to 1000 with at most 3 decimal places, got "1"` {
		t.Errorf("got %v", err)
	}
}

func TestDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"90s": 90 * time.Second, "5m": 5 * time.Minute, "7d": 168 * time.Hour, "1d12h": 36 * time.Hour, "0s": 0, "0d": 0, "-5m": -5 * time.Minute,
	} {
		if got, err := value.Duration(text); err != nil || got != want {
			t.Errorf("%q is %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "5", "d", "1.5d", "1d24h", "1d-1h", "-1d", "99999999d", "1dd", "5x"} {
		if got, err := value.Duration(text); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
	if _, err := value.Within("31d", 30*24*time.Hour); err == nil || err.Error() != `must be above 0 and at most 30d, got "31d"` {
		t.Errorf("got %v", err)
	}
	if _, err := value.Within("0s", time.Minute); err == nil || err.Error() != `must be above 0 and at most 1m, got "0s"` {
		t.Errorf("got %v", err)
	}
}

func TestSpell_isRead_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := time.Duration(rapid.Int64Range(0, int64(400*24*time.Hour)).Draw(t, "nanoseconds"))
		if got, err := value.Duration(value.Spell(want)); err != nil || got != want {
			t.Fatalf("%v is spelled %q and read %v, %v", want, value.Spell(want), got, err)
		}
	})
}

func TestTime(t *testing.T) {
	if got, err := value.Time("2026-01-02T15:04:05+08:00"); err != nil || got.Unix() != 1_767_337_445 {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := value.Time("yesterday"); err == nil || err.Error() != `must be a time such as 2026-01-02T15:04:05Z, got "yesterday"` {
		t.Errorf("got %v", err)
	}
}

func TestTags(t *testing.T) {
	tags, err := value.Tags([]string{"team=web", "note=a=b,c;d", "empty="})
	if err != nil || len(tags) != 3 || tags["note"] != "a=b,c;d" || tags["empty"] != "" {
		t.Errorf("got %v, %v", tags, err)
	}
	for text, want := range map[string]string{
		"team": `must be KEY=VALUE, such as team=web, got "team"`, "=web": `must be KEY=VALUE, such as team=web, got "=web"`,
		"a=1 a=2": `must name each key once, got "a" again`,
	} {
		if _, err := value.Tags(strings.Fields(text)); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}

func TestDisk(t *testing.T) {
	const essd, ssd = fleetv1.DiskCategory_DISK_CATEGORY_CLOUD_ESSD, fleetv1.DiskCategory_DISK_CATEGORY_CLOUD_SSD
	for text, want := range map[string]*fleetv1.DiskRequest{
		"essd:40":               {Categories: []fleetv1.DiskCategory{essd}, SizeGib: 40},
		"essd,ssd:20:keep":      {Categories: []fleetv1.DiskCategory{essd, ssd}, SizeGib: 20, KeepAfterRelease: true},
		"cloud_essd:32768":      {Categories: []fleetv1.DiskCategory{essd}, SizeGib: 32_768},
		"cloud-ssd,cloud:50":    {Categories: []fleetv1.DiskCategory{ssd, fleetv1.DiskCategory_DISK_CATEGORY_CLOUD}, SizeGib: 50},
		"efficiency:50":         {Categories: []fleetv1.DiskCategory{fleetv1.DiskCategory_DISK_CATEGORY_CLOUD_EFFICIENCY}, SizeGib: 50},
		"Cloud_Efficiency:0050": {Categories: []fleetv1.DiskCategory{fleetv1.DiskCategory_DISK_CATEGORY_CLOUD_EFFICIENCY}, SizeGib: 50},
	} {
		if got, err := value.Disk(text); err != nil || !proto.Equal(got, want) {
			t.Errorf("%q is %v, %v, want %v", text, got, err, want)
		}
	}
	const form = "must be CATEGORY[,CATEGORY...]:GIB[:keep], such as essd,ssd:40:keep, got "
	for text, want := range map[string]string{
		"essd": form + `"essd"`, "essd:40:kept": form + `"essd:40:kept"`, "essd:40:keep:": form + `"essd:40:keep:"`, "": form + `""`,
		"nvme:40":        `must be a category of disks: cloud, efficiency, ssd or essd, got "nvme"`,
		"unspecified:40": `must be a category of disks: cloud, efficiency, ssd or essd, got "unspecified"`,
		"essd,essd:40":   `must name each category once, got "essd,essd:40"`,
		"essd:19":        `must have a size of 20 to 32768 GiB, got "19"`,
		"essd:40GiB":     `must have a size of 20 to 32768 GiB, got "40GiB"`,
	} {
		if _, err := value.Disk(text); err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}

func TestPool(t *testing.T) {
	want := &fleetv1.BilledPool{ZoneId: "z", InstanceType: "t", BillingMethod: fleetv1.BillingMethod_BILLING_METHOD_PAY_AS_YOU_GO}
	if got, err := value.Pool("z/t/pay-as-you-go"); err != nil || !proto.Equal(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
	for _, text := range []string{"", "z/t", "z/t/both", "z/t/unspecified", "/t/spot", "z//spot", "z/t/spot/"} {
		if got, err := value.Pool(text); err == nil || !strings.HasSuffix(err.Error(), fmt.Sprintf("got %q", text)) {
			t.Errorf("%q is %v, %v", text, got, err)
		}
	}
}

func FuzzMicros(f *testing.F) {
	f.Add("0.35")
	f.Add("-9223372036854.775807")
	f.Fuzz(func(t *testing.T, text string) {
		micros, err := value.Micros(text)
		if err != nil {
			return
		}
		if again, err := value.Micros(money.FormatMicros(micros)); err != nil || again != micros {
			t.Errorf("%q is %d, written anew %d, %v", text, micros, again, err)
		}
	})
}

func FuzzDuration(f *testing.F) {
	f.Add("1d12h")
	f.Add("-5m")
	f.Fuzz(func(t *testing.T, text string) {
		length, err := value.Duration(text)
		if err != nil || length < 0 {
			return
		}
		if again, err := value.Duration(value.Spell(length)); err != nil || again != length {
			t.Errorf("%q is %v, written anew %v, %v", text, length, again, err)
		}
	})
}

func FuzzDisk(f *testing.F) {
	f.Add("essd,ssd:40:keep")
	f.Add("cloud_efficiency:20")
	f.Fuzz(func(t *testing.T, text string) {
		disk, err := value.Disk(text)
		if err != nil {
			return
		}
		if disk.GetSizeGib() < 20 || disk.GetSizeGib() > 32_768 || len(disk.GetCategories()) == 0 || len(disk.GetCategories()) > 4 {
			t.Errorf("%q is %v", text, disk)
		}
	})
}
