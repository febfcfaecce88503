package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
)

// A reply is what the fake cloud answers a call with: responses, one unless the
// call is a stream, then an error if there is one. A stream without an error
// stays open.
type reply struct {
	responses []proto.Message
	err       error
}

// answer is a reply of one response.
func answer(response proto.Message) reply { return reply{responses: []proto.Message{response}} }

// refuse is a reply of an error.
func refuse(err error) reply { return reply{err: err} }

// A fakeCloud serves the services of the cloud with what it was told to reply,
// behind the validation of the real one, and notes what it was asked.
type fakeCloud struct {
	shell
	mu      sync.Mutex
	replies map[string][]reply // by method; the last one is given again and again
	asked   []string           // method, account and request of each call
}

func newFakeCloud(t *testing.T, replies map[string][]reply) *fakeCloud {
	t.Helper()
	validator, err := rpc.NewValidator()
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cloud := &fakeCloud{shell: shell{t: t, server: listener.Addr().String()}, replies: replies}
	server := rpc.NewServer(validator, slog.New(slog.DiscardHandler))
	for _, desc := range []grpc.ServiceDesc{
		fleetv1.FleetService_ServiceDesc, fleetv1.BillingService_ServiceDesc, fleetv1.SimulationService_ServiceDesc, groupv1.GroupService_ServiceDesc,
		groupv1.LaunchTemplateService_ServiceDesc, groupv1.ScalingService_ServiceDesc,
		healthv1.HealthService_ServiceDesc, healthv1.WebhookService_ServiceDesc,
	} {
		server.RegisterService(cloud.fake(desc), nil)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx, 0, listener) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return cloud
}

// fake is a service with the same methods, which this cloud answers.
func (f *fakeCloud) fake(desc grpc.ServiceDesc) *grpc.ServiceDesc {
	faked := grpc.ServiceDesc{ServiceName: desc.ServiceName, Metadata: desc.Metadata}
	for _, method := range desc.Methods {
		name := method.MethodName
		faked.Methods = append(faked.Methods, grpc.MethodDesc{MethodName: name,
			Handler: func(_ any, ctx context.Context, decode func(any) error, intercept grpc.UnaryServerInterceptor) (any, error) {
				request := newRequest(desc.ServiceName, name)
				if err := decode(request); err != nil {
					return nil, err
				}
				return intercept(ctx, request, &grpc.UnaryServerInfo{FullMethod: name}, func(ctx context.Context, _ any) (any, error) {
					replied := f.next(ctx, name, request)
					if replied.err != nil {
						return nil, replied.err
					}
					return replied.responses[0], nil
				})
			}})
	}
	for _, stream := range desc.Streams {
		faked.Streams = append(faked.Streams, grpc.StreamDesc{StreamName: stream.StreamName, ServerStreams: true,
			Handler: func(_ any, served grpc.ServerStream) error {
				request := newRequest(desc.ServiceName, stream.StreamName)
				if err := served.RecvMsg(request); err != nil {
					return err
				}
				replied := f.next(served.Context(), stream.StreamName, request)
				for _, response := range replied.responses {
					if err := served.SendMsg(response); err != nil {
						return err
					}
				}
				if replied.err == nil {
					<-served.Context().Done()
				}
				return replied.err
			}})
	}
	return &faked
}

// newRequest makes an empty request of a method.
func newRequest(service, method string) proto.Message {
	desc, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(service + "." + method))
	if err != nil {
		return nil
	}
	kind, err := protoregistry.GlobalTypes.FindMessageByName(desc.(protoreflect.MethodDescriptor).Input().FullName())
	if err != nil {
		return nil
	}
	return kind.New().Interface()
}

// next notes a call and takes its reply.
func (f *fakeCloud) next(ctx context.Context, method string, request proto.Message) reply {
	f.mu.Lock()
	defer f.mu.Unlock()
	as := ""
	if values := metadata.ValueFromIncomingContext(ctx, rpc.AccountMetadata); len(values) > 0 {
		as = " as " + strings.Join(values, ",")
	}
	f.asked = append(f.asked, fmt.Sprintf("%s%s %s", method, as, compact(request)))
	queue := f.replies[method]
	if len(queue) == 0 {
		return refuse(status.Errorf(codes.Unimplemented, "the test has no answer to %s", method))
	}
	if len(queue) > 1 {
		f.replies[method] = queue[1:]
	}
	return queue[0]
}

// calls are the calls since the last look.
func (f *fakeCloud) calls() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	asked := f.asked
	f.asked = nil
	return asked
}

// compact writes a message as JSON that is the same each time.
func compact(message proto.Message) string {
	data, err := protojson.Marshal(message)
	if err != nil {
		return err.Error()
	}
	var out bytes.Buffer
	if err := json.Compact(&out, data); err != nil {
		return err.Error()
	}
	return out.String()
}
