package metadata

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Headers of hardened mode.
const (
	tokenHeader = "X-aliyun-ecs-metadata-token" //nolint:gosec // a name, no token
	ttlHeader   = "X-aliyun-ecs-metadata-token-ttl-seconds"
)

// maxTTL is how long a token can hold at most, in seconds.
const maxTTL = 21_600

// maxName is how long an instance id or a path can be, in bytes; longer ones are
// not looked up.
const maxName = 256

// ErrNotFound is an instance that is not there.
var ErrNotFound = errors.New("there is no such instance")

// A Handler answers instances. It is safe for concurrent use.
type Handler struct {
	find func(ctx context.Context, instanceID string) (Instance, error)
	now  func() time.Time
	keys keyring
	mux  *http.ServeMux
}

// New makes a handler. Find tells about an instance, whoever owns it, or fails
// with [ErrNotFound]; now tells the time of the cloud, by which tokens end; the
// key proves tokens and should be random.
func New(find func(ctx context.Context, instanceID string) (Instance, error), now func() time.Time, key []byte) *Handler {
	h := &Handler{find: find, now: now, keys: keyring{key}, mux: http.NewServeMux()}
	h.mux.HandleFunc("GET /{instance}/latest/{$}", h.folder)
	h.mux.HandleFunc("GET /{instance}/latest/user-data", h.userData)
	h.mux.HandleFunc("GET /{instance}/latest/meta-data/{path...}", h.item)
	h.mux.HandleFunc("PUT /{instance}/latest/api/token", h.token)
	return h
}

// ServeHTTP implements [http.Handler].
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if len(r.URL.Path) > 2*maxName {
		http.NotFound(w, r)
		return
	}
	h.mux.ServeHTTP(w, r)
}

func (h *Handler) item(w http.ResponseWriter, r *http.Request) {
	instance, ok := h.caller(w, r)
	if !ok {
		return
	}
	text, ok := instance.find(r.PathValue("path"))
	if !ok {
		http.NotFound(w, r)
		return
	}
	write(w, text)
}

// folder lists what an instance can ask for.
func (h *Handler) folder(w http.ResponseWriter, r *http.Request) {
	instance, ok := h.caller(w, r)
	if !ok {
		return
	}
	names := []string{"api/", "meta-data/"}
	if instance.UserData != "" {
		names = append(names, "user-data")
	}
	write(w, strings.Join(names, "\n"))
}

// userData tells an instance what its launch left for it, as it was before it
// was encoded.
func (h *Handler) userData(w http.ResponseWriter, r *http.Request) {
	instance, ok := h.caller(w, r)
	if !ok {
		return
	}
	raw, err := base64.StdEncoding.DecodeString(instance.UserData)
	if err != nil || len(raw) == 0 {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Cache-Control", "no-store")
	// Whoever has gone needs no answer.
	_, _ = w.Write(raw)
}

// token gives an instance a token.
func (h *Handler) token(w http.ResponseWriter, r *http.Request) {
	seconds, err := strconv.Atoi(r.Header.Get(ttlHeader))
	if err != nil || seconds < 1 || seconds > maxTTL {
		http.Error(w, "the header "+ttlHeader+" must be 1 to "+strconv.Itoa(maxTTL), http.StatusBadRequest)
		return
	}
	instance, ok := h.named(w, r)
	if !ok {
		return
	}
	w.Header().Set(ttlHeader, strconv.Itoa(seconds))
	write(w, h.keys.make(instance.ID, h.now().Add(time.Duration(seconds)*time.Second)))
}

// caller finds the instance that a request names. It answers the request itself
// when there is none, when a token is sent that does not hold, or when none is
// and the instance is told something only with one.
func (h *Handler) caller(w http.ResponseWriter, r *http.Request) (Instance, bool) {
	id, tokens := r.PathValue("instance"), r.Header.Values(tokenHeader)
	if len(tokens) > 0 && !h.keys.holds(tokens[0], id, h.now()) {
		http.Error(w, "the token is not one of this instance, or has ended", http.StatusForbidden)
		return Instance{}, false
	}
	instance, ok := h.named(w, r)
	if ok && instance.TokensRequired && len(tokens) == 0 {
		http.Error(w, "this instance is told something only with a token: PUT /"+id+"/latest/api/token gives one, to be sent as "+tokenHeader, http.StatusForbidden)
		return Instance{}, false
	}
	return instance, ok
}

// named finds the instance that a request names, or answers the request.
func (h *Handler) named(w http.ResponseWriter, r *http.Request) (Instance, bool) {
	id := r.PathValue("instance")
	if len(id) > maxName {
		http.NotFound(w, r)
		return Instance{}, false
	}
	instance, err := h.find(r.Context(), id)
	switch {
	case errors.Is(err, ErrNotFound):
		http.NotFound(w, r)
	case err != nil:
		http.Error(w, "the simulated cloud does not answer; try again", http.StatusServiceUnavailable)
	}
	return instance, err == nil
}

func write(w http.ResponseWriter, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	// Whoever has gone needs no answer.
	_, _ = io.WriteString(w, text) //nolint:gosec // plain text, which no browser runs
}

// listing writes names, one a line, in ascending order.
func listing(names map[string]bool) string {
	return strings.Join(slices.Sorted(maps.Keys(names)), "\n")
}
