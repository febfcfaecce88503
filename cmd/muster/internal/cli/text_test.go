package cli

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/seed-198b1370/muster/pkg/rpc"
	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

// alone runs a command line without a system.
func alone(t *testing.T, line string) (code int, out, errOut string) {
	t.Helper()
	var stdout, stderr strings.Builder
	code = Run(t.Context(), strings.Fields(line), strings.NewReader(""), &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

// groupFileWith writes a group file and returns its name.
func groupFileWith(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "group.yaml")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

const oneSpotUnit = `spec:
  type: GROUP_TYPE_INSTANT
  targetCapacity: {total: 1, spot: 1}
  candidates:
    - {zoneId: cn-shenzhen-d, instanceType: ecs.c6.large}
`

// What makes no sense is refused with the name of the flag before anything is
// called or started.
func TestUsage(t *testing.T) {
	for line, want := range map[string]string{
		"group update apg-1":                                                           "nothing to change: name at least one flag, such as --total, or --file with --field",
		"group update apg-1 --total 1 --request-id ä":                                  "--request-id must be 1 to 64 printable ASCII characters without space, got \"ä\"",
		"group activities apg-1 --limit 0":                                             "--limit must be 1 to 200, got 0",
		"group activities apg-1 --limit 201":                                           "--limit must be 1 to 200, got 201",
		"group activities apg-1 --from noon":                                           `--from must be a time such as 2026-01-02T15:04:05Z, got "noon"`,
		"group activities apg-1 --from 2026-01-02T15:04:05Z --to 2026-01-02T15:04:05Z": "--to must be later than --from, got 2026-01-02T15:04:05Z and 2026-01-02T15:04:05Z",
		"market --limit 0":                                                             "--limit must be 1 or more, got 0",
		"market --server foo":                                                          `--server must be host:port, got "foo"`,
		"market --server foo:":                                                         `--server must be host:port, got "foo:"`,
		"market --server foo:70000":                                                    `--server must be host:port, got "foo:70000"`,
		"clock --speed 0":                                                              "--speed must be 0.001 to 100,000, got 0",
		"clock --speed=-5":                                                             "--speed must be 0.001 to 100,000, got -5",
		"up --speed 0":                                                                 "--speed must be 0.001 to 100,000, got 0",
		"serve fleetsim --speed 0":                                                     "--speed must be 0.001 to 100,000, got 0",
		"up --look-interval 0s":                                                        "--look-interval must be above 0, got 0s",
		"up --look-interval=-1s":                                                       "--look-interval must be above 0, got -1s",
		"up --listen foo":                                                              `--listen must be host:port, got "foo"`,
		"up --nats-listen foo":                                                         `--nats-listen must be host:port, got "foo"`,
		"up --log-level foo":                                                           `--log-level must be one of "debug","info","warn","error" but got "foo"`,
		"serve allocator --fleet a:1 --data-dir d":                                     "unknown flag --data-dir",
		"serve groupsvc --fleet a:1 --allocator a:1 --nats nats://a:1 --lease-duration 0s":                                "--lease-duration must be above 0, got 0s",
		"serve groupsvc --fleet a:1 --allocator a:1 --nats nats://a:1 --store-ca x":                                       "--store-ca can be given with --store only",
		"serve groupsvc --fleet a:1 --allocator a:1 --nats nats://a:1 --store-password-file x":                            "--store-password-file can be given with --store only",
		"serve groupsvc --fleet a:1 --allocator a:1 --nats nats://a:1 --store localhost":                                  "--store: the URL of the store must be like redis://127.0.0.1:6379/0, rediss:// for TLS, with ?addr=HOST:PORT for the further nodes of a cluster",
		"serve groupsvc --fleet a:1 --allocator a:1 --nats nats://a:1 --store redis://h --data-dir d":                     "--data-dir can not be given with --store",
		"serve groupsvc --fleet a:1 --allocator a:1 --nats nats://a:1 --store redis://h --store-password-file /none/such": "--store-password-file: open /none/such: no such file or directory",
		"serve allocator --fleet a:1 --max-view-age 0s":                                                                   "--max-view-age must be above 0, got 0s",
		"serve allocator --fleet foo":                              `--fleet must be host:port, got "foo"`,
		"serve healthcheck --fleet a:1 --nats b --nats-listen c:2": "--nats-listen can not be given with --nats",
		"serve groupsvc --fleet foo --allocator bar --nats c":      "--fleet must be host:port, got \"foo\"\nmuster: --allocator must be host:port, got \"bar\"",
		"fleet drain":                                      "name --zone, --type or both, or --all for every pool",
		"fleet restore":                                    "name --zone, --type or both, or --all for every pool",
		"fleet reclaim":                                    "name --zone, --type or both, or --all for every pool",
		"fleet drain --all --zone z":                       "--zone can not be given with --all",
		"fleet reclaim --all --zone z --type t":            "--zone can not be given with --all\nmuster: --type can not be given with --all",
		"fleet reclaim --instance i --zone z":              "--zone can not be given with --instance",
		"fleet reclaim --instance i --type t":              "--type can not be given with --instance",
		"fleet reclaim --instance i --all":                 "--all can not be given with --instance",
		"fleet reclaim --all --max=-1":                     "--max must be 0 or more, got -1",
		"events --cursor c --since 1h":                     "--since can not be given with --cursor",
		"events --from-start --since 1h":                   "--since can not be given with --from-start",
		"events --since yesterday":                         "--since must be a time such as 2026-01-02T15:04:05Z or a duration such as 90s, 24h or 7d, got \"yesterday\"",
		"events dead --limit 0":                            "--limit must be 1 to 250, got 0",
		"webhook dead w --limit 251":                       "--limit must be 1 to 250, got 251",
		"serve healthcheck --fleet a:1 --replica-name a.b": "--replica-name must be 1 to 64 letters, digits, _ and -, got \"a.b\"",
		"up --events-max-age 1ms":                          "--events-max-age must be at least 1s, got 1ms",
		"up --events-max-bytes 1":                          "--events-max-bytes must be at least 1048576, got 1",
		"up --events-replicas 6":                           "--events-replicas must be 1 to 5, got 6",
		"up --events-encoding xml":                         "--events-encoding must be one of \"protobuf\",\"json\" but got \"xml\"",
		"events --cursor c --from-start":                   "--from-start can not be given with --cursor",
		"events --kind nap":                                `--kind must be one of "created","running","stopped","released","interruption-notice","interrupted","unhealthy","recovered" but got "nap"`,

		"market --account a/b":                            `--account must be 1 to 64 of A-Z a-z 0-9 . _ -, got "a/b"`,
		"fleet list --limit 0":                            "--limit must be 1 or more, got 0",
		"fleet list --tag web":                            `--tag must be KEY=VALUE, such as team=web, got "web"`,
		"fleet list --instance a --instance a":            `--instance must be named once each and not be empty, got "a"`,
		"fleet list --status gone":                        `--status must be one of "pending","starting","running","stopping","stopped" but got "gone"`,
		"fleet run --type t":                              "missing flags: --zone=ZONE",
		"fleet run --type t --zone z --amount 0":          "--amount must be 1 to 100, got 0",
		"fleet run --type t --zone z --amount 101":        "--amount must be 1 to 100, got 101",
		"fleet run --type t --zone z --amount 2 --min 3":  "--min must be 0 to the --amount of 2, got 3",
		"fleet run --type t --zone z --max-price 1,5":     `--max-price must be an amount with at most 6 decimal places, such as 0.35, got "1,5"`,
		"fleet run --type t --zone z --max-price 0":       `--max-price must be above 0, got "0"`,
		"fleet run --type t --zone z --system-disk essd":  `--system-disk must be CATEGORY[,CATEGORY...]:GIB[:keep], such as essd,ssd:40:keep, got "essd"`,
		"fleet run --type t --zone z --data-disk nvme:40": `--data-disk must be a category of disks: cloud, efficiency, ssd or essd, got "nvme"`,
		"fleet run --type t --zone z --tag =a --data-disk x:1": "--tag must be KEY=VALUE, such as team=web, got \"=a\"\n" +
			`muster: --data-disk must be a category of disks: cloud, efficiency, ssd or essd, got "x"`,
		"fleet run --type t --zone z --billing pay-as-you-go --max-price 1 --unprotected": "--max-price can not be given with --billing pay-as-you-go\n" +
			"muster: --unprotected can not be given with --billing pay-as-you-go",
		"fleet start a a": `ID must be named once each and not be empty, got "a"`,
		"fleet start a --best-effort --request-id r": "--request-id can not be given with --best-effort",
		"fleet tag a":                         "nothing to change: name at least one of --set, --remove",
		"fleet tag a --set k=1 --remove k":    `--remove "k" can not be given with --set of the same key`,
		"fleet update a":                      "nothing to change: name at least one of --name, --description, --protect, --no-protect",
		"fleet watch --cursor c --from-start": "--from-start can not be given with --cursor",
		"fleet bill --instance i --tag a=b":   "--tag can not be given with --instance",
		"fleet bill --pool z/t":               `--pool must be ZONE/TYPE/spot or ZONE/TYPE/pay-as-you-go, got "z/t"`,
		"fleet fail hang":                     "name --zone, --type or both, or --all for every pool",
		"fleet fail nap --all":                `<how> must be one of "crash","hang","impair","slow","recover" but got "nap"`,
	} {
		t.Run(line, func(t *testing.T) {
			command := regexp.MustCompile(`^[a-z]+( [a-z]+)?( |$)`).FindString(line)
			if one := strings.Fields(command)[0]; !slices.Contains([]string{"group", "serve", "fleet", "events", "webhook"}, one) {
				command = one
			}
			code, out, errOut := alone(t, line)
			if want := "muster: " + want + "\nTry: muster " + strings.TrimSpace(command) + " --help\n"; code != exitUsage || out != "" || errOut != want {
				t.Errorf("exit code %d, wrote %q and\n%s\nwant\n%s", code, out, errOut, want)
			}
		})
	}
}

// A bad client token is told as what it is: a flag, or a line of the file.
func TestRequestID_whereItStands(t *testing.T) {
	s := newShell(t)
	file := groupFileWith(t, "requestId: 'bad id'\n"+oneSpotUnit)
	s.fails("group create -f "+file, file+":1 request_id: must be")
	code, _, errOut := s.run("group create -f " + groupFileWith(t, oneSpotUnit) + " --request-id " + strings.Repeat("x", 65))
	if code != exitUsage || !strings.HasPrefix(errOut, "muster: --request-id must be 1 to 64 printable") {
		t.Errorf("exit code %d:\n%s", code, errOut)
	}
}

func TestErrors_exactText(t *testing.T) {
	s := newShell(t)
	for line, want := range map[string]string{
		"group get apg-none":                             "muster: there is no group \"apg-none\" (GROUP_NOT_FOUND)\n",
		"group update apg-none --total 1":                "muster: there is no group \"apg-none\" (GROUP_NOT_FOUND)\n",
		"group list --server 127.0.0.1:1":                "muster: can not reach 127.0.0.1:1\nIs the system running? Start it with: muster up\n",
		"events --server 127.0.0.1:1":                    "muster: can not reach 127.0.0.1:1\nIs the system running? Start it with: muster up\n",
		"group create -f " + groupFileWith(t, "spec: ["): "",
	} {
		call := s.run
		if strings.Contains(line, "--server") {
			call = func(line string) (int, string, string) { return alone(t, line) }
		}
		code, out, errOut := call(line)
		if code != exitFailed || out != "" || want != "" && errOut != want {
			t.Errorf("%s: exit code %d, wrote %q and\n%s\nwant\n%s", line, code, out, errOut, want)
		}
		if strings.Contains(errOut, "rpc error") || strings.Contains(errOut, "yaml: ") {
			t.Errorf("%s: plumbing is shown:\n%s", line, errOut)
		}
	}
}

// A call that may have been carried out tells how to repeat it, unless its
// caller knows the token.
func TestCreate_canBeRepeated(t *testing.T) {
	file := groupFileWith(t, oneSpotUnit)
	for _, line := range []string{"group create -f " + file, "group update apg-1 --total 1"} {
		_, _, errOut := alone(t, line+" --server 127.0.0.1:1")
		if !regexp.MustCompile(`\nIt can be repeated safely with --request-id cli-[0-9a-f]{24}\n$`).MatchString(errOut) {
			t.Errorf("%s: %s", line, errOut)
		}
		if _, _, errOut := alone(t, line+" --server 127.0.0.1:1 --request-id mine"); strings.Contains(errOut, "repeated") {
			t.Errorf("%s: %s", line, errOut)
		}
	}
	if code, _, errOut := newShell(t).run("group update apg-none --total 1"); code != exitFailed || strings.Contains(errOut, "repeated") {
		t.Errorf("a refusal is not worth repeating:\n%s", errOut)
	}
}

func TestCreate_oldToken(t *testing.T) {
	s := newShell(t)
	line := "group create -f " + groupFileWith(t, oneSpotUnit) + " --request-id web-1"
	group := regexp.MustCompile(`apg-\S+`).FindString(s.ok(line))
	s.ok("group delete " + group)
	s.ok("group watch "+group, "deleted: 0 of 1 units")
	for _, output := range []string{"", " -o json"} {
		code, out, errOut := s.run(line + output)
		want := fmt.Sprintf("muster: request id \"web-1\" was used for %s, which is deleted; choose another with --request-id\n", group)
		if code != exitFailed || out != "" || errOut != want {
			t.Errorf("exit code %d, wrote %q and\n%s\nwant\n%s", code, out, errOut, want)
		}
	}
	if listed := s.ok("group list --deleted"); !regexp.MustCompile(`deleted +0/1`).MatchString(listed) {
		t.Errorf("state of a deleted group:\n%s", listed)
	}
}

// An instant group that came short says so, with the bid that was too low.
func TestCreate_short(t *testing.T) {
	s := newShell(t)
	file := groupFileWith(t, oneSpotUnit+"  spot: {maxPriceMicrosPerHour: 5}\n")
	s.ok("group create -f "+file, "\nThe target is not met: 0 of 1 units: ", "  spot, bid 0.000005  0 ")
	s.ok("preview -f "+file, "spot: 0 of 1 units placed; 1 could not be placed\n", "\nPrices are in CNY per hour.\n")
}

func TestGet_text(t *testing.T) {
	s := newShell(t)
	group := regexp.MustCompile(`apg-\S+`).FindString(s.ok("group create -f " + groupFileWith(t, oneSpotUnit)))
	shown := s.ok("group get "+group, "spot lowest-price over the cheapest pool\n", "\nPrices are in CNY per hour.\n")
	if !regexp.MustCompile(`\nState: +instant group, active, fulfilled, created \S+\nNow: +nothing, the target is met\n`).MatchString(shown) {
		t.Errorf("the state is not as wanted:\n%s", shown)
	}
}

func TestMarket_noneMatch(t *testing.T) {
	s := newShell(t)
	if code, out, errOut := s.run("market --type nope"); code != exitOK || out != "" || errOut != "no pools match\n" {
		t.Errorf("exit code %d, %q, %q", code, out, errOut)
	}
	if code, out, errOut := s.run("market --type nope -o json"); code != exitOK || !strings.HasPrefix(out, "{") || errOut != "no pools match\n" {
		t.Errorf("exit code %d, %q, %q", code, out, errOut)
	}
	s.ok("market --limit 1", "\nPrices are in CNY per hour.\nThere are more: ")
}

func TestReclaimedText(t *testing.T) {
	const faster = "`muster clock --speed` makes time pass faster."
	for want, answer := range map[string]*fleetv1.ReclaimInstancesResponse{
		"There is no instance to reclaim.":                           {},
		"1 instance has its notice and is released in five minutes.": {NoticedInstances: 1},
		"3 instances have their notice and are released in five minutes. 2 are still protected, up to an hour from their launch, and get theirs when that ends; " + faster: {NoticedInstances: 3, DeferredInstances: 2},
	} {
		if got := reclaimedText(answer); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func TestByRank(t *testing.T) {
	var pools []*allocatorv1.PoolDecision
	for i, rank := range []int32{0, 3, 1, 0, 2} {
		pools = append(pools, &allocatorv1.PoolDecision{Rank: rank, CandidateIndex: int32(i)})
	}
	got := ""
	for _, pool := range byRank(pools) {
		got += fmt.Sprint(pool.GetRank(), "/", pool.GetCandidateIndex(), " ")
	}
	if want := "1/2 2/4 3/1 0/0 0/3 "; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// The status is found wherever it stands, and what was wrapped around it stays.
func TestPrintError(t *testing.T) {
	refused := rpc.Error(codes.NotFound, groupv1.ErrorReason_ERROR_REASON_GROUP_NOT_FOUND, nil, "there is no group")
	connection := status.Error(codes.Unavailable, `connection error: desc = "transport: Error while dialing: dial tcp 127.0.0.1:1"`)
	for name, test := range map[string]struct {
		err  error
		want string
	}{
		"plain":    {errors.New("no such file"), "muster: no such file\n"},
		"refused":  {refused, "muster: there is no group (GROUP_NOT_FOUND)\n"},
		"joined":   {errors.Join(refused, nil), "muster: there is no group (GROUP_NOT_FOUND)\n"},
		"wrapped":  {fmt.Errorf("start: %w", refused), "muster: start: there is no group (GROUP_NOT_FOUND)\n"},
		"away":     {&unreachableError{"h:1", connection}, "muster: can not reach h:1\nIs the system running? Start it with: muster up\n"},
		"stopping": {status.Error(codes.Unavailable, "the simulated cloud is stopping"), "muster: the simulated cloud is stopping\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			printError(&out, test.err, nil)
			if out.String() != test.want {
				t.Errorf("got %q, want %q", out.String(), test.want)
			}
		})
	}
	retry := rpc.Error(codes.Unavailable, groupv1.ErrorReason_ERROR_REASON_GROUP_NOT_FOUND, nil, "no connection to the cloud", rpc.RetryAfter(time.Second))
	if !isConnectionLoss(connection) || isConnectionLoss(retry) || isConnectionLoss(refused) || isConnectionLoss(io.EOF) {
		t.Error("a loss of the connection is not told from a refusal")
	}
	if !isCancelled(errors.Join(status.Error(codes.Canceled, "x"))) || isCancelled(io.EOF) {
		t.Error("a cancelled call is not told from others")
	}
}

func TestVersion(t *testing.T) {
	revision := []debug.BuildSetting{{Key: "vcs.revision", Value: "abc"}}
	for want, info := range map[string]*debug.BuildInfo{
		"v1.2.3": {Main: debug.Module{Version: "v1.2.3"}, Settings: revision},
		"abc":    {Main: debug.Module{Version: "(devel)"}, Settings: revision},
		"devel":  {},
	} {
		if got := versionOf(info); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if code, out, errOut := alone(t, "--version"); code != exitOK || !strings.HasPrefix(out, "muster ") || errOut != "" {
		t.Errorf("exit code %d, %q, %q", code, out, errOut)
	}
}

// Commands three levels down are named in full, and default ones by what they are
// the default of.
func TestUsage_deep(t *testing.T) {
	for line, want := range map[string]string{
		"fleet account set a/b":                           `muster fleet account set --help|NAME must be 1 to 64 of A-Z a-z 0-9 . _ -, got "a/b"`,
		"fleet account set a --spot-vcpus=-1":             "muster fleet account set --help|--spot-vcpus must be 0 to 1000000000, got -1",
		"fleet account set a --burst 3":                   "muster fleet account set --help|--burst needs --calls",
		"fleet account deposit a lots":                    `muster fleet account deposit --help|AMOUNT must be an amount with at most 6 decimal places, such as 0.35, got "lots"`,
		"fleet account deposit a 1000000001":              `muster fleet account deposit --help|AMOUNT must be at most a billion either way, got "1000000001"`,
		"fleet disk --limit 0":                            "muster fleet disk --help|--limit must be 1 or more, got 0",
		"fleet disk list --detached --instance i":         "muster fleet disk --help|--instance can not be given with --detached",
		"fleet snapshot create a.b":                       `muster fleet snapshot create --help|NAME must be 1 to 64 of A-Z a-z 0-9 _ -, got "a.b"`,
		"fleet fault clear":                               "muster fleet fault clear --help|name faults, or --all for every fault",
		"fleet fault clear a --all":                       "muster fleet fault clear --help|ID can not be given with --all",
		"fleet fault add calls":                           "muster fleet fault add calls --help|name --latency, --outcome or both",
		"fleet fault add streams":                         "muster fleet fault add streams --help|name --duplicates, --delay or both",
		"fleet fault add streams --delay 11m":             `muster fleet fault add streams --help|--delay must be above 0 and at most 10m, got "11m"`,
		"fleet fault add zone-outage --zone z --for 400d": `muster fleet fault add zone-outage --help|--for must be above 0 and at most 366d, got "400d"`,
		"fleet fault add zone-outage --zone z --id a/b":   `muster fleet fault add zone-outage --help|--id must be 1 to 64 of A-Z a-z 0-9 . _ -, got "a/b"`,
		"fleet fault add price-shock --all --factor 0":    `muster fleet fault add price-shock --help|--factor must be 0.001 to 100 with at most 3 decimal places, got "0"`,
		"market history t --width 20":                     "muster market history --help|--width must be 40 to 500, got 20",
		"market history t --since 31d":                    `muster market history --help|--since must be above 0 and at most 30d, got "31d"`,
		"market history t --from now":                     `muster market history --help|--from must be a time such as 2026-01-02T15:04:05Z, got "now"`,
		"market history t --live --unprotected":           "muster market history --help|--unprotected can not be given with --live",
		"market history t --from 2026-01-02T00:00:00Z --to 2026-01-01T00:00:00Z": "muster market history --help|" +
			"--to must be after --from and at most 30d later, got 2026-01-02T00:00:00Z and 2026-01-01T00:00:00Z",
		"clock step 32d":        `muster clock step --help|DURATION must be above 0 and at most 31d, got "32d"`,
		"clock step soon":       `muster clock step --help|DURATION must be a duration such as 90s, 5m, 24h or 7d, got "soon"`,
		"market --limit 0":      "muster market --help|--limit must be 1 or more, got 0",
		"market list --limit 0": "muster market --help|--limit must be 1 or more, got 0",
	} {
		code, out, errOut := alone(t, line)
		help, text, _ := strings.Cut(want, "|")
		if want := "muster: " + text + "\nTry: " + help + "\n"; code != exitUsage || out != "" || errOut != want {
			t.Errorf("%s: exit code %d, wrote %q and\n%s\nwant\n%s", line, code, out, errOut, want)
		}
	}
}

func TestHelp_placeholders(t *testing.T) {
	for line, want := range map[string][]string{
		"group create --help":  {"--file=FILE", "--request-id=ID"},
		"preview --help":       {"--file=FILE", "--market=FILE", "--types", "--all"},
		"group update --help":  {"--total=N", "--spot=N", "--default-type=BILLING", "spot, pay-as-you-go."},
		"fleet reclaim --help": {"--max=N", "--instance=ID", "--zone=ZONE"},
		"clock --help":         {"--speed=N", "clock pause", "The default."},
		"market --help":        {"--limit=250", "market history"},
		"fleet disk --help":    {"--detached", "fleet disk attach"},
	} {
		code, out, _ := alone(t, line)
		for _, text := range want {
			if code != exitOK || !strings.Contains(out, text) {
				t.Errorf("%s: %q is missing:\n%s", line, text, out)
			}
		}
	}
}

func TestWarnOfStrangers(t *testing.T) {
	for listen, want := range map[string]bool{"": false, "127.0.0.1:1": false, "localhost:1": false, "[::1]:1": false, ":1": true, "0.0.0.0:1": true, "host:1": true} {
		var out strings.Builder
		warnOfStrangers(console{err: &out}.logger(slog.LevelInfo), "NATS", listen)
		if got := strings.Contains(out.String(), "the NATS server has neither encryption nor authentication"); got != want {
			t.Errorf("%q: wrote %q", listen, out.String())
		}
	}
}
