package events

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	// watchBuffer bounds the events that a watch holds for a slow reader.
	watchBuffer = 256
	// watchIdle is after how long the server forgets a watch that asks for
	// nothing more.
	watchIdle = 10 * time.Second
	// watchPatience is for how long a watch tries to go on before it gives up:
	// enough for a server that restarts, short enough to tell the reader that
	// the stream is away.
	watchPatience = 6 * time.Second
	// watchCall bounds one question to the server.
	watchCall = 5 * time.Second
)

// ErrUnavailable is returned when the stream can not be read now.
var ErrUnavailable = errors.New("event stream can not be read")

// errMadeAnew ends a watch of a stream that is no more.
var errMadeAnew = errors.New("stream was made anew")

// WatchOptions tells where a watch begins and what it shows.
type WatchOptions struct {
	// Cursor to go on from, as it was given by a watch. Empty: see FromStart.
	Cursor string
	// FromStart begins, without a cursor, with the oldest event that is kept,
	// else with the next one to come.
	FromStart bool
	// Since begins, without a cursor, with the first event that happened then or
	// later, as events tell their times; zero for nothing of the kind.
	Since time.Time
	// Subjects picks events: subjects of the schema, as of [Filter.Subjects].
	// Empty: all.
	Subjects []string
	// Log takes messages that are no events, and interruptions; nil discards
	// them.
	Log *slog.Logger
}

// Watch sends the stream's events, in its order, from a place on and then as
// they come, each with the cursor that goes on after it. It first sends nil,
// once the watch is established: whatever is published after that is sent.
//
// It returns the context's error when the context ends, the error of send as
// soon as there is one, [ErrBadCursor], and [ErrUnavailable] with its cause when the stream can not
// be read, at first or for more than a few seconds later. Events older than
// what the stream keeps are passed over.
func Watch[E Event](ctx context.Context, js jetstream.JetStream, schema Schema[E], options WatchOptions, send func(event E, cursor string) error) error {
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	if len(options.Subjects) == 0 {
		options.Subjects = []string{schema.Subjects()}
	}
	w := &watch[E]{js: js, schema: schema, subjects: options.Subjects, since: options.Since, log: options.Log, send: send}
	if err := w.locate(ctx, options); err != nil {
		return err
	}
	reader, err := w.open(ctx)
	if err != nil {
		return w.giveUp(ctx, err)
	}
	var none E
	if err := send(none, w.at.cursor()); err != nil {
		reader.Close()
		return err
	}
	return w.run(ctx, reader)
}

// watch is one call of Watch.
type watch[E Event] struct {
	js       jetstream.JetStream
	schema   Schema[E]
	subjects []string
	since    time.Time // what happened before is passed over
	log      *slog.Logger
	send     func(E, string) error

	at        position // the last message that was dealt with
	delivered uint64   // the last message's number in its consumer
}

// locate finds where to begin.
func (w *watch[E]) locate(ctx context.Context, options WatchOptions) error {
	incarnation, state, err := w.stream(ctx)
	if err != nil {
		return w.giveUp(ctx, err)
	}
	switch {
	case options.Cursor != "":
		if w.at, err = parseCursor(options.Cursor); err != nil {
			return err
		}
		if w.at.incarnation != incarnation || w.at.sequence > state.LastSeq {
			return ErrBadCursor
		}
	case !options.Since.IsZero():
		w.at = position{incarnation: incarnation}
		if w.at.sequence, err = w.before(ctx, state); err != nil {
			return w.giveUp(ctx, err)
		}
	case options.FromStart:
		w.at = position{incarnation: incarnation}
	default:
		w.at = position{incarnation: incarnation, sequence: state.LastSeq}
	}
	return nil
}

// stream asks which incarnation of the stream there is and how far it has come.
func (w *watch[E]) stream(ctx context.Context) (incarnation int64, state jetstream.StreamState, err error) {
	ctx, cancel := context.WithTimeout(ctx, watchCall)
	defer cancel()
	stream, err := w.js.Stream(ctx, w.schema.stream)
	if err != nil {
		return 0, state, fmt.Errorf("look at stream: %w", err)
	}
	info := stream.CachedInfo()
	return info.Created.UnixNano(), info.State, nil
}

// before finds the last message that is before the time to begin at. Events are
// nearly in the order of their times, so halving finds it.
func (w *watch[E]) before(ctx context.Context, state jetstream.StreamState) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, watchCall)
	defer cancel()
	stream, err := w.js.Stream(ctx, w.schema.stream)
	if err != nil {
		return 0, fmt.Errorf("look at stream: %w", err)
	}
	low, high := max(state.FirstSeq, 1)-1, state.LastSeq // low is before; what is after high is not
	for low < high {
		middle := low + (high-low+1)/2
		at, found := middle, false
		for ; at > low && !found; at-- { // past what is gone or no event
			var is bool
			if is, found, err = w.isBefore(ctx, stream, at); err != nil {
				return 0, err
			}
			if found && !is {
				high = at - 1
			}
		}
		if high >= middle {
			low = middle
		}
	}
	return low, nil
}

