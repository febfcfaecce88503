package cli

import (
	"context"
	"errors"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// anew tells of a stream whose positions are no longer what they were.
const anew = "began anew; going on from its start"

// A follower follows a stream across its ends.
type follower struct {
	what string // the stream, for people
	err  io.Writer
	away outage
	// follow shows what comes until the stream ends, and returns why it did. It
	// calls alive at each response.
	follow func(ctx context.Context, alive func()) error
	// lost tells, in words, that the position to go on from is refused, after it
	// was changed to one that is not. It is empty for any other error.
	lost func(err error) string
}

// run follows until the context ends or the stream is refused. One that never
// was there is not waited for.
func (f *follower) run(ctx context.Context) error {
	established := false
	for {
		err := f.follow(ctx, func() {
			established = true
			f.away.over()
		})
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !established {
			return err
		}
		if why := f.lost(err); why != "" {
			say(f.err, "muster: "+f.what+" "+why)
			continue
		}
		if !isPassing(err) {
			return err
		}
		if err := f.away.pause(ctx); err != nil {
			return err
		}
	}
}

// receive hands on what comes until a stream ends, and returns why it did: never
// nil.
func receive[R any](stream grpc.ServerStreamingClient[R], each func(*R) error) error {
	for {
		next, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return status.Error(codes.Unavailable, "the stream ended")
		}
		if err == nil {
			err = each(next)
		}
		if err != nil {
			return err
		}
	}
}
