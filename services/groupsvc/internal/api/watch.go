package api

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc"

	"github.com/seed-198b1370/muster/pkg/rpc"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

const (
	// watchPoll is how often watched groups are read when nothing in this process
	// tells of a change: another process may have made one.
	watchPoll = 500 * time.Millisecond
	// watchPause is how long a watch waits at least before it reads them again.
	watchPause = 50 * time.Millisecond
)

// watchCursor is the kind of the token that a cursor is.
const watchCursor = "watch"

// WatchGroup implements GroupService. It holds nothing back: what is sent is what
// is stored at that moment, so that whoever reads slowly misses states between
// and no latest one.
func (h *Handler) WatchGroup(req *groupv1.WatchGroupRequest, stream grpc.ServerStreamingServer[groupv1.WatchGroupResponse]) error {
	seen, ok := decodeCursor(req.GetCursor())
	if !ok {
		var violations rpc.Violations
		violations.Add("cursor", req.GetCursor(), "must be a cursor of WatchGroup")
		return violations.ErrWithReason(groupv1.ErrorReason_ERROR_REASON_INVALID_TOKEN, nil)
	}
	maps.DeleteFunc(seen, func(id string, _ int64) bool { return !slices.Contains(req.GetGroupIds(), id) })
	for {
		progress := h.Control.Progress() // before reading: what comes after is not missed
		for _, id := range req.GetGroupIds() {
			if err := h.tellChanged(stream, id, seen); err != nil {
				return err
			}
		}
		if err := h.awaitChange(stream.Context(), progress); err != nil {
			return err
		}
	}
}

// tellChanged sends a group if it is not at the version that was seen last.
func (h *Handler) tellChanged(stream grpc.ServerStreamingServer[groupv1.WatchGroupResponse], id string, seen map[string]int64) error {
	record, err := h.read(stream.Context(), id)
	if err != nil {
		return err
	}
	version := record.Group.GetVersion() - record.Group.GetReportWrites() // as its etag
	if version == seen[id] {
		return nil
	}
	seen[id] = version
	return stream.Send(&groupv1.WatchGroupResponse{Group: show(record), Cursor: encodeCursor(seen)})
}

// awaitChange waits for a look to end in this process, or for as long as changes
// by others may go untold. It waits in real time, for people watch while the
// clock stands, too.
func (h *Handler) awaitChange(ctx context.Context, progress <-chan struct{}) error {
	poll := h.Wall.NewTimer(h.Wall.Now().Add(watchPoll))
	defer poll.Stop()
	pause := h.Wall.NewTimer(h.Wall.Now().Add(watchPause))
	defer pause.Stop()
	select {
	case <-progress:
	case <-poll.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-pause.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// encodeCursor writes which version of each group was seen.
func encodeCursor(seen map[string]int64) string {
	parts := make([]string, 0, len(seen))
	for _, id := range slices.Sorted(maps.Keys(seen)) {
		parts = append(parts, id+"="+strconv.FormatInt(seen[id], 10))
	}
	return rpc.EncodePageToken(watchCursor, strings.Join(parts, " "))
}

// decodeCursor reads what encodeCursor wrote. It is false for anything else.
func decodeCursor(cursor string) (map[string]int64, bool) {
	seen := map[string]int64{}
	text, ok := rpc.DecodePageToken(watchCursor, cursor)
	if !ok || text == "" {
		return seen, ok
	}
	for _, part := range strings.Split(text, " ") {
		id, version, _ := strings.Cut(part, "=")
		number, err := strconv.ParseInt(version, 10, 64)
		if id == "" || err != nil || number < 1 {
			return nil, false
		}
		seen[id] = number
	}
	return seen, true
}
