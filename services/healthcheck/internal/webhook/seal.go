package webhook

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/json"
	"fmt"
)

// KeyBytes is how long a key is that secrets are sealed with.
const KeyBytes = 32

// A sealer keeps the secrets of webhooks from whoever can read the bucket. The
// nil one leaves them as they are.
type sealer struct{ aead cipher.AEAD }

// newSealer makes a sealer of a key of [KeyBytes]; none makes the nil one.
func newSealer(key []byte) (*sealer, error) {
	if len(key) == 0 {
		return nil, nil
	}
	if len(key) != KeyBytes {
		return nil, fmt.Errorf("the key for the secrets of webhooks has %d bytes, not %d", len(key), KeyBytes)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	return &sealer{aead}, nil
}

// kept is a webhook as it is kept.
type kept struct {
	Hook
	// Secret is in the clear, or Sealed, bound to the key of the webhook.
	Secret []byte `json:"secret,omitempty"`
	Sealed []byte `json:"sealed,omitempty"`
}

// write is a webhook as it is kept.
func (s *sealer) write(hook Hook) ([]byte, error) {
	out := kept{Hook: hook, Secret: hook.Secret}
	if s != nil {
		out.Secret, out.Sealed = nil, s.aead.Seal(nil, nil, hook.Secret, []byte(hook.key())) //nolint:gosec // the AEAD draws the nonce
	}
	return json.Marshal(out) //nolint:gosec // in the clear only where users gave no key
}

// read reads what write wrote, with or without a key. A secret that was sealed
// with another key is left out. It tells whether the secret lies there in the
// clear though there is a key.
func (s *sealer) read(data []byte) (hook Hook, open bool, err error) {
	var in kept
	if err := json.Unmarshal(data, &in); err != nil {
		return Hook{}, false, err
	}
	hook, hook.Secret = in.Hook, in.Secret
	if len(in.Sealed) == 0 {
		return hook, s != nil, nil
	}
	if s != nil {
		if secret, err := s.aead.Open(nil, nil, in.Sealed, []byte(hook.key())); err == nil {
			hook.Secret = secret
		}
	}
	return hook, false, nil
}
