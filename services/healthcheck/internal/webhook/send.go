package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/seed-198b1370/muster/pkg/events"
)

const (
	// sendTimeout bounds one attempt, from the connection to the end of the
	// answer.
	sendTimeout = 10 * time.Second
	// maxAnswerBytes bounds what is read of an answer: enough to use the
	// connection again for what endpoints say.
	maxAnswerBytes = 64 << 10
	// maxIdlePerHost is how many connections to an endpoint are kept.
	maxIdlePerHost = maxInFlight
)

// newClient makes the client that all webhooks share. It follows no redirects:
// whoever may answer for an endpoint could send signed events anywhere.
// Unless it may, it connects to no private address.
func newClient(privately bool) *http.Client {
	dialer := &net.Dialer{Timeout: sendTimeout}
	if !privately {
		dialer.Control = refusePrivate
	}
	return &http.Client{
		Timeout:       sendTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext: dialer.DialContext, MaxIdleConnsPerHost: maxIdlePerHost, IdleConnTimeout: time.Minute, TLSHandshakeTimeout: sendTimeout,
			MaxResponseHeaderBytes: maxAnswerBytes, ForceAttemptHTTP2: true,
		},
	}
}

// Sign is the value of the header `webhook-signature`, after Standard Webhooks.
func Sign(secret []byte, id, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, secret)
	for _, part := range [][]byte{[]byte(id), []byte("."), []byte(timestamp), []byte("."), body} {
		_, _ = mac.Write(part) // never fails
	}
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// send makes one attempt. The error tells what came instead of an answer in the
// 200s, in words that are fit for the user.
func send(ctx context.Context, client *http.Client, hook *Hook, id string, body []byte, now time.Time) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, hook.URL, bytes.NewReader(body))
	if err != nil {
		return errors.New("the URL can not be used")
	}
	timestamp := strconv.FormatInt(now.Unix(), 10)
	request.Header.Set("content-type", events.CloudEventJSON)
	request.Header.Set("user-agent", "muster")
	request.Header.Set("webhook-id", id)
	request.Header.Set("webhook-timestamp", timestamp)
	request.Header.Set("webhook-signature", Sign(hook.Secret, id, timestamp, body))
	answer, err := client.Do(request)
	if err != nil {
		return inWords(err)
	}
	_, err = io.CopyN(io.Discard, answer.Body, maxAnswerBytes)
	_ = answer.Body.Close() // nothing hangs on it
	switch {
	case answer.StatusCode < 200 || answer.StatusCode > 299:
		return fmt.Errorf("HTTP status %d", answer.StatusCode)
	case err != nil && !errors.Is(err, io.EOF):
		return inWords(err)
	default:
		return nil
	}
}

// inWords tells what went wrong on the way without the URL, whose query may hold
// what is nobody's business.
func inWords(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		if wrapped.Timeout() {
			return fmt.Errorf("no answer within %v", sendTimeout)
		}
		err = wrapped.Err
	}
	var refused *net.OpError
	if errors.As(err, &refused) {
		return fmt.Errorf("%s: %w", refused.Op, refused.Err)
	}
	return err
}
