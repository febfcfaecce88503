package scenario

import (
	"math"
	"time"

	"github.com/seed-198b1370/muster/pkg/clock"
	"github.com/seed-198b1370/muster/services/fleetsim/catalog"
	"github.com/seed-198b1370/muster/services/fleetsim/market"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// Bounds of a scenario.
const (
	// MaxBytes bounds the YAML.
	MaxBytes = 1 << 20
	// MaxFilesBytes bounds all files that it names together, as they are kept: in
	// one record, of at most 64 MiB, with the state of the cloud at its beginning.
	MaxFilesBytes = 48 << 20
	// MaxPools is how many pools it can list.
	MaxPools = 10_000
	// MaxTraceFiles is how many trace files it can name.
	MaxTraceFiles = 16
	// MaxSeries is how many series of one trace file it can name.
	MaxSeries = 10_000
	// MaxEvents is how many events it can have.
	MaxEvents = 10_000
	// MaxCostTagKeys is how many keys of cost tags it can have.
	MaxCostTagKeys = 20
)

const (
	day        = int64(24 * time.Hour)
	maxAfter   = 3650 * day // of an event
	maxLasting = 366 * day  // of a fault, by the fleet's contract
	billion    = 1_000_000_000_000_000
	allPools   = "any"
)

// schema is all objects of a scenario.
type schema struct {
	scenario, region, pool               *object
	market, model, traces, file, series  *object
	account, event, deposit              *object
	reclaim, drain, fail                 *object
	fault, shock, outage, slow, refusal  *object
	shortage, callTrouble, streamTrouble *object
}

// objects lists the objects in the order of the reference.
func (s *schema) objects() []*object {
	return []*object{
		s.scenario, s.region, s.pool, s.market, s.model, s.traces, s.file, s.series, s.account,
		s.event, s.reclaim, s.drain, s.fail, s.deposit,
		s.fault, s.shock, s.outage, s.slow, s.refusal, s.shortage, s.callTrouble, s.streamTrouble,
	}
}

func newSchema() *schema {
	s := &schema{
		scenario: &object{"", "The file as a whole.", []field{
			{name: "name", kind: text, need: required, class: title(), about: "What people call the scenario."},
			{name: "description", kind: text, class: prose(), absent: "none", about: "What it shows."},
			{name: "seed", kind: number, initial: "1", most: math.MaxInt64, about: "Decides all that is drawn: the market, and how long instances take. The same seed gives the same world."},
			{name: "start", kind: moment, absent: "now", about: "The simulated time at which it begins."},
			{name: "speed", kind: number, decimals: 3, least: milli(clock.MinSpeed), most: milli(clock.MaxSpeed), absent: "what the command line says, else 1", unit: "simulated seconds a real second", about: "How fast time runs at first."},
			{name: "region", kind: nested, absent: "the one shipped", about: "What is sold."},
			{name: "market", kind: nested, absent: "the model", about: "How prices and stock move."},
			{name: "accounts", kind: list, most: world.MaxAccounts, items: "accounts", absent: "none but `default`", about: "Who can own instances. There is always an account `default`, which may anything unless it is listed."},
			{name: "cost_tag_keys", kind: list, most: MaxCostTagKeys, items: "keys of tags", class: tagKey(), absent: "none", about: "The tags by which charges are summed."},
			{name: "events", kind: list, most: MaxEvents, items: "events", absent: "none", about: "What happens by itself, in any order."},
		}},
		account: &object{"accounts[]", "An account, from the beginning or, under `set_account`, from then on.", []field{
			{name: "id", kind: text, need: required, class: id(), about: "Its id."},
			{name: "balance", kind: number, decimals: 6, least: -billion, most: billion, unit: "currency", absent: "never overdue", about: "What it has at first. Not under `set_account`: use `deposit`."},
			{name: "pay_as_you_go_vcpu_quota", kind: number, most: 1_000_000_000, unit: "vCPUs", absent: "no limit", about: "Most of pay-as-you-go instances at a time."},
			{name: "spot_vcpu_quota", kind: number, most: 1_000_000_000, unit: "vCPUs", absent: "no limit", about: "Most of spot instances at a time."},
			{name: "calls_per_second", kind: number, least: 1, most: 1_000_000, absent: "no limit", about: "Most calls in the long run, by the simulated clock."},
			{name: "call_burst", kind: number, least: 1, most: 1_000_000, unit: "calls", absent: "`calls_per_second`", about: "Most calls at once after a pause."},
		}},
	}
	s.addRegion()
	s.addMarket()
	s.addEvents()
	s.addFaults()
	return s
}

// milli is a bound in thousandths.
func milli(bound float64) int64 { return int64(math.Round(bound * 1_000)) }

func (s *schema) addRegion() {
	s.region = &object{"region", "What is sold: the catalog that is shipped, that of a file, or the pools listed here.", []field{
		{name: "id", kind: text, class: poolName(), absent: "that of its zones", about: "The region. Zones are a region and a letter: `cn-shenzhen-d`, `eu-central-1a`."},
		{name: "currency", kind: text, class: currency(), initial: "CNY", about: "What prices and balances are in."},
		{name: "catalog", kind: text, class: fileName(), absent: "`default`, unless there are pools", about: "A CSV file of offers with the columns of the shipped one, or `default` for that."},
		{name: "pools", kind: list, least: 1, most: MaxPools, items: "pools", absent: "those of the catalog", about: "All that is sold, instead of a catalog."},
	}}
	s.pool = &object{"region.pools[]", "An instance type in a zone. All but zone, `spot_price_percent` and capacity must be the same in all zones of a type.", []field{
		{name: "zone_id", kind: text, need: required, class: poolName(), about: "The zone."},
		{name: "instance_type", kind: text, need: required, class: poolName(), about: "The type."},
		{name: "family", kind: text, class: poolName(), absent: "the type up to its last dot", about: "Its family. Prices of a family in a zone move together."},
		{name: "architecture", kind: word, words: spelt([]catalog.Architecture{catalog.X86, catalog.ARM}), initial: "x86", about: "Its processor."},
		{name: "category", kind: word, words: spelt(catalog.Categories()), absent: "told by family, GPUs and architecture", about: "The kind of its family, which attributes can ask for."},
		{name: "family_level", kind: word, words: spelt(catalog.Levels()), absent: "told by the family", about: "The level of its family, likewise. `credit-entry` types are burstable."},
		{name: "vcpus", kind: number, need: required, least: 1, most: catalog.MaxVCPUs, about: "Its vCPUs."},
		{name: "memory_gib", kind: number, need: required, decimals: 10, least: gibUnit / 1024, most: catalog.MaxMemoryMiB / 1024 * gibUnit, unit: "GiB, whole MiB", about: "Its memory."},
		{name: "gpus", kind: number, initial: "0", most: catalog.MaxGPUs, about: "Its GPUs."},
		{name: "pay_as_you_go_price", kind: number, need: required, decimals: 6, least: catalog.MinPriceMicros, most: catalog.MaxPriceMicros, unit: "currency an hour", about: "Its list price."},
		{name: "spot_price_percent", kind: number, decimals: 1, initial: "20", least: catalog.MinSpotPermille, most: catalog.MaxSpotPermille, unit: "% of the list price", about: "The level around which the spot price moves."},
		{name: "capacity", kind: number, initial: "100", least: 1, most: catalog.MaxCapacity, unit: "instances", about: "How many there can be, whoever owns them."},
	}}
}

func (s *schema) addMarket() {
	s.market = &object{"market", "How spot prices and other tenants' demand move: by a model, and where there are traces, by these.", []field{
		{name: "model", kind: nested, absent: "as the real market", about: "The model."},
		{name: "traces", kind: nested, absent: "none", about: "Recorded prices and stock, for some pools or all."},
	}}
	s.model = &object{"market.model", "The model moves every pool that no trace does.", []field{
		{name: "volatility", kind: number, decimals: 6, initial: "1", most: market.MaxVolatility * 1_000_000, about: "How widely it moves: 1 is like the real market, 0 stands still."},
	}}
	s.traces = &object{"market.traces", "Recorded series of prices, of how many instances could be had, or both.", []field{
		{name: "step", kind: span, least: int64(time.Second), most: day, unit: "whole seconds", absent: "the longest that misses no row", about: "How often values are looked up."},
		{name: "repeat", kind: flag, initial: "false", about: "Begin anew when the traces are over, instead of keeping their last values."},
		{name: "files", kind: list, need: required, least: 1, most: MaxTraceFiles, items: "files", about: "The files."},
	}}
	s.file = &object{"market.traces.files[]", "A trace file.", []field{
		{name: "file", kind: text, need: required, class: fileName(), about: "Its name: CSV, or gzipped CSV, in one of the forms below."},
		{name: "from", kind: position, absent: "0 for seconds since the first row (`t_s`); else `start`", about: "Which time in the file is the beginning of the scenario."},
		{name: "series", kind: list, least: 1, most: MaxSeries, items: "series", absent: "those that bear a pool's name, type and zone; then all must", about: "Which series are whose."},
	}}
	s.series = &object{"market.traces.files[].series[]", "Gives a pool a series. Series that are not named are not used, and one can be given to several pools.", []field{
		{name: "name", kind: text, need: required, class: seriesName(), about: "The column; the pool; or type and zone with a space between them."},
		{name: "zone_id", kind: text, need: required, class: poolName(), about: "The pool's zone."},
		{name: "instance_type", kind: text, need: required, class: poolName(), about: "The pool's type."},
	}}
}
