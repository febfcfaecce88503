package scenario_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/seed-198b1370/muster/services/fleetsim/scenario"
)

// wrong is scenarios with what must be told about them. Each begins in line 1
// with what stands here.
func wrong() map[string]struct{ yaml, want string } {
	return map[string]struct{ yaml, want string }{
		"empty":             {"", "web.yaml: is empty; it must hold a scenario"},
		"only a comment":    {"# nothing\n", "web.yaml: is empty; it must hold a scenario"},
		"no YAML":           {"name: web\nevents: [\n", "web.yaml:2: must be YAML: did not find expected node content"},
		"two documents":     {"name: web\n---\nname: web2\n", "web.yaml:2:1: must not begin another document: a scenario is one"},
		"a list":            {"- name: web\n", "web.yaml:1:1: must be a mapping with keys such as name, description, seed, got a list of 1"},
		"no name":           {"seed: 1\n", "web.yaml:1:1: must have name, a text of 1 to 64 bytes in one line"},
		"name of two lines": {"name: \"a\\nb\"\n", `web.yaml:1:7: name: must be a text of 1 to 64 bytes in one line, got "a\nb"`},
		"null":              {"name:\n", "web.yaml:1:6: name: must be a text of 1 to 64 bytes in one line, got nothing"},
		"unknown key":       {"name: web\nsede: 1\n", `web.yaml:2:1: must not have unknown keys (did you mean seed?), got "sede"`},
		"other spelling":    {"name: web\nevents: [{at: 1s, clearFaults: all}]\n", "web.yaml:2:10: events[0]: must have exactly one of reclaim, drain, restore, fail, fault, clear_faults, set_account, deposit, got none\n" + `web.yaml:2:19: events[0]: must not have unknown keys (did you mean clear_faults?), got "clearFaults"`},
		"merge key":         {"name: web\nevents:\n  - &a {at: 1s, drain: {}}\n  - {<<: *a, at: 2s, drain: {}}\n", `web.yaml:4:6: events[1]: must not have unknown keys, got "<<"`},
		"alias":             {"name: &n web\ndescription: *n\n", "web.yaml:2:14: description: must be a text of at most 4096 bytes, got an alias: write the value out"},
		"key twice":         {"name: web\nseed: 1\nseed: 2\n", "web.yaml:3:1: seed: must be given once, is given in line 2 already"},
		"huge seed":         {"name: web\nseed: 9223372036854775808\n", `web.yaml:2:7: seed: must be a whole number from 0 to 9223372036854775807, got "9223372036854775808"`},
		"leading zero":      {"name: web\nseed: 010\n", `web.yaml:2:7: seed: must be a whole number from 0 to 9223372036854775807, got "010"`},
		"start":             {"name: web\nstart: 2026-11-02\n", `web.yaml:2:8: start: must be a time such as 2026-11-02T08:00:00Z, from 1970 to 2199, got "2026-11-02"`},
		"speed":             {"name: web\nspeed: 0\n", `web.yaml:2:8: speed: must be a number from 0.001 to 100000 with at most 3 decimals, got "0"`},
		"exponent":          {"name: web\nspeed: 1e3\n", `web.yaml:2:8: speed: must be a number from 0.001 to 100000 with at most 3 decimals, got "1e3"`},
		"list for mapping":  {"name: web\nregion: []\n", "web.yaml:2:9: region: must be a mapping with keys such as id, currency, catalog, got a list of 0"},

		"no pools":        {"name: web\nregion: {pools: []}\n", "web.yaml:2:17: region.pools: must be a list of 1 to 10000 pools, got a list of 0"},
		"pools and file":  {"name: web\nregion: {catalog: default, pools: [" + pool("cn-x-a", "") + "]}\n", `web.yaml:2:19: region.catalog: must not stand beside pools: a region is one or the other, got "default"`},
		"two regions":     {"name: web\nregion:\n  pools:\n    - " + pool("cn-x-a", "") + "\n    - " + pool("cn-y-a", "") + "\n", `web.yaml:5:17: region.pools[1].zone_id: must be a zone of region cn-x, got "cn-y-a"`},
		"pool twice":      {"name: web\nregion:\n  pools:\n    - " + pool("cn-x-a", "") + "\n    - " + pool("cn-x-a", "") + "\n", `web.yaml:5:17: region.pools[1].zone_id: must be another zone than before: the type is listed there already, got "cn-x-a"`},
		"types differ":    {"name: web\nregion:\n  pools:\n    - " + pool("cn-x-a", ", gpus: 1") + "\n    - " + pool("cn-x-b", "") + "\n", "web.yaml:5:7: region.pools[1]: must be the same in all zones, as in cn-x-a"},
		"kinds differ":    {"name: web\nregion:\n  pools:\n    - " + pool("cn-x-a", ", family_level: entry") + "\n    - " + pool("cn-x-b", ", family_level: enterprise") + "\n", `web.yaml:5:116: region.pools[1].family_level: must be the same in all zones, as in cn-x-a, got "enterprise"`},
		"category":        {"name: web\nregion: {pools: [" + pool("cn-x-a", ", category: gpu") + "]}\n", `web.yaml:2:123: region.pools[0].category: must be one of x86, arm, heterogeneous, bare-metal, super-compute-cluster, got "gpu"`},
		"odd memory":      {"name: web\nregion: {pools: [" + strings.Replace(pool("cn-x-a", ""), "memory_gib: 4", "memory_gib: 4.001", 1) + "]}\n", `web.yaml:2:86: region.pools[0].memory_gib: must be whole MiB, which are 0.0009765625 GiB each, got "4.001"`},
		"spot price":      {"name: web\nregion: {pools: [" + pool("cn-x-a", ", spot_price_percent: 12.55") + "]}\n", `web.yaml:2:133: region.pools[0].spot_price_percent: must be a number from 10 to 100 with at most one decimal, got "12.55"`},
		"other region":    {"name: web\nregion: {id: cn-hangzhou}\n", `web.yaml:2:14: region.id: must be the region of the catalog, cn-shenzhen, got "cn-hangzhou"`},
		"other currency":  {"name: web\nregion: {currency: USD}\n", `web.yaml:2:20: region.currency: must be CNY: the catalog that is shipped has its prices in it, got "USD"`},
		"broken catalog":  {"name: web\nregion: {catalog: broken.csv}\n", "broken.csv:1: must be the header zone_id,instance_type,family,architecture,vcpus,memory_mib,gpus,pay_as_you_go_micros_per_hour,spot_base_permille,capacity_instances,category,family_level, of which the last two can be left out"},
		"account twice":   {"name: web\naccounts: [{id: a}, {id: a}]\n", `web.yaml:2:26: accounts[1].id: must be an id that no account before has, got "a"`},
		"burst alone":     {"name: web\naccounts: [{id: a, call_burst: 5}]\n", `web.yaml:2:32: accounts[0].call_burst: must stand beside calls_per_second, got "5"`},
		"tag key twice":   {"name: web\ncost_tag_keys: [team, team]\n", `web.yaml:2:23: cost_tag_keys[1]: must be in the list once, got "team"`},
		"volatility":      {"name: web\nmarket: {model: {volatility: 10.5}}\n", `web.yaml:2:30: market.model.volatility: must be a number from 0 to 10 with at most 6 decimals, got "10.5"`},
		"several at once": {"name: web\nseed: x\nspeed: y\nevents: [{}]\n", "web.yaml:2:7: seed: must be a whole number from 0 to 9223372036854775807, got \"x\"\nweb.yaml:3:8: speed: must be a number from 0.001 to 100000 with at most 3 decimals, got \"y\"\nweb.yaml:4:10: events[0]: must have at, a duration such as 90m, from 0s to 3650d\nweb.yaml:4:10: events[0]: must have exactly one of reclaim, drain, restore, fail, fault, clear_faults, set_account, deposit, got none"},
		"YAML before CSV": {"name: web\nregion: {catalog: broken.csv}\nseed: x\n", "web.yaml:3:7: seed: must be a whole number from 0 to 9223372036854775807, got \"x\"\nbroken.csv:1: must be the header zone_id,instance_type,family,architecture,vcpus,memory_mib,gpus,pay_as_you_go_micros_per_hour,spot_base_permille,capacity_instances,category,family_level, of which the last two can be left out"},
		"long value":      {"name: " + strings.Repeat("ä", 40) + "\n", `web.yaml:1:7: name: must be a text of 1 to 64 bytes in one line, got "` + strings.Repeat("ä", 32) + `"...`},
		"hostile value":   {"name: web\nseed: \"\\e[31mred\"\n", `web.yaml:2:7: seed: must be a whole number from 0 to 9223372036854775807, got "\x1b[31mred"`},
	}
}

