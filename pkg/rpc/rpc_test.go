package rpc_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fleet answers ListZones with an error of the test's choosing.
type fleet struct {
	fleetv1.UnimplementedFleetServiceServer
	listZones func(context.Context) error
}

func (f *fleet) ListZones(ctx context.Context, _ *fleetv1.ListZonesRequest) (*fleetv1.ListZonesResponse, error) {
	return &fleetv1.ListZonesResponse{}, f.listZones(ctx)
}

func (f *fleet) WatchPools(_ *fleetv1.WatchPoolsRequest, stream grpc.ServerStreamingServer[fleetv1.WatchPoolsResponse]) error {
	if err := stream.Send(&fleetv1.WatchPoolsResponse{}); err != nil {
		return err
	}
	<-stream.Context().Done()
	return nil
}

func (f *fleet) RunInstances(context.Context, *fleetv1.RunInstancesRequest) (*fleetv1.RunInstancesResponse, error) {
	panic("a secret")
}

// serve runs a server until the test ends and returns a connection to it and a
// way to stop it early.
func serve(t *testing.T, f *fleet) (*grpc.ClientConn, func() error) {
	t.Helper()
	validator, err := rpc.NewValidator()
	if err != nil {
		t.Fatal(err)
	}
	server := rpc.NewServer(validator, slog.New(slog.DiscardHandler))
	fleetv1.RegisterFleetServiceServer(server, f)
	local := rpc.NewLocal()
	conn, err := local.Dial()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx, 50*time.Millisecond, local) }()
	stopped := false
	stop := func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		return <-ended
	}
	t.Cleanup(func() {
		if err := errors.Join(stop(), conn.Close()); err != nil {
			t.Error(err)
		}
	})
	return conn, stop
}

func TestErrors_leakNothing(t *testing.T) {
	f := &fleet{}
	conn, _ := serve(t, f)
	client := fleetv1.NewFleetServiceClient(conn)
	for name, test := range map[string]struct {
		err  error
		code codes.Code
	}{
		"driver text":           {errors.New("dial tcp 10.0.0.1:6379: a secret"), codes.Internal},
		"status of a service":   {fmt.Errorf("ask: %w", status.Error(codes.NotFound, "a secret")), codes.Internal},
		"own status":            {status.Error(codes.NotFound, "no such zone"), codes.NotFound},
		"cancelled inside":      {fmt.Errorf("a secret: %w", context.Canceled), codes.Canceled},
		"deadline passed below": {fmt.Errorf("a secret: %w", context.DeadlineExceeded), codes.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			f.listZones = func(context.Context) error { return test.err }
			_, err := client.ListZones(t.Context(), &fleetv1.ListZonesRequest{})
			if status.Code(err) != test.code || strings.Contains(err.Error(), "secret") {
				t.Errorf("got %v, want code %v and no secret", err, test.code)
			}
		})
	}
}

func TestPanic_isInternal(t *testing.T) {
	conn, _ := serve(t, &fleet{})
	_, err := fleetv1.NewFleetServiceClient(conn).RunInstances(t.Context(), &fleetv1.RunInstancesRequest{
		RequestId: "r", ZoneId: "z", InstanceType: "t", BillingMethod: fleetv1.BillingMethod_BILLING_METHOD_SPOT, Amount: 1,
	})
	if status.Code(err) != codes.Internal || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v", err)
	}
}

func TestValidation_namesEveryFieldValueAndRule(t *testing.T) {
	conn, _ := serve(t, &fleet{})
	_, err := fleetv1.NewFleetServiceClient(conn).RunInstances(t.Context(), &fleetv1.RunInstancesRequest{
		RequestId: "with space", Amount: 101, MinAmount: 102, MaxPriceMicrosPerHour: -5,
	})
	if status.Code(err) != codes.InvalidArgument {
		t.Fatalf("got %v, want INVALID_ARGUMENT", err)
	}
	got := map[string]string{}
	for _, violation := range rpc.FieldViolations(err) {
		got[violation.GetField()] = violation.GetDescription()
	}
	for field, value := range map[string]string{
		"request_id": `"with space"`, "zone_id": `""`, "instance_type": `""`,
		"billing_method": "0", "amount": "101", "max_price_micros_per_hour": "-5",
		"min_amount": "102",
	} {
		if description := got[field]; !strings.HasSuffix(description, "got "+value) {
			t.Errorf("violation of %s is %q, want one that ends in its value %s", field, description, value)
		}
	}
}

