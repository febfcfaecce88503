package sign

import (
	"mime"
	"net/http"

	"github.com/seed-198b1370/muster/services/gateway/wire"
)

// readOlder reads a request with a signature of version 1: all of it is in
// parameters, and only parameters are signed.
func readOlder(request *Request) (Claims, error) {
	params, err := pairs(nil, request.Query)
	if err != nil {
		return Claims{}, err
	}
	if len(request.Body) > 0 {
		kind, _, err := mime.ParseMediaType(request.Header.Get("Content-Type"))
		if err != nil || kind != "application/x-www-form-urlencoded" {
			return Claims{}, incomplete("Only a body of the type application/x-www-form-urlencoded can be signed, got %s.", wire.Quote(request.Header.Get("Content-Type")))
		}
		if params, err = pairs(params, string(request.Body)); err != nil {
			return Claims{}, err
		}
	}
	var claims Claims
	var method, version, moment, action, apiVersion string
	known := map[string]*string{
		"AccessKeyId": &claims.AccessKeyID, "SecurityToken": &claims.SecurityToken, "SignatureNonce": &claims.Nonce,
		"Signature": &claims.signature, "SignatureMethod": &method, "SignatureVersion": &version, "Timestamp": &moment,
		"Action": &action, "Version": &apiVersion,
	}
	signed := params[:0]
	for _, param := range params {
		if into, ok := known[param.name]; ok {
			*into = param.value
		}
		if param.name != "Signature" {
			signed = append(signed, param)
		}
	}
	if claims.signature == "" {
		return Claims{}, missing("Signature")
	}
	// What is not in parameters is not signed: a header could make a request
	// another one.
	if action == "" {
		return Claims{}, missing("Action")
	}
	if apiVersion == "" {
		return Claims{}, missing("Version")
	}
	if err := checkMethod(request.Method, method, version); err != nil {
		return Claims{}, err
	}
	if err := claims.checkClaims("SignatureNonce", "Timestamp", moment); err != nil {
		return Claims{}, err
	}
	text := canonical(signed)
	claims.stringToSign = string(appendEncoded(append([]byte(request.Method), "&%2F&"...), text))
	return claims, nil
}

// checkMethod checks how a request says that it is sent and signed.
func checkMethod(verb, method, version string) error {
	switch {
	case method != "HMAC-SHA1":
		return incomplete("The SignatureMethod must be HMAC-SHA1, got %s.", wire.Quote(method))
	case version != "1.0":
		return incomplete("The SignatureVersion must be 1.0, got %s.", wire.Quote(version))
	case verb != http.MethodGet && verb != http.MethodPost:
		return incomplete("The HTTP method must be GET or POST, got %s.", wire.Quote(verb))
	}
	return nil
}