// wrongEvents is what must be told about the events of a scenario; the first
// one is in line 3.
func wrongEvents() map[string]struct{ yaml, want string } {
	return map[string]struct{ yaml, want string }{
		"at":                {"{at: soon, drain: {}}", `web.yaml:3:10: events[0].at: must be a duration such as 90m, from 0s to 3650d, got "soon"`},
		"at without unit":   {"{at: 90, drain: {}}", `web.yaml:3:10: events[0].at: must be a duration such as 90m, from 0s to 3650d, got "90"`},
		"at before":         {"{at: -1s, drain: {}}", `web.yaml:3:10: events[0].at: must be a duration such as 90m, from 0s to 3650d, got "-1s"`},
		"at too late":       {"{at: 3651d, drain: {}}", `web.yaml:3:10: events[0].at: must be a duration such as 90m, from 0s to 3650d, got "3651d"`},
		"two at once":       {"{at: 1s, drain: {}, restore: {}}", "web.yaml:3:5: events[0]: must have exactly one of reclaim, drain, restore, fail, fault, clear_faults, set_account, deposit, got drain and restore"},
		"no selector":       {"{at: 1s, drain: }", "web.yaml:3:21: events[0].drain: must be a mapping with keys such as zone_id, instance_type, billing_method, got nothing"},
		"unknown zone":      {"{at: 1s, drain: {zone_id: cn-shenzen-d}}", `web.yaml:3:31: events[0].drain.zone_id: must be a zone of the region (did you mean cn-shenzhen-d?), got "cn-shenzen-d"`},
		"unknown type":      {"{at: 1s, reclaim: {instance_type: ecs.c6-large}}", `web.yaml:3:39: events[0].reclaim.instance_type: must be a type that is sold (did you mean ecs.c6.large?), got "ecs.c6-large"`},
		"nothing near":      {"{at: 1s, reclaim: {instance_type: p3.2xlarge.of.another.cloud}}", `web.yaml:3:39: events[0].reclaim.instance_type: must be a type that is sold, got "p3.2xlarge.of.another.cloud"`},
		"billing method":    {"{at: 1s, drain: {billing_method: sport}}", `web.yaml:3:38: events[0].drain.billing_method: must be one of both, spot, pay_as_you_go (did you mean spot?), got "sport"`},
		"failure":           {"{at: 1s, fail: {failure: boom}}", `web.yaml:3:30: events[0].fail.failure: must be one of crash, hang, impair, slow, recover, got "boom"`},
		"factor":            {"{at: 1s, fault: {id: a, slow_launch: {factor: 1}}}", `web.yaml:3:51: events[0].fault.slow_launch.factor: must be a number from 1.001 to 1000 with at most 3 decimals, got "1"`},
		"effect":            {"{at: 1s, fault: {id: a}}", "web.yaml:3:21: events[0].fault: must have exactly one of price_shock, zone_outage, slow_launch, launch_refusal, disk_shortage, call_trouble, stream_trouble, got none"},
		"reason":            {"{at: 1s, fault: {id: a, launch_refusal: {reason: no_stock}}}", `web.yaml:3:54: events[0].fault.launch_refusal.reason: must be one of no_instance_stock, price_below_market, quota_exceeded, insufficient_balance, throttled, zone_not_on_sale, disk_category_not_available, got "no_stock"`},
		"method":            {"{at: 1s, fault: {id: a, call_trouble: {methods: [Reboot]}}}", `web.yaml:3:54: events[0].fault.call_trouble.methods[0]: must be a method of FleetService such as RunInstances, got "Reboot"`},
		"no call trouble":   {"{at: 1s, fault: {id: a, call_trouble: {share_percent: 50, latency: 0s}}}", "web.yaml:3:43: events[0].fault.call_trouble: must have a latency, an outcome or both, got neither"},
		"no stream trouble": {"{at: 1s, fault: {id: a, stream_trouble: {}}}", "web.yaml:3:45: events[0].fault.stream_trouble: must have a duplicate_percent, a delay or both, got neither"},
		"wrong trouble":     {"{at: 1s, fault: {id: a, stream_trouble: {delay: long}}}", `web.yaml:3:53: events[0].fault.stream_trouble.delay: must be a duration such as 90m, from 0s to 10m, got "long"`},
		"for nothing":       {"{at: 1s, fault: {id: a, for: 0s, zone_outage: {zone_id: cn-shenzhen-d}}}", `web.yaml:3:34: events[0].fault.for: must be a duration such as 90m, from 1ms to 366d, got "0s"`},
		"no outage zone":    {"{at: 1s, fault: {id: a, zone_outage: {}}}", "web.yaml:3:42: events[0].fault.zone_outage: must have zone_id, 1 to 64 lower-case letters, digits, dots and hyphens"},
		"id":                {`{at: 1s, fault: {id: "a b", stream_trouble: {delay: 1s}}}`, `web.yaml:3:26: events[0].fault.id: must be 1 to 64 letters, digits, dots, hyphens and underscores, got "a b"`},
		"fault still there": {"{at: 1h, fault: {id: a, stream_trouble: {delay: 1s}}}\n  - {at: 1s, fault: {id: a, for: 1h, stream_trouble: {delay: 1s}}}", `web.yaml:3:21: events[0].fault: must have an id of no fault that lasts then, got "a"`},
		"fault over":        {"{at: 1h, clear_faults: [a]}\n  - {at: 1s, fault: {id: a, for: 1m, stream_trouble: {delay: 1s}}}", `web.yaml:3:28: events[0].clear_faults: must name faults that last then, got "a"`},
		"clear nothing":     {"{at: 1h, clear_faults: []}", "web.yaml:3:28: events[0].clear_faults: must be a list of 1 to 100 ids of faults, or `all`, got a list of 0"},
		"clear an alias":    {"{at: 1h, fault: {id: &all a, stream_trouble: {delay: 1s}}}\n  - {at: 2h, clear_faults: *all}", "web.yaml:4:28: events[1].clear_faults: must be a list of 1 to 100 ids of faults, or `all`, got an alias: write the value out"},
		"deposit too early": {"{at: 1s, deposit: {account_id: late, amount: 1}}\n  - {at: 2s, set_account: {id: late}}", `web.yaml:3:23: events[0].deposit: must be to an account that there is by then, got "late"`},
		"deposit":           {"{at: 1s, deposit: {account_id: default, amount: 0.0000001}}", `web.yaml:3:53: events[0].deposit.amount: must be a number from -1000000000 to 1000000000 with at most 6 decimals, got "0.0000001"`},
		"balance":           {"{at: 1s, set_account: {id: a, balance: 1}}", `web.yaml:3:44: events[0].set_account.balance: must not be set while it is used: use deposit, got "1"`},
	}
}

