package boltstore

import (
	"encoding/binary"
	"time"

	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
)

// All keys begin with the account. Their parts are separated by NUL, which none
// of them has, so that they sort by their parts.

func groupKey(key store.Key) []byte { return []byte(key.Account + "\x00" + key.GroupID) }

func parseGroupKey(raw []byte) store.Key {
	for i, b := range raw {
		if b == 0 {
			return store.Key{Account: string(raw[:i]), GroupID: string(raw[i+1:])}
		}
	}
	return store.Key{}
}

func activityKey(group []byte, id string) []byte {
	return append(append(append([]byte(nil), group...), 0), id...)
}

func templateKey(key store.TemplateKey) []byte { return []byte(key.Account + "\x00" + key.TemplateID) }

func nameKey(account, name string) []byte { return []byte(account + "\x00" + name) }

func tokenKey(key store.TokenKey) []byte {
	return []byte(key.Account + "\x00" + key.Method + "\x00" + key.Token)
}

// timeBytes is the length of the time that begins a key of an index by time.
const timeBytes = 8

// timedKey puts a time before a key, so that keys sort by time.
func timedKey(at time.Time, key []byte) []byte {
	return append(binary.BigEndian.AppendUint64(nil, uint64(at.UnixNano())), key...)
}

func parseTimedKey(raw []byte) (time.Time, []byte) {
	return time.Unix(0, int64(binary.BigEndian.Uint64(raw))).UTC(), raw[timeBytes:]
}
