package rpc

import (
	"encoding/base64"
)

// DefaultPageSize is the size of a page when a request names none.
const DefaultPageSize = 100

// PageSize tells the size of a page that a request asks for with its
// `page_size`, which validation holds to at most 250.
func PageSize(asked int32) int {
	if asked == 0 {
		return DefaultPageSize
	}
	return int(asked)
}

// EncodePageToken makes the token of the page that follows a key. The kind of
// list is part of it, so that a token of another list is refused.
func EncodePageToken(list, lastKey string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(list + "\x00" + lastKey))
}

// DecodePageToken tells the key that the page of a token follows: "" for an
// empty token. It is false for a token that was not made for this list.
func DecodePageToken(list, token string) (lastKey string, ok bool) {
	if token == "" {
		return "", true
	}
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return "", false
	}
	prefix := list + "\x00"
	if len(raw) <= len(prefix) || string(raw[:len(prefix)]) != prefix {
		return "", false
	}
	return string(raw[len(prefix):]), true
}
