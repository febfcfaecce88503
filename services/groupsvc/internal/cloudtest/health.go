package cloudtest

import (
	"context"
	"maps"
	"slices"
	"sync"

	"google.golang.org/protobuf/types/known/timestamppb"

	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
)

// Health finds those instances unhealthy that a test says are.
type Health struct {
	healthv1.UnimplementedHealthServiceServer
	// Cloud has the instances.
	Cloud *Cloud

	mu sync.Mutex
	// Guarded by mu.
	unhealthy map[string]*healthv1.HealthVerdict
	fault     func(context.Context) error
}

// Break has a function, unless nil, tell from now on whether a call fails; it
// may wait.
func (h *Health) Break(fault func(context.Context) error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fault = fault
}

// Set says of an instance that it is unhealthy, or well again for an empty
// reason.
func (h *Health) Set(id, reason, message string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.unhealthy == nil {
		h.unhealthy = map[string]*healthv1.HealthVerdict{}
	}
	if reason == "" {
		delete(h.unhealthy, id)
		return
	}
	h.unhealthy[id] = &healthv1.HealthVerdict{
		InstanceId: id, Status: healthv1.HealthStatus_HEALTH_STATUS_UNHEALTHY, Reason: reason, Message: message,
		SinceTime: timestamppb.New(h.Cloud.Clock.Now()),
	}
}

// ListVerdicts implements HealthService.
func (h *Health) ListVerdicts(ctx context.Context, _ *healthv1.ListVerdictsRequest) (*healthv1.ListVerdictsResponse, error) {
	h.mu.Lock()
	fault := h.fault
	h.mu.Unlock()
	if fault != nil {
		if err := fault(ctx); err != nil {
			return nil, err
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	response := &healthv1.ListVerdictsResponse{}
	for _, id := range slices.Sorted(maps.Keys(h.unhealthy)) {
		response.Verdicts = append(response.Verdicts, h.unhealthy[id])
	}
	return response, nil
}