// pool is a pool of a type in a zone.
func pool(zone, more string) string {
	return "{zone_id: " + zone + ", instance_type: ecs.a.large, vcpus: 2, memory_gib: 4, pay_as_you_go_price: 1" + more + "}"
}

func checkWrong(t *testing.T, yaml string, files map[string][]byte, want string) {
	t.Helper()
	_, err := scenario.Parse("web.yaml", []byte(yaml), scenario.Kept(files))
	var found *scenario.FileError
	if !errors.As(err, &found) || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

func TestParse_tellsLineAndKey(t *testing.T) {
	for name, test := range wrong() {
		t.Run(name, func(t *testing.T) {
			checkWrong(t, test.yaml, map[string][]byte{"broken.csv": []byte("zone,type\n")}, test.want)
		})
	}
	for name, test := range wrongEvents() {
		t.Run("event "+name, func(t *testing.T) {
			checkWrong(t, "name: web\nevents:\n  - "+test.yaml+"\n", nil, test.want)
		})
	}
}

func TestParse_tellsWhatIsWrongWithTraces(t *testing.T) {
	const twoTypes = "t_s,a\n0,1\n7,2\n"
	files := map[string][]byte{
		"wide.csv": []byte("t_s,zone-a,zone-b\n0,1,2\n300,3000000,0\n"), "good.csv": []byte("t_s,zone-a,zone-b\n0,1,2\n300,9999,0\n"),
		"odd.csv": []byte(twoTypes), "dated.csv": []byte("time,zone,instance_type,available\n2026-11-01T00:00:00Z,cn-shenzhen-d,ecs.c6.large,1\n2026-11-01T01:00:00Z,cn-shenzhen-d,ecs.c6.large,5\n"),
		"packed.csv.gz": {0x1f, 0x8b, 0, 0},
	}
	const series = ", series: [{name: zone-a, zone_id: cn-shenzhen-d, instance_type: ecs.c6.large}]"
	for name, test := range map[string]struct{ traces, want string }{
		"no files":         {"{}", "web.yaml:2:18: market.traces: must have files, a list of 1 to 16 files"},
		"cell":             {"{files: [{file: wide.csv" + series + "}]}", `wide.csv:3: zone-a: must be a whole number of instances from 0 to 1000000, or empty, got "3000000"`},
		"capacity":         {"{files: [{file: good.csv" + series + "}]}", "web.yaml:2:53: market.traces.files[0].series[0]: must not hold more instances than the capacity of ecs.c6.large cn-shenzhen-d, 1836, got 9999, 300 s after the beginning"},
		"no such":          {"{files: [{file: good.csv, series: [{name: zone_a, zone_id: cn-shenzhen-d, instance_type: ecs.c6.large}]}]}", `web.yaml:2:60: market.traces.files[0].series[0].name: must be a series of the file (did you mean zone-a?), got "zone_a"`},
		"no such pool":     {"{files: [{file: good.csv, series: [{name: zone-a, zone_id: cn-shenzhen-d, instance_type: ecs.c6.larg}]}]}", `web.yaml:2:107: market.traces.files[0].series[0].instance_type: must be a type that is sold (did you mean ecs.c6.large?), got "ecs.c6.larg"`},
		"whose":            {"{files: [{file: good.csv}]}", `web.yaml:2:34: market.traces.files[0].file: must name its series after pools, as "ecs.c6.13xlarge cn-shenzhen-c", or have the key series that tells whose they are: it holds "zone-a", "zone-b", got "good.csv"`},
		"no beginning":     {"{files: [{file: dated.csv}]}", "web.yaml:2:27: market.traces.files[0]: must have from, such as 2026-11-01T00:00:00Z, as its file tells times and the scenario has no start"},
		"after its end":    {"{files: [{file: dated.csv, from: 2026-11-02T00:00:00Z}]}", `web.yaml:2:51: market.traces.files[0].from: must have rows at or after the beginning, which is 2026-11-02T00:00:00Z in the file: its rows are from 2026-11-01T00:00:00Z to 2026-11-01T01:00:00Z, got "2026-11-02T00:00:00Z"`},
		"twice":            {"{files: [{file: dated.csv, from: 1793491200}, {file: dated.csv, from: 1793491200}]}", "web.yaml:2:71: market.traces.files[1].file: must not give a second series of the same kind to ecs.c6.large cn-shenzhen-d"},
		"step":             {"{step: 5s, files: [{file: odd.csv, series: [{name: a, zone_id: cn-shenzhen-d, instance_type: ecs.c6.large}]}]}", "web.yaml:2:25: market.traces.step: tick must divide 7 s, so that each row of the trace begins a tick, got 5s"},
		"part of a second": {"{step: 1500ms, files: [{file: odd.csv, series: [{name: a, zone_id: cn-shenzhen-d, instance_type: ecs.c6.large}]}]}", `web.yaml:2:25: market.traces.step: must be whole seconds, got "1500ms"`},
		"packed":           {"{files: [{file: packed.csv.gz}]}", `web.yaml:2:34: market.traces.files[0].file: must be a file of the right form: unpack trace: unexpected EOF, got "packed.csv.gz"`},
	} {
		t.Run(name, func(t *testing.T) {
			checkWrong(t, "name: web\nmarket: {traces: "+test.traces+"}\n", files, test.want)
		})
	}
}

// However much is wrong, what is told stays readable.
func TestParse_boundsWhatItTells(t *testing.T) {
	var yaml strings.Builder
	yaml.WriteString("name: web\n")
	for i := range 10_000 {
		fmt.Fprintf(&yaml, "key_%d: 1\n", i)
	}
	_, err := scenario.Parse("web.yaml", []byte(yaml.String()), nil)
	var found *scenario.FileError
	if !errors.As(err, &found) || len(found.Problems) != 100 || found.More != 9_900 || !strings.HasSuffix(err.Error(), "\nand 9900 more") {
		t.Errorf("got %v", err)
	}
}

func TestParse_boundsAccounts(t *testing.T) {
	var yaml strings.Builder
	yaml.WriteString("name: web\naccounts:\n")
	for i := range 1_000 {
		fmt.Fprintf(&yaml, "  - {id: a%d}\n", i)
	}
	checkWrong(t, yaml.String(), nil, "web.yaml:3:3: accounts: must be at most 1000 accounts, with default, got a list of 1000")
	checkWrong(t, strings.Replace(yaml.String(), "  - {id: a0}\n", "", 1)+"events: [{at: 1s, set_account: {id: b}}]\n", nil,
		"web.yaml:1002:32: events[0].set_account: must not make another account: there are 1000")
}
