package e2e_test

import (
	"testing"

	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"

	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/test/system"
)

// S7: what a client is told is what the fleet's journal holds, in order for
// each instance.
func TestEvents_equalTheFleetsJournal(t *testing.T) {
	inEach(t, system.Options{Speed: 1200}, func(t *testing.T, s *system.System) {
		group := create(t, s, &groupv1.CreateGroupRequest{Spec: maintainSpec(2, 12)})
		s.AwaitFulfilled(t, group.GetGroupId())
		reclaimed := reclaimBiggestPool(t, s, group.GetGroupId())
		awaitReplaced(t, s, group, reclaimed)
		s.AwaitFulfilled(t, group.GetGroupId())
		s.AssertEvents(t, group.GetGroupId())
	})
}

// Clients without proto files find the services, and each tells that it is
// served.
func TestReflectionAndHealth(t *testing.T) {
	inEach(t, system.Options{}, func(t *testing.T, s *system.System) {
		want := map[string]bool{
			"muster.fleet.v1.FleetService": true, "muster.fleet.v1.SimulationService": true, "muster.allocator.v1.AllocatorService": true,
			"muster.group.v1.GroupService": true, "muster.health.v1.HealthService": true,
		}
		for _, conn := range s.Conns {
			for _, name := range services(t, conn) {
				if !want[name] {
					continue
				}
				delete(want, name)
				check, err := healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{Service: name})
				if err != nil || check.GetStatus() != healthpb.HealthCheckResponse_SERVING {
					t.Errorf("%s: health is %v, %v", name, check.GetStatus(), err)
				}
			}
		}
		if len(want) > 0 {
			t.Errorf("reflection does not tell of %v", want)
		}
	})
}

func services(t *testing.T, conn *grpc.ClientConn) []string {
	t.Helper()
	stream, err := reflectionpb.NewServerReflectionClient(conn).ServerReflectionInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&reflectionpb.ServerReflectionRequest{MessageRequest: &reflectionpb.ServerReflectionRequest_ListServices{}}); err != nil {
		t.Fatal(err)
	}
	answer, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, service := range answer.GetListServicesResponse().GetService() {
		names = append(names, service.GetName())
	}
	return names
}
