package wire

import (
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"
)

// Bounds of what one request may bring. They are far above what any real
// request needs.
const (
	// MaxBytes is how many bytes of parameters, as they are sent, query and body
	// together.
	MaxBytes = 1 << 20
	// MaxParameters is how many parameters.
	MaxParameters = 20000
	// MaxDepth is how many parts a parameter's name has, or how deep a structure
	// in JSON is.
	MaxDepth = 8
	// maxName is how long a name is, in bytes.
	maxName = 256
)

// badParameter is the code for parameters that can not be read at all.
const badParameter = "InvalidParameter"

// ParseParams reads the parameters of a request from its query and its
// urlencoded body, both as they were sent. Empty values are as good as absent
// and are left out. Errors are of type [Error].
func ParseParams(query, body string) (map[string]string, error) {
	if len(query)+len(body) > MaxBytes {
		return nil, TooLarge()
	}
	params := make(map[string]string, 16)
	seen := 0
	for _, source := range []string{query, body} {
		for source != "" {
			var pair string
			pair, source, _ = strings.Cut(source, "&")
			if pair == "" {
				continue
			}
			if seen++; seen > MaxParameters {
				return nil, Errorf(http.StatusBadRequest, badParameter, "The request has more than %d parameters.", MaxParameters)
			}
			if err := addParam(params, pair); err != nil {
				return nil, err
			}
		}
	}
	for name, value := range params {
		if value == "" {
			delete(params, name)
		}
	}
	return params, nil
}

func addParam(params map[string]string, pair string) error {
	rawName, rawValue, _ := strings.Cut(pair, "=")
	name, err := url.QueryUnescape(rawName)
	if err != nil || !utf8.ValidString(name) || len(name) > maxName || name == "" {
		return Errorf(http.StatusBadRequest, badParameter, "The name of a parameter must be 1 to %d bytes of UTF-8, got %s.", maxName, Quote(rawName))
	}
	value, err := url.QueryUnescape(rawValue)
	if err != nil || !utf8.ValidString(value) {
		return Errorf(http.StatusBadRequest, badParameter, "The value of the parameter %s must be UTF-8, form-encoded, got %s.", Quote(name), Quote(rawValue))
	}
	if _, twice := params[name]; twice {
		return Errorf(http.StatusBadRequest, badParameter, "The parameter %s is given twice.", Quote(name))
	}
	params[name] = value
	return nil
}

// TooLarge is the error for more parameters than [MaxBytes].
func TooLarge() Error {
	return Errorf(http.StatusRequestEntityTooLarge, badParameter, "The parameters of the request are larger than %d bytes.", MaxBytes)
}