// Check implements rpc.Checker: zones are called z.
func (f *fleet) Check(_ context.Context, request proto.Message, violations *rpc.Violations) {
	if run, ok := request.(*fleetv1.RunInstancesRequest); ok && run.GetZoneId() != "z" {
		violations.Add("zone_id", run.GetZoneId(), "must be z")
		violations.Add("tags", rpc.Literal("no tags"), "must be some")
	}
}

func TestValidation_asksTheServiceToo(t *testing.T) {
	conn, _ := serve(t, &fleet{})
	client := fleetv1.NewFleetServiceClient(conn)
	request := &fleetv1.RunInstancesRequest{
		RequestId: "r", ZoneId: "x", InstanceType: "", BillingMethod: fleetv1.BillingMethod_BILLING_METHOD_SPOT, Amount: 1,
	}
	for zone, want := range map[string][]string{
		"x": {`instance_type: must not be empty, got ""`, `zone_id: must be z, got "x"`, "tags: must be some, got no tags"},
		"": { // of the zone the contract has told
			`zone_id: must not be empty, got ""`, `instance_type: must not be empty, got ""`, "tags: must be some, got no tags",
		},
		"z": {`instance_type: must not be empty, got ""`},
	} {
		request.ZoneId = zone
		_, err := client.RunInstances(t.Context(), request)
		if got := status.Convert(err).Message(); status.Code(err) != codes.InvalidArgument || got != strings.Join(want, "; ") {
			t.Errorf("zone %q: got %v, want %q", zone, err, want)
		}
	}
	request.ZoneId, request.InstanceType = "x", "t"
	if _, err := client.RunInstances(t.Context(), request); status.Code(err) != codes.Internal {
		t.Errorf("a request that keeps its contract got %v, want the handler's answer", err)
	}
}

func TestValidation_saysWhatWouldBeRight(t *testing.T) {
	validator, err := rpc.NewValidator()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		request proto.Message
		want    string
	}{
		{
			&fleetv1.RunInstancesRequest{RequestId: "a b", ZoneId: "z", InstanceType: "t", BillingMethod: 7, Amount: 1},
			`request_id: must be 1 to 64 printable ASCII characters without space, got "a b"; ` +
				"billing_method: must be one of BILLING_METHOD_PAY_AS_YOU_GO, BILLING_METHOD_SPOT, got 7",
		},
		{
			&fleetv1.RunInstancesRequest{RequestId: "r", ZoneId: "z", InstanceType: "t", Amount: 1},
			"billing_method: must be one of BILLING_METHOD_PAY_AS_YOU_GO, BILLING_METHOD_SPOT, got 0",
		},
		{
			&fleetv1.ListPoolsRequest{BillingMethod: 7},
			"billing_method: must be one of BILLING_METHOD_UNSPECIFIED, BILLING_METHOD_PAY_AS_YOU_GO, BILLING_METHOD_SPOT, got 7",
		},
		{
			&fleetv1.ListPoolsRequest{ZoneIds: []string{"z", ""}},
			`zone_ids[1]: must not be empty, got ""`,
		},
		{
			&fleetv1.ReclaimInstancesRequest{MaxInstances: 5},
			"target: exactly one must be given of instances, pools, got nothing",
		},
		{
			&healthv1.WatchInstanceEventsRequest{GroupId: "a b"},
			`group_id: must match ^[A-Za-z0-9_-]*$, got "a b"`,
		},
		{
			&fleetv1.DrainPoolsRequest{},
			"pools: must be given, got nothing",
		},
		{
			&fleetv1.DeleteInstancesRequest{},
			"instance_ids: must contain at least 1 item(s), got 0 items",
		},
		{
			&fleetv1.ListInstancesRequest{Statuses: []fleetv1.InstanceStatus{99}},
			"statuses[0]: must be one of INSTANCE_STATUS_PENDING, INSTANCE_STATUS_STARTING, INSTANCE_STATUS_RUNNING, " +
				"INSTANCE_STATUS_STOPPING, INSTANCE_STATUS_STOPPED, INSTANCE_STATUS_RELEASED, got 99",
		},
		{
			&fleetv1.StopInstancesRequest{InstanceIds: []string{"i"}, BestEffort: true, RequestId: "x"},
			`request_id: must be empty with best_effort, got "x"`,
		},
		{
			&fleetv1.InjectFaultRequest{Fault: &fleetv1.Fault{
				FaultId: "f", Duration: durationpb.New(-5 * time.Second), Effect: &fleetv1.Fault_ZoneOutage{ZoneOutage: &fleetv1.ZoneOutage{ZoneId: "z"}},
			}},
			"fault.duration: must be greater than 0s and less than or equal to 31622400s, got -5s",
		},
	} {
		if got := status.Convert(validator.Validate(test.request)).Message(); got != test.want {
			t.Errorf("%v:\n got %s\nwant %s", test.request, got, test.want)
		}
	}
}