// isBefore tells whether a message is of an event before the time to begin at,
// or that it is of none.
func (w *watch[E]) isBefore(ctx context.Context, stream jetstream.Stream, sequence uint64) (is, found bool, err error) {
	msg, err := stream.GetMsg(ctx, sequence)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return false, false, nil
	}
	if err != nil {
		return false, false, fmt.Errorf("look at event: %w", err)
	}
	received, err := w.schema.decode(msg.Subject, msg.Header, msg.Data)
	if err != nil {
		return false, false, nil //nolint:nilerr // it is no event
	}
	return received.Event.GetTime().AsTime().Before(w.since), true, nil
}

// open asks for the messages after the position.
func (w *watch[E]) open(ctx context.Context) (*Reader, error) {
	ctx, cancel := context.WithTimeout(ctx, watchCall)
	defer cancel()
	consumer, err := w.js.CreateConsumer(ctx, w.schema.stream, jetstream.ConsumerConfig{
		FilterSubjects:    w.subjects,
		DeliverPolicy:     jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:       w.at.sequence + 1,
		AckPolicy:         jetstream.AckNonePolicy,
		MemoryStorage:     true,
		Replicas:          1,
		InactiveThreshold: watchIdle,
	})
	if err != nil {
		return nil, fmt.Errorf("make consumer: %w", err)
	}
	w.delivered = 0
	return NewReader(w.js, consumer, watchBuffer)
}

// run sends what comes, and goes on where it stopped when reading fails.
func (w *watch[E]) run(ctx context.Context, reader *Reader) error {
	retry := newBackoff()
	for {
		before := w.at
		err := w.drain(ctx, reader)
		var sendErr *sendError
		switch {
		case errors.As(err, &sendErr):
			return sendErr.error
		case ctx.Err() != nil:
			return ctx.Err()
		}
		if w.at != before {
			retry.reset()
		}
		if reader, err = w.resume(ctx, retry, err); err != nil {
			return err
		}
	}
}

// resume opens the stream again after a failure, or gives up in the end.
func (w *watch[E]) resume(ctx context.Context, retry *backoff, cause error) (*Reader, error) {
	patient, cancel := context.WithTimeout(ctx, watchPatience)
	defer cancel()
	for {
		if w.js.Conn().IsClosed() || retry.wait(patient) != nil {
			return nil, w.giveUp(ctx, cause)
		}
		reader, err := w.reopen(patient)
		switch {
		case err == nil:
			return reader, nil
		case errors.Is(err, errMadeAnew):
			return nil, w.giveUp(ctx, err)
		}
		cause = err
	}
}

// reopen is open for a stream that was read before and may be another now.
func (w *watch[E]) reopen(ctx context.Context) (*Reader, error) {
	incarnation, _, err := w.stream(ctx)
	if err != nil {
		return nil, err
	}
	if incarnation != w.at.incarnation {
		return nil, errMadeAnew
	}
	return w.open(ctx)
}

// drain sends messages until reading or sending fails, and frees them.
func (w *watch[E]) drain(ctx context.Context, reader *Reader) error {
	defer reader.Close()
	for {
		msg, err := reader.Next(ctx)
		if err != nil {
			return err
		}
		meta, err := msg.Metadata()
		if err != nil {
			return fmt.Errorf("read event: %w", err)
		}
		if meta.Sequence.Consumer != w.delivered+1 {
			return errors.New("read event: one was lost on the way")
		}
		w.delivered = meta.Sequence.Consumer
		w.at.sequence = meta.Sequence.Stream
		received, err := w.schema.DecodeStored(msg)
		if err != nil {
			if !errors.Is(err, ErrUnknownKind) {
				w.log.WarnContext(ctx, "message is no event and is passed over", "subject", msg.Subject(), "error", err)
			}
			continue
		}
		if received.Event.GetTime().AsTime().Before(w.since) {
			continue // out of order, or between the messages that were looked at
		}
		if err := w.send(received.Event, w.at.cursor()); err != nil {
			return &sendError{err}
		}
	}
}

// sendError marks what send returned.
type sendError struct{ error }

// giveUp makes the error of a stream that can not be read.
func (w *watch[E]) giveUp(ctx context.Context, cause error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	w.log.WarnContext(ctx, "event stream can not be read", "error", cause)
	return fmt.Errorf("%w: %w", ErrUnavailable, cause)
}
