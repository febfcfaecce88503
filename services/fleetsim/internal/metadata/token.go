package metadata

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"
)

// A keyring makes and checks the tokens of hardened mode. A token holds when it
// ends, and a proof that it was made here and for which instance; nothing is
// kept of it.
type keyring struct{ key []byte }

// make makes a token of an instance that ends at a time.
func (k keyring) make(instanceID string, end time.Time) string {
	raw := binary.BigEndian.AppendUint64(nil, uint64(end.Unix()))
	return base64.RawURLEncoding.EncodeToString(append(raw, k.proof(instanceID, raw)...))
}

// holds tells whether a token is one of the instance that has not ended.
func (k keyring) holds(token, instanceID string, now time.Time) bool {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) != 8+sha256.Size || !hmac.Equal(raw[8:], k.proof(instanceID, raw[:8])) {
		return false
	}
	return now.Unix() < int64(binary.BigEndian.Uint64(raw))
}

func (k keyring) proof(instanceID string, end []byte) []byte {
	proof := hmac.New(sha256.New, k.key)
	// Writing to a hash never fails. The end has a fixed length, so that no two
	// pairs look the same.
	_, _ = proof.Write(end)
	_, _ = proof.Write([]byte(instanceID))
	return proof.Sum(nil)
}
