// Package sign owns how requests prove who made them: the older signature with
// HMAC-SHA1 (version 1) and the newer one with HMAC-SHA256 (version 3). It is
// pure: a request, the secret of its key and the time go in, a verdict comes
// out. It must not know where keys and nonces are kept.
package sign

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // the older signature is what it is
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/seed-198b1370/muster/services/gateway/wire"
)

// Window is how far the time in a request may be from that of the server, in
// both directions, and so for how long a nonce must be remembered on each side.
const Window = 15 * time.Minute

// algorithm is the one of version 3 that is known.
const algorithm = "ACS3-HMAC-SHA256"

// maxToken bounds key ids, nonces and tokens, in bytes.
const maxToken = 4096

// A Request is what a signature is about.
type Request struct {
	// Method is GET or POST.
	Method string
	// Host is the host that was called, with its port, as the client named it.
	Host string
	// Query is what follows the question mark, as it was sent.
	Query string
	// Header are the headers, by canonical names.
	Header http.Header
	// Body is the body as it was sent. With version 1 it is urlencoded.
	Body []byte
}

// Claims are what a request says of itself, before any of it is believed.
type Claims struct {
	// AccessKeyID is the key whose secret proves the request.
	AccessKeyID string
	// SecurityToken belongs to a temporary key; empty for none.
	SecurityToken string
	// Nonce is used once, for this request.
	Nonce string
	// Time is when the request was signed.
	Time time.Time

	signature    string
	stringToSign string
	newer        bool
}

// Signed tells whether a request claims to be signed at all.
func Signed(request *Request) bool {
	if request.Header.Get("Authorization") != "" {
		return true
	}
	for _, text := range []string{request.Query, string(request.Body)} {
		params, err := pairs(nil, text)
		if err != nil || slices.ContainsFunc(params, func(p pair) bool { return p.name == "Signature" }) {
			return true
		}
	}
	return false
}

// Read reads what a request says of itself. Errors are of type [wire.Error].
func Read(request *Request) (Claims, error) {
	if authorization := request.Header.Get("Authorization"); authorization != "" {
		return readNewer(request, authorization)
	}
	return readOlder(request)
}

// Check tells whether the secret proves the request, and whether it is a
// request of now. Errors are of type [wire.Error].
func (c Claims) Check(secret string, now time.Time) error {
	if age := now.Sub(c.Time); age > Window || age < -Window {
		return wire.Errorf(http.StatusBadRequest, "InvalidTimeStamp.Expired",
			"Specified time stamp or date value is expired. It is %s; the server's time is %s, and they may be %s apart.",
			c.Time.Format(timeFormat), now.UTC().Format(timeFormat), Window)
	}
	if !hmac.Equal([]byte(c.signature), []byte(c.sign(secret))) {
		return mismatch(c.stringToSign)
	}
	return nil
}

// sign is the signature that the secret makes.
func (c Claims) sign(secret string) string {
	if c.newer {
		mac := hmac.New(sha256.New, []byte(secret))
		_, _ = mac.Write([]byte(c.stringToSign)) // never fails
		return hex.EncodeToString(mac.Sum(nil))
	}
	mac := hmac.New(sha1.New, []byte(secret+"&"))
	_, _ = mac.Write([]byte(c.stringToSign)) // never fails
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

const timeFormat = "2006-01-02T15:04:05Z"

// maxTold is how much of a string to sign is repeated, in bytes. It is far above
// what any real request has.
const maxTold = 16 << 10

func mismatch(stringToSign string) error {
	return wire.Errorf(http.StatusBadRequest, "SignatureDoesNotMatch",
		"Specified signature is not matched with our calculation. server string to sign is:%s", stringToSign[:min(len(stringToSign), maxTold)])
}

func incomplete(format string, args ...any) error {
	return wire.Errorf(http.StatusBadRequest, "IncompleteSignature", "The request signature does not conform to the standard. "+format, args...)
}

func missing(name string) error {
	return wire.Errorf(http.StatusBadRequest, "MissingParameter", "The parameter or header %q is mandatory for a signed request.", name)
}

// checkClaims checks what both versions say.
func (c *Claims) checkClaims(nonceName, timeName, timeText string) error {
	for _, claim := range []struct{ name, text string }{
		{"AccessKeyId", c.AccessKeyID}, {nonceName, c.Nonce}, {timeName, timeText},
	} {
		if claim.text == "" {
			return missing(claim.name)
		}
	}
	for name, text := range map[string]string{"AccessKeyId": c.AccessKeyID, nonceName: c.Nonce, "SecurityToken": c.SecurityToken} {
		if len(text) > maxToken {
			return wire.Errorf(http.StatusBadRequest, "InvalidParameter", "The parameter %q has at most %d bytes, got %d.", name, maxToken, len(text))
		}
	}
	moment, err := time.Parse(timeFormat, timeText)
	if err != nil {
		return wire.Errorf(http.StatusBadRequest, "IllegalTimestamp",
			"The %s is illegal: it must be a time in UTC as in 2026-01-02T15:04:05Z, got %s.", timeName, wire.Quote(timeText))
	}
	c.Time = moment
	return nil
}

// A pair is a parameter, decoded.
type pair struct{ name, value string }

// pairs are the parameters of a query or a form, empty ones included: they are
// signed, too.
func pairs(to []pair, text string) ([]pair, error) {
	for text != "" {
		var part string
		part, text, _ = strings.Cut(text, "&")
		if part == "" {
			continue
		}
		if len(to) >= wire.MaxParameters {
			return nil, wire.Errorf(http.StatusBadRequest, "InvalidParameter", "The request has more than %d parameters.", wire.MaxParameters)
		}
		rawName, rawValue, _ := strings.Cut(part, "=")
		name, nameErr := url.QueryUnescape(rawName)
		value, valueErr := url.QueryUnescape(rawValue)
		if nameErr != nil || valueErr != nil || !utf8.ValidString(name) || !utf8.ValidString(value) {
			return nil, wire.Errorf(http.StatusBadRequest, "InvalidParameter", "The parameters must be UTF-8, form-encoded, got %s.", wire.Quote(part))
		}
		to = append(to, pair{name, value})
	}
	return to, nil
}

// canonical sorts parameters and writes them as they are signed.
func canonical(params []pair) string {
	slices.SortFunc(params, func(a, b pair) int {
		if order := strings.Compare(a.name, b.name); order != 0 {
			return order
		}
		return strings.Compare(a.value, b.value)
	})
	size := 0
	for _, param := range params {
		size += len(param.name) + len(param.value) + 2
	}
	out := make([]byte, 0, size+size/4)
	for i, param := range params {
		if i > 0 {
			out = append(out, '&')
		}
		out = appendEncoded(out, param.name)
		out = append(out, '=')
		out = appendEncoded(out, param.value)
	}
	return string(out)
}

const hexDigits = "0123456789ABCDEF"

// appendEncoded encodes all but the unreserved characters of RFC 3986.
func appendEncoded(to []byte, text string) []byte {
	for i := range len(text) {
		c := text[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '.', c == '~':
			to = append(to, c)
		default:
			to = append(to, '%', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return to
}
