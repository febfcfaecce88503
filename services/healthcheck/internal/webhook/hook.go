package webhook

import (
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"hash/fnv"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seed-198b1370/muster/pkg/events"
)

// What a webhook is, by default and at most.
const (
	// MaxWebhooks is how many an account may have.
	MaxWebhooks = 100
	// DefaultAttempts is how often an event is sent before it is given up.
	DefaultAttempts = 10
	// MinSecretBytes and MaxSecretBytes bound the key that signs.
	MinSecretBytes = 24
	MaxSecretBytes = 64
)

// A Hook is an endpoint that events are sent to.
type Hook struct {
	// Account whose events are sent, and id that is unique among its webhooks.
	Account string `json:"account"`
	ID      string `json:"id"`
	// URL to send to.
	URL string `json:"url"`
	// Types of CloudEvents to send.
	Types []string `json:"types"`
	// Group whose events are sent; empty for all.
	Group string `json:"group,omitempty"`
	// Attempts to make.
	Attempts int `json:"attempts"`
	// Created in real time. It tells a webhook from an earlier one of its id.
	Created time.Time `json:"created"`
	// Secret that signs; none when it can not be opened. It is never logged or
	// told.
	Secret []byte `json:"-"`
}

// DefaultTypes are those of a webhook that names none: what a user must act on
// or wants to know of a group.
func DefaultTypes() []string {
	return append([]string{"muster.instance.interruption_notice", "muster.instance.interrupted"}, events.Groups().Types()...)
}

// KnownType tells whether there are events of a type.
func KnownType(eventType string) bool {
	return slices.Contains(events.Instances().Types(), eventType) || slices.Contains(events.Groups().Types(), eventType)
}

// checkURL refuses what nothing can be, or may be, sent to.
func checkURL(text string, privately bool) error {
	parsed, err := url.Parse(text)
	switch {
	case err != nil || parsed.Scheme != "http" && parsed.Scheme != "https" || parsed.Hostname() == "":
		return errors.New("must be an http or https URL")
	case parsed.User != nil:
		return errors.New("must be a URL without user and password")
	case parsed.Fragment != "":
		return errors.New("must be a URL without fragment")
	case !privately && namesPrivate(parsed):
		return errors.New("must be of a public address, unless the health check is told that webhooks may go to private ones")
	default:
		return nil
	}
}

// durable is the name of the consumers of a webhook, and of no other one's.
func (h *Hook) durable() string {
	sum := sha256.Sum256([]byte(h.Account + "/" + h.ID + "/" + strconv.FormatInt(h.Created.UnixNano(), 10)))
	return "webhook-" + strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:15]))
}

// keyOf is the key of a webhook in the bucket.
func keyOf(account, id string) string { return events.AccountToken(account) + "." + id }

// key of the webhook in the bucket.
func (h *Hook) key() string { return keyOf(h.Account, h.ID) }

// subjects are those of a schema's events that the webhook is sent.
func subjects[E events.Event](h *Hook, schema events.Schema[E]) []string {
	var all []string
	for _, eventType := range h.Types {
		if subject, ok := schema.SubjectOf(h.Account, h.Group, eventType); ok {
			all = append(all, subject)
		}
	}
	return all
}

// Bounds of the delay before an event is sent again.
const (
	minDelay = time.Second
	maxDelay = 15 * time.Minute
)

// delayAfter is how long to wait after so many attempts, 1 and up: twice as long
// each time, and a part of it that differs by event and attempt, so that what
// failed together does not come back together.
func delayAfter(attempts int, eventID string) time.Duration {
	delay := minDelay << min(attempts-1, 20)
	delay = min(delay, maxDelay)
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(eventID + "/" + strconv.Itoa(attempts))) // never fails
	const grain = 1 << 10
	return delay/2 + delay*time.Duration(hash.Sum64()%grain)/(2*grain)
}
