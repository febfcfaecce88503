//go:build !without_nats_server

package natsserver

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
)

// logger passes what the server has to say to slog: warnings and errors. The
// rest is for those who develop it.
type logger struct {
	log *slog.Logger

	mu sync.Mutex
	// Guarded by mu.
	ready bool  // Start has returned, so that fatal messages have no other way out
	ended error // the first fatal message
}

func (l *logger) Noticef(string, ...any) {}
func (l *logger) Debugf(string, ...any)  {}
func (l *logger) Tracef(string, ...any)  {}

func (l *logger) Warnf(format string, values ...any) {
	l.log.Warn("NATS server", "message", fmt.Sprintf(format, values...))
}

func (l *logger) Errorf(format string, values ...any) {
	l.log.Error("NATS server", "message", fmt.Sprintf(format, values...))
}

// Fatalf keeps the first message, so that Start can return it. The process goes
// on: its end is not for a library to decide.
func (l *logger) Fatalf(format string, values ...any) {
	message := fmt.Sprintf(format, values...)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ready || l.ended != nil {
		l.log.Error("NATS server", "message", message)
		return
	}
	l.ended = errors.New(message)
}

func (l *logger) fatal() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ended
}

// started tells that Start returns without an error.
func (l *logger) started() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ready = true
}
