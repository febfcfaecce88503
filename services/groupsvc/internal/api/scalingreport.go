package api

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/seed-198b1370/muster/pkg/rpc"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
	"github.com/seed-198b1370/muster/services/groupsvc/scale"
)

// maxReportIDs is how many request ids of reports a group remembers.
const maxReportIDs = 32

// ReportMetric implements ScalingService. It makes the group due when a period
// that it has counted to is judged, and writes nothing when it counts for no
// task.
func (s *scaling) ReportMetric(ctx context.Context, req *groupv1.ReportMetricRequest) (*groupv1.ReportMetricResponse, error) {
	for range maxAttempts {
		record, err := s.read(ctx, req.GetGroupId())
		if err != nil {
			return nil, err
		}
		now := s.Clock.Now()
		resp, counted, err := report(record.Group, req, now)
		if err != nil || !counted {
			return resp, err
		}
		record.Group.ReportWrites++
		err = s.Store.Save(ctx, store.Change{
			Account: rpc.AccountOf(ctx), Group: record.Group, Wake: scale.NextOf(record.Group.GetScalingTasks()),
		})
		switch {
		case err == nil:
			s.Control.Nudge()
			return resp, nil
		case !errors.Is(err, store.ErrConflict):
			return nil, fmt.Errorf("count a report: %w", err)
		}
	}
	return nil, status.Error(codes.Aborted, "the group is being changed by others all the time; try again")
}

// report counts the samples of a request for the tasks of a group, and tells
// whether any counted.
func report(stored *storagev1.StoredGroup, req *groupv1.ReportMetricRequest, now time.Time) (*groupv1.ReportMetricResponse, bool, error) {
	if err := checkLiving(stored); err != nil {
		return nil, false, err
	}
	resp, counted := &groupv1.ReportMetricResponse{}, false
	var violations rpc.Violations
	repeated := slices.Contains(stored.GetReportIds(), reportID(req))
	for i, sample := range req.GetSamples() {
		followers := followersOf(stored, sample.GetMetric())
		if len(followers) == 0 {
			if !slices.Contains(resp.GetUnusedMetrics(), sample.GetMetric()) {
				resp.UnusedMetrics = append(resp.UnusedMetrics, sample.GetMetric())
			}
			continue
		}
		if repeated {
			continue // its times may be too old by now
		}
		counted = true
		count(&violations, fmt.Sprintf("samples[%d].time", i), followers, sample, now)
	}
	if err := violations.Err(); err != nil {
		return nil, false, err
	}
	if counted && req.GetRequestId() != "" {
		stored.ReportIds = append(stored.ReportIds, reportID(req))
		stored.ReportIds = stored.ReportIds[max(0, len(stored.ReportIds)-maxReportIDs):]
	}
	return resp, counted, nil
}

// count counts one sample for the tasks that follow its metric, or tells why its
// time can not be counted.
func count(violations *rpc.Violations, field string, followers []*storagev1.ScalingTaskState, sample *groupv1.MetricSample, now time.Time) {
	at := now
	if sample.GetTime() != nil {
		at = sample.GetTime().AsTime()
	}
	if at.After(now) {
		violations.Add(field, rpc.Literal(timeText(sample.GetTime())), "must not be later than now, which is "+now.Format(time.RFC3339))
		return
	}
	oldest := now
	for _, state := range followers {
		from := scale.TakesFrom(state.GetTask(), now)
		if from.Before(oldest) {
			oldest = from
		}
		if !at.Before(from) {
			scale.Observe(state, sample.GetValue(), at, now)
		}
	}
	if at.Before(oldest) {
		violations.Add(field, rpc.Literal(timeText(sample.GetTime())), "must not be before "+oldest.Format(time.RFC3339)+": what was measured then has been judged")
	}
}

// followersOf are the tasks of a group that follow a metric.
func followersOf(stored *storagev1.StoredGroup, metric string) []*storagev1.ScalingTaskState {
	var followers []*storagev1.ScalingTaskState
	for _, state := range stored.GetScalingTasks() {
		if name, _ := scale.MetricOf(state.GetTask()); name != "" && name == metric {
			followers = append(followers, state)
		}
	}
	return followers
}

// reportID is what a group remembers of the request id of a report; 0 without
// one.
func reportID(req *groupv1.ReportMetricRequest) uint64 {
	if req.GetRequestId() == "" {
		return 0
	}
	sum := sha256.Sum256([]byte(req.GetRequestId()))
	return binary.BigEndian.Uint64(sum[:])
}
