package ops

import (
	"crypto/sha256"
	"encoding/base64"
	"regexp"
	"strconv"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// tokenPattern is what client tokens look like: ASCII.
var tokenPattern = regexp.MustCompile(`^[\x20-\x7e]{1,64}$`)

// plainToken is what the services take for a request id as it is.
var plainToken = regexp.MustCompile(`^[!-~]{1,64}$`)

// requestID is the request id under which a call goes to a service, so that a
// call that is repeated with its client token is done once: "" without one.
func requestID(call *Call) string {
	token := call.Text("ClientToken")
	if token == "" || plainToken.MatchString(token) {
		return token
	}
	sum := sha256.Sum256([]byte(token))
	return "token-" + base64.RawURLEncoding.EncodeToString(sum[:])
}

// parseVersion reads the number of a version; 0, the default one, for none.
func parseVersion(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	return strconv.ParseInt(text, 10, 64)
}

const notFoundCode = codes.NotFound

func codeOf(err error) codes.Code { return status.Code(err) }

// hasReason tells that a service's error has a reason, as rules name them.
func hasReason(err error, reason string) bool {
	return detailsOf(status.Convert(err)).reason == reason
}
