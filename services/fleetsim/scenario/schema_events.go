package scenario

import (
	"strings"
	"time"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

// Words of the billing methods.
const (
	bothWays      = "both"
	spotOnly      = "spot"
	payAsYouGo    = "pay_as_you_go"
	clearAll      = "all"
	maxInstances  = 1_000_000
	maxClear      = 100
	maxMethods    = 30
	longestAnswer = int64(10 * time.Minute)
)

// selector is the keys that name pools by what they have in common.
func selector(others ...field) []field {
	return append([]field{
		{name: "zone_id", kind: text, class: poolName(), absent: allPools, about: "The pools' zone."},
		{name: "instance_type", kind: text, class: poolName(), absent: allPools, about: "The pools' type."},
	}, others...)
}

func billing() field {
	return field{name: "billing_method", kind: word, words: []string{bothWays, spotOnly, payAsYouGo}, initial: bothWays, about: "The pools' billing method."}
}

func most() field {
	return field{name: "max_instances", kind: number, most: maxInstances, initial: "0", about: "At most so many, oldest first; 0 for all."}
}

func (s *schema) addEvents() {
	choice := func(name, about string) field { return field{name: name, kind: nested, need: oneOf, about: about} }
	s.event = &object{"events[]", "Something that happens at a time. What can not be done then is passed over: a scenario goes on whatever users did meanwhile.", []field{
		{name: "at", kind: span, need: required, most: maxAfter, about: "When, after the beginning. Events of the same time happen in the order of the file."},
		choice("reclaim", "Reclaims spot instances: their notice comes at once, or when their protection ends."),
		choice("drain", "Makes pools refuse launches as if sold out. What runs in them stays."),
		choice("restore", "Takes back `drain`."),
		choice("fail", "Makes running instances fail, or work again."),
		choice("fault", "Begins trouble that lasts."),
		{name: "clear_faults", kind: list, need: oneOf, least: 1, most: maxClear, items: "ids of faults, or `all`", class: id(), about: "Ends trouble."},
		choice("set_account", "Makes an account, or changes what it may; keys as in `accounts`."),
		choice("deposit", "Gives money to an account, or takes it away."),
	}}
	s.reclaim = &object{"events[].reclaim", "Which pools. `{}` is all.", selector(most())}
	s.drain = &object{"events[].drain, events[].restore", "Which pools. `{}` is all.", selector(billing())}
	s.fail = &object{"events[].fail", "Which pools, and how their instances fail.", selector(billing(), most(), field{
		name: "failure", kind: word, need: required, words: contractWords(fleetv1.InstanceFailure_value, "INSTANCE_FAILURE_", 1, 2, 3, 4, 5),
		about: "`crash` stops it while it is charged for, `hang` makes nothing be heard from it, `impair` makes it impaired, `slow` slow; `recover` makes it work again.",
	})}
	s.deposit = &object{"events[].deposit", "A deposit.", []field{
		{name: "account_id", kind: text, need: required, class: id(), about: "Whose."},
		{name: "amount", kind: number, need: required, decimals: 6, least: -billion, most: billion, unit: "currency", about: "How much."},
	}}
}

// factor is a multiple, kept in thousandths.
func factor(least, most int64, about string) field {
	return field{name: "factor", kind: number, need: required, decimals: 3, least: least, most: most, about: about}
}

func (s *schema) addFaults() {
	choice := func(name, about string) field { return field{name: name, kind: nested, need: oneOf, about: about} }
	held := func(name, about string) field {
		return field{name: name, kind: span, most: longestAnswer, initial: "0s", unit: "real time", about: about}
	}
	s.fault = &object{"events[].fault", "Trouble that lasts.", []field{
		{name: "id", kind: text, need: required, class: id(), about: "Its id. It can be used again once the trouble is over."},
		{name: "for", kind: span, least: int64(time.Millisecond), most: maxLasting, absent: "until it is cleared", about: "How long it lasts."},
		choice("price_shock", "Spot prices are others. They stay within 10 % and 100 % of the list price."),
		choice("zone_outage", "A zone refuses launches and starts, and what runs in it is impaired."),
		choice("slow_launch", "Instances take longer to come up."),
		choice("launch_refusal", "Launches are refused."),
		choice("disk_shortage", "A category of disks is not on offer."),
		choice("call_trouble", "Calls of FleetService are slow, fail, or lose their answers."),
		choice("stream_trouble", "Streams of transitions repeat or hold back entries."),
	}}
	s.shock = &object{"events[].fault.price_shock", "", selector(factor(1, 100_000, "What prices are multiplied by."))}
	s.outage = &object{"events[].fault.zone_outage", "", []field{{name: "zone_id", kind: text, need: required, class: poolName(), about: "The zone."}}}
	s.slow = &object{"events[].fault.slow_launch", "", selector(factor(1_001, 1_000_000, "What the time is multiplied by."))}
	s.refusal = &object{"events[].fault.launch_refusal", "", selector(field{
		name: "reason", kind: word, need: required, words: contractWords(fleetv1.ErrorReason_value, "ERROR_REASON_", 1, 2, 11, 12, 13, 14, 15), about: "The reason of the error.",
	})}
	s.shortage = &object{"events[].fault.disk_shortage", "", []field{
		{name: "zone_id", kind: text, class: poolName(), absent: allPools, about: "The zone."},
		{name: "category", kind: word, need: required, words: contractWords(fleetv1.DiskCategory_value, "DISK_CATEGORY_", 1, 2, 3, 4), about: "The category."},
	}}
	s.callTrouble = &object{"events[].fault.call_trouble", "There must be a latency, an outcome or both.", []field{
		{name: "methods", kind: list, least: 1, most: maxMethods, items: "methods of FleetService", class: methodName(methods()), absent: "all unary ones", about: "Which calls."},
		{name: "share_percent", kind: number, decimals: 1, least: 1, most: 1_000, initial: "100", unit: "% of the calls", about: "How many are disturbed."},
		held("latency", "How long the answer is held back."),
		{name: "outcome", kind: word, words: contractWords(fleetv1.CallOutcome_value, "CALL_OUTCOME_", 0, 1, 2, 3, 4, 5, 6), initial: none, about: "What else happens; `..._after` means that the call is done all the same."},
		{name: "max_calls", kind: number, most: 1<<31 - 1, initial: "0", about: "Stop after so many disturbed calls; 0 for never."},
	}}
	s.streamTrouble = &object{"events[].fault.stream_trouble", "There must be a duplicate_percent, a delay or both.", []field{
		{name: "duplicate_percent", kind: number, decimals: 1, most: 1_000, initial: "0", unit: "% of the entries", about: "How many come twice."},
		held("delay", "How long entries are held back."),
	}}
}

// none is the word for what the contract leaves unspecified.
const none = "none"

// contractWords are the words for some numbers of an enum of the fleet's
// contract: its names without their prefix, in small letters.
func contractWords(values map[string]int32, prefix string, numbers ...int32) []string {
	names := map[int32]string{}
	for name, number := range values {
		names[number] = strings.ToLower(strings.TrimPrefix(name, prefix))
	}
	words := make([]string, len(numbers))
	for i, number := range numbers {
		if words[i] = names[number]; number == 0 {
			words[i] = none
		}
	}
	return words
}

// contractNumber is the number of a word.
func contractNumber(values map[string]int32, prefix, word string) int32 {
	return values[prefix+strings.ToUpper(word)]
}

// methods are the unary methods of the fleet, which can be disturbed.
func methods() []string {
	var names []string
	for _, method := range fleetv1.FleetService_ServiceDesc.Methods {
		names = append(names, method.MethodName)
	}
	return names
}
