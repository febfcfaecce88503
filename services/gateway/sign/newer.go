package sign

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/seed-198b1370/muster/services/gateway/wire"
)

// prefix is what headers of the API begin with.
const prefix = "x-acs-"

// mustBeSigned are the headers without which a signature proves too little.
// All others of the API must be signed when they are there.
var mustBeSigned = []string{"host", "x-acs-content-sha256", "x-acs-date", "x-acs-signature-nonce"}

// readNewer reads a request with a signature of version 3: it is in headers,
// and the request itself tells which of them it signs.
func readNewer(request *Request, authorization string) (Claims, error) {
	claims := Claims{newer: true}
	list, err := claims.readAuthorization(authorization)
	if err != nil {
		return Claims{}, err
	}
	headers, err := canonicalHeaders(request, list)
	if err != nil {
		return Claims{}, err
	}
	claims.SecurityToken = request.Header.Get("X-Acs-Security-Token")
	claims.Nonce = request.Header.Get("X-Acs-Signature-Nonce")
	if err := claims.checkClaims("x-acs-signature-nonce", "x-acs-date", request.Header.Get("X-Acs-Date")); err != nil {
		return Claims{}, err
	}
	params, err := pairs(nil, request.Query)
	if err != nil {
		return Claims{}, err
	}
	told, body := request.Header.Get("X-Acs-Content-Sha256"), hash(string(request.Body))
	if told != body {
		return Claims{}, wire.Errorf(400, "SignatureDoesNotMatch", "The header x-acs-content-sha256 must be the hash of the body, which is %s, got %s.", body, wire.Quote(told))
	}
	claims.stringToSign = algorithm + "\n" + hash(request.Method+"\n/\n"+canonical(params)+"\n"+headers+"\n"+list+"\n"+body)
	return claims, nil
}

// readAuthorization reads the header with the signature, and returns the list
// of what is signed.
func (c *Claims) readAuthorization(text string) (list string, err error) {
	name, rest, _ := strings.Cut(text, " ")
	if name != algorithm {
		return "", incomplete("The algorithm in the header Authorization must be %s, got %s.", algorithm, wire.Quote(name))
	}
	parts := map[string]*string{"Credential": &c.AccessKeyID, "SignedHeaders": &list, "Signature": &c.signature}
	for part := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		into, ok := parts[name]
		if !ok || *into != "" || value == "" {
			return "", incomplete("The header Authorization must be %s Credential=...,SignedHeaders=...,Signature=..., got the part %s.", algorithm, wire.Quote(part))
		}
		*into = value
	}
	for _, name := range []string{"Credential", "SignedHeaders", "Signature"} {
		if *parts[name] == "" {
			return "", incomplete("The header Authorization has no %s.", name)
		}
	}
	return list, nil
}

// canonicalHeaders are the signed headers as they are signed.
func canonicalHeaders(request *Request, list string) (string, error) {
	names := strings.Split(list, ";")
	if !slices.IsSorted(names) || len(slices.Compact(slices.Clone(names))) != len(names) {
		return "", incomplete("The SignedHeaders must be in order, each once, got %s.", wire.Quote(list))
	}
	for _, name := range mustBeSigned {
		if !slices.Contains(names, name) {
			return "", incomplete("The SignedHeaders must name %s, got %s.", name, wire.Quote(list))
		}
	}
	for name := range request.Header {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, prefix) && !slices.Contains(names, lower) {
			return "", incomplete("The SignedHeaders must name %s, which the request has, got %s.", lower, wire.Quote(list))
		}
	}
	var out strings.Builder
	for _, name := range names {
		value := request.Host
		if name != "host" {
			values := request.Header.Values(name)
			if len(values) != 1 || name != strings.ToLower(name) {
				return "", incomplete("The SignedHeaders must name, in lower case, headers that the request has once, got %s.", wire.Quote(name))
			}
			value = values[0]
		}
		out.WriteString(name + ":" + strings.TrimSpace(value) + "\n")
	}
	return out.String(), nil
}

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