func TestError_reasonCrossesTheWire(t *testing.T) {
	f := &fleet{listZones: func(context.Context) error {
		return rpc.Error(codes.ResourceExhausted, fleetv1.ErrorReason_ERROR_REASON_NO_INSTANCE_STOCK,
			map[string]string{"available": "0"}, "sold out", rpc.RetryAfter(time.Second))
	}}
	conn, _ := serve(t, f)
	_, err := fleetv1.NewFleetServiceClient(conn).ListZones(t.Context(), &fleetv1.ListZonesRequest{})
	if !rpc.HasReason(err, fleetv1.ErrorReason_ERROR_REASON_NO_INSTANCE_STOCK) || rpc.ReasonOf(err) != "NO_INSTANCE_STOCK" {
		t.Errorf("reason was lost: %v", err)
	}
	if rpc.HasReason(err, fleetv1.ErrorReason_ERROR_REASON_UNKNOWN_POOL) || rpc.HasReason(errors.New("x"), fleetv1.ErrorReason_ERROR_REASON_UNKNOWN_POOL) {
		t.Error("a reason was found that is not there")
	}
}

func TestServe_stopsInSpiteOfOpenStreams(t *testing.T) {
	conn, stop := serve(t, &fleet{})
	pools, err := fleetv1.NewFleetServiceClient(conn).WatchPools(t.Context(), &fleetv1.WatchPoolsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pools.Recv(); err != nil {
		t.Fatal(err)
	}
	health, err := healthpb.NewHealthClient(conn).Watch(t.Context(), &healthpb.HealthCheckRequest{Service: "muster.fleet.v1.FleetService"})
	if err != nil {
		t.Fatal(err)
	}
	if first, err := health.Recv(); err != nil || first.GetStatus() != healthpb.HealthCheckResponse_NOT_SERVING {
		t.Fatalf("health before it is ready: %v, %v", first, err)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := pools.Recv(); err == nil {
		t.Error("the stream outlived its server")
	}
}

func FuzzDecodePageToken(f *testing.F) {
	f.Add("groups", rpc.EncodePageToken("groups", "apg-1"))
	f.Add("groups", "garbage")
	f.Fuzz(func(t *testing.T, list, token string) {
		key, ok := rpc.DecodePageToken(list, token)
		if !ok || token == "" {
			return
		}
		if again, ok := rpc.DecodePageToken(list, rpc.EncodePageToken(list, key)); !ok || again != key {
			t.Errorf("token %q of list %q: key %q became %q, %v", token, list, key, again, ok)
		}
	})
}

func TestViolations_areBounded(t *testing.T) {
	var violations rpc.Violations
	for i := range 1000 {
		violations.Add(fmt.Sprintf("items[%d]", i), i, "must be less")
	}
	err := violations.Err()
	if got := len(rpc.FieldViolations(err)); got != 100 || !strings.HasSuffix(err.Error(), "and 900 more") {
		t.Errorf("%d violations, ending in %q", got, err.Error()[len(err.Error())-40:])
	}
}
