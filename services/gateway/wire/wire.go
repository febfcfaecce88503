// Package wire owns how the ECS API looks on the wire: how parameters are
// written in a request, how answers and errors are written in JSON and XML. It
// must not know any operation, and does no I/O.
package wire

import (
	"fmt"
	"net/url"
)

// An Error is what a refused call is answered with.
type Error struct {
	// Status is the HTTP status, 400 to 599.
	Status int
	// Code is the error code as the API's reference spells it, odd spellings
	// included.
	Code string
	// Message is for people: what was wrong, with which value, and what would be
	// right.
	Message string
}

// Error implements error.
func (e Error) Error() string { return fmt.Sprintf("%d %s: %s", e.Status, e.Code, e.Message) }

// IsZero tells that there is no error.
func (e Error) IsZero() bool { return e == Error{} }

// With is the error with a further sentence, or with the sentence alone when it
// has no message.
func (e Error) With(sentence string) Error {
	if e.Message != "" && sentence != "" {
		e.Message += " "
	}
	e.Message += sentence
	return e
}

// Errorf makes an error.
func Errorf(status int, code, format string, args ...any) Error {
	return Error{Status: status, Code: code, Message: fmt.Sprintf(format, args...)}
}

// Answer is the error as the object that is sent. Product names the API in the
// link to more about the code; host is the one that was called.
func (e Error) Answer(product, requestID, host string) Object {
	return Object{
		M("RequestId", requestID),
		M("HostId", host),
		M("Code", e.Code),
		M("Message", e.Message),
		M("Recommend", "https://api.aliyun.com/troubleshoot?q="+url.QueryEscape(e.Code)+"&product="+product+"&requestId="+requestID),
	}
}
