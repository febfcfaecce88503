package redisstore

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"strings"
	"time"

	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
)

// All that is kept of an account lies in one of so many shards, and the tag in
// braces puts all keys of a shard into one slot of a Redis Cluster. So whatever
// the store's contract wants written together is written by one script: a group
// with its due time, with its activities, with the client token of the call. No
// two of them can be parted by a crash, and there is nothing to repair. The
// price is that one account has one node of a cluster; accounts are what
// spreads. A number of shards that is fixed, and small, makes the due groups of
// all accounts a few ranges to read, however many accounts there are.
//
// The number belongs to the format.
const shards = 16

// formatKey holds the number of the layout. It is the only key without a shard.
const formatKey = "muster:format"

// A shard is what accounts are spread over.
type shard int

func shardOf(account string) shard {
	sum := fnv.New32a()
	_, _ = sum.Write([]byte(account)) // never fails
	return shard(sum.Sum32() % shards)
}

func (s shard) key(parts ...string) string {
	return fmt.Sprintf("muster:{%02d}:%s", int(s), strings.Join(parts, ":"))
}

// due is a sorted set: time and group key, by time.
func (s shard) due() string { return s.key("due") }

// accounts is a sorted set of the accounts that have had a group or a launch
// template.
func (s shard) accounts() string { return s.key("accounts") }

// tokens is a hash: token key to StoredToken.
func (s shard) tokens() string { return s.key("tokens") }

// expiries is a sorted set: time and token key, by time.
func (s shard) expiries() string { return s.key("expiries") }

// refusals is a hash: account to StoredRefusals.
func (s shard) refusals() string { return s.key("refusals") }

// groups is a sorted set of the ids of an account's groups.
func groupsKey(account string) string { return shardOf(account).key("groups", account) }

// groupHash is a hash with the fields below.
func groupHash(key store.Key) string { return shardOf(key.Account).key("group", groupName(key)) }

// activitiesKey is a sorted set of the ids of a group's activities.
func activitiesKey(key store.Key) string {
	return shardOf(key.Account).key("activities", groupName(key))
}

// activityHash is a hash: activity id to Activity.
func activityHash(key store.Key) string { return shardOf(key.Account).key("activity", groupName(key)) }

// templatesKey is a sorted set of the ids of an account's launch templates.
func templatesKey(account string) string { return shardOf(account).key("templates", account) }

// templateNames is a hash: name of a launch template to its id; and under
// nameOfCount, which is no name, how many the account has, in decimal.
func templateNames(account string) string { return shardOf(account).key("templatenames", account) }

const nameOfCount = "\x00count"

// templateHash is a hash with the fields below.
func templateHash(key store.TemplateKey) string {
	return shardOf(key.Account).key("template", key.Account+"\x00"+key.TemplateID)
}

// Fields of the hash of a group or a launch template.
const (
	fieldVersion = "version" // in decimal
	fieldRecord  = "record"  // StoredGroup or StoredTemplate
	fieldTurn    = "turn"    // StoredSchedule; groups only
)

// Sorted sets hold members of one score, 0, which Redis orders by their bytes:
// times are needed to the nanosecond, and a score holds no more than
// microseconds exactly.

// groupName names a group within all shards.
func groupName(key store.Key) string { return key.Account + "\x00" + key.GroupID }

func parseGroupName(name string) store.Key {
	account, id, _ := strings.Cut(name, "\x00")
	return store.Key{Account: account, GroupID: id}
}

func tokenName(key store.TokenKey) string {
	return key.Account + "\x00" + key.Method + "\x00" + key.Token
}

// timeBytes is the length of the time that begins a member that sorts by time.
const timeBytes = 8

// timed puts a time before a name, so that they sort by time.
func timed(at time.Time, name string) string { return string(timePrefix(at)) + name }

func timePrefix(at time.Time) []byte {
	return binary.BigEndian.AppendUint64(nil, uint64(at.UnixNano()))
}

func parseTimed(member string) (at time.Time, name string) {
	if len(member) < timeBytes {
		return time.Time{}, "" // nothing of ours
	}
	return time.Unix(0, int64(binary.BigEndian.Uint64([]byte(member[:timeBytes])))).UTC(), member[timeBytes:]
}

// upTo is the bound of a range by time that holds all members up to a time.
func upTo(at time.Time) string { return "(" + string(timePrefix(at.Add(1))) }

// after is the bound of a range by name that begins behind one.
func after(name string) string {
	if name == "" {
		return "-"
	}
	return "(" + name
}
