// Package auth owns who may call the gateway: access keys from a file, bound to
// accounts, and the nonces that were used. What a signature is belongs to
// package sign. Secrets are never logged nor told.
package auth

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/http"
	"time"

	"github.com/seed-198b1370/muster/pkg/clock"
	"github.com/seed-198b1370/muster/services/gateway"
	"github.com/seed-198b1370/muster/services/gateway/sign"
	"github.com/seed-198b1370/muster/services/gateway/wire"
)

// Nonces remember which nonces were used. Implementations are bounded.
type Nonces interface {
	// Use uses a nonce of a key, and tells whether it had not been used for as
	// long as is told.
	Use(ctx context.Context, accessKeyID, nonce string, hold time.Duration) (fresh bool, err error)
}

// ErrFull is when no more nonces can be remembered.
var ErrFull = errors.New("too many nonces are remembered")

// A Verifier proves calls by their signatures. It is a [gateway.Verifier].
type Verifier struct {
	keys   *Keys
	nonces Nonces
	clock  clock.Clock
	// unsigned is the account of calls without a signature; empty for none.
	unsigned string
}

// NewVerifier makes a verifier. The clock tells real time; nil means the wall
// clock. Calls without any signature are refused, unless unsigned names the
// account that they are made for. A signature that is there must always hold.
func NewVerifier(keys *Keys, nonces Nonces, clk clock.Clock, unsigned string) *Verifier {
	if clk == nil {
		clk = clock.NewWall()
	}
	return &Verifier{keys: keys, nonces: nonces, clock: clk, unsigned: unsigned}
}

// Authenticate implements [gateway.Verifier].
func (v *Verifier) Authenticate(request *http.Request, body []byte) (gateway.Caller, error) {
	read := &sign.Request{Method: request.Method, Host: request.Host, Query: request.URL.RawQuery, Header: request.Header, Body: body}
	if v.unsigned != "" && !sign.Signed(read) {
		return gateway.Caller{AccountID: v.unsigned}, nil
	}
	claims, err := sign.Read(read)
	if err != nil {
		return gateway.Caller{}, err
	}
	now := v.clock.Now()
	key, ok := v.keys.find(claims.AccessKeyID)
	if !ok {
		return gateway.Caller{}, wire.Errorf(http.StatusNotFound, "InvalidAccessKeyId.NotFound", "Specified access key is not found.")
	}
	if err := claims.Check(key.Secret, now); err != nil {
		return gateway.Caller{}, err
	}
	// Only who has the secret is told what else is wrong with a key.
	if err := checkTemporary(key, claims.SecurityToken, now); err != nil {
		return gateway.Caller{}, err
	}
	// From then on its time is too old, and refuses it.
	hold := claims.Time.Add(sign.Window + time.Second).Sub(now)
	fresh, err := v.nonces.Use(request.Context(), key.ID, claims.Nonce, hold)
	if err != nil {
		return gateway.Caller{}, wire.Errorf(http.StatusServiceUnavailable, "ServiceUnavailable",
			"The request has failed due to a temporary failure of the server: it can not be told whether the nonce was used.")
	}
	if !fresh {
		return gateway.Caller{}, wire.Errorf(http.StatusBadRequest, "SignatureNonceUsed",
			"Specified signature nonce was used already: each request needs its own, got %s.", wire.Quote(claims.Nonce))
	}
	return gateway.Caller{AccountID: key.AccountID, AccessKeyID: key.ID, Actions: key.Actions}, nil
}

// checkTemporary checks the token and the end of a temporary key.
func checkTemporary(key Key, token string, now time.Time) error {
	switch {
	case key.SecurityToken == "" && token == "":
	case key.SecurityToken == "" || subtle.ConstantTimeCompare([]byte(key.SecurityToken), []byte(token)) != 1:
		return wire.Errorf(http.StatusBadRequest, "InvalidSecurityToken.MismatchWithAccessKey", "Specified SecurityToken mismatch with the AccessKey.")
	}
	if !key.ExpireTime.IsZero() && !now.Before(key.ExpireTime) {
		return wire.Errorf(http.StatusBadRequest, "InvalidSecurityToken.Expired", "Specified SecurityToken is expired.")
	}
	return nil
}
