package cli

import (
	"context"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
)

// step is a response of a watch with one transition.
func step(cursor string, minute int, kind fleetv1.TransitionKind, reason fleetv1.TransitionReason) proto.Message {
	return &fleetv1.WatchInstancesResponse{Cursor: cursor, Transitions: []*fleetv1.InstanceTransition{
		{Instance: spotInstance(), Kind: kind, Reason: reason, Time: at(10, minute)},
	}}
}

// A watch begins now, goes on where a stream broke, and begins anew when its
// position is refused.
func TestFleetWatch_resumes(t *testing.T) {
	broken := status.Error(codes.Unavailable, "the simulated cloud is stopping")
	compacted := refusal(codes.OutOfRange, fleetv1.ErrorReason_ERROR_REASON_CURSOR_COMPACTED, nil, "the cursor is too old")
	cloud := newFakeCloud(t, map[string][]reply{
		"CountInstances": {answer(&fleetv1.CountInstancesResponse{Cursor: "now"})},
		"WatchInstances": {
			{responses: []proto.Message{
				step("c1", 0, fleetv1.TransitionKind_TRANSITION_KIND_INTERRUPTION_NOTICE, fleetv1.TransitionReason_TRANSITION_REASON_PRICE_ABOVE_BID),
				&fleetv1.WatchInstancesResponse{Cursor: "c2"}}, err: broken},
			compacted,
			{responses: []proto.Message{step("c9", 5, fleetv1.TransitionKind_TRANSITION_KIND_HEALTH, fleetv1.TransitionReason_TRANSITION_REASON_FAILURE)}},
		},
	})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	watch := cloud.follow(ctx, "fleet watch --tag team=web")
	watch.await(t, "health")
	cancel()
	want := `2026-03-01T10:00:00Z  interruption-notice  i-001  ecs.c6.large cn-shenzhen-d spot (price-above-bid), stopped at 2026-03-01T10:05:00Z
2026-03-01T10:05:00Z  health               i-001  ecs.c6.large cn-shenzhen-d spot (failure), now ok
`
	if code := <-watch.code; code != exitOK || watch.out.String() != want {
		t.Errorf("ended with %d:\n%s\nwant\n%s", code, watch.out.String(), want)
	}
	wantErr := "muster: lost the stream of transitions of " + cloud.server + "; trying again until it is back\n" +
		"muster: the stream of transitions has moved on: some transitions are no longer kept; going on from the oldest that is\n"
	if got := watch.errs.String(); got != wantErr {
		t.Errorf("wrote %s\nwant %s", got, wantErr)
	}
	if got, want := strings.Join(cloud.calls(), "\n"), `CountInstances {"tags":{"team":"web"}}
WatchInstances {"cursor":"now","tags":{"team":"web"}}
WatchInstances {"cursor":"c2","tags":{"team":"web"}}
WatchInstances {"tags":{"team":"web"}}`; got != want {
		t.Errorf("asked\n%s\nwant\n%s", got, want)
	}
}

// A watch whose first stream is refused says why and ends.
func TestFleetWatch_refused(t *testing.T) {
	cloud := newFakeCloud(t, map[string][]reply{
		"WatchInstances": {refusal(codes.InvalidArgument, fleetv1.ErrorReason_ERROR_REASON_INVALID_TOKEN, nil, "no such cursor")},
	})
	cloud.fails("fleet watch --cursor x", "muster: no such cursor (INVALID_TOKEN)\n")
	if code, _, errOut := cloud.run("fleet watch --from-start --account acme"); code != exitFailed || !strings.Contains(cloud.calls()[1], "WatchInstances as acme {}") {
		t.Errorf("exit code %d: %s", code, errOut)
	}
}

// A live history tells of each change, and draws stock, too, when it ends.
func TestMarketHistory_live(t *testing.T) {
	other := spotPool("cn-shenzhen-d", 1, 1)
	other.InstanceType = "ecs.g6.large"
	pools := func(hour int, pools ...*fleetv1.Pool) proto.Message {
		return &fleetv1.WatchPoolsResponse{AsOfTime: at(hour, 0), Pools: pools}
	}
	replies := usualReplies()
	replies["WatchPools"] = []reply{
		{responses: []proto.Message{pools(24, other, spotPool("cn-shenzhen-d", 171_600, 37), spotPool("cn-shenzhen-e", 210_600, 0)), pools(25)},
			err: status.Error(codes.Unavailable, "the simulated cloud is stopping")},
		{responses: []proto.Message{pools(26, other, spotPool("cn-shenzhen-d", 171_600, 37), spotPool("cn-shenzhen-e", 210_600, 5)),
			pools(27, spotPool("cn-shenzhen-d", 195_000, 37))}},
	}
	cloud := newFakeCloud(t, replies)
	picture := filepath.Join(t.TempDir(), "live.svg")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	live := cloud.follow(ctx, "market history ecs.c6.large --live --svg "+picture)
	live.await(t, "50%")
	cancel()
	want := `2026-03-02T00:00:00Z  cn-shenzhen-d  0.1716  44%  stock 37
2026-03-02T00:00:00Z  cn-shenzhen-e  0.2106  54%  stock 0
2026-03-02T02:00:00Z  cn-shenzhen-e  0.2106  54%  stock 5
2026-03-02T03:00:00Z  cn-shenzhen-d  0.195  50%  stock 37
`
	if code := <-live.code; code != exitOK || live.out.String() != want {
		t.Errorf("ended with %d:\n%s\nwant\n%s", code, live.out.String(), want)
	}
	if got := live.errs.String(); !strings.HasSuffix(got, "muster: wrote "+picture+"\n") {
		t.Errorf("wrote %s", got)
	}
	checkPicture(t, picture, "Spot price of ecs.c6.large, and stock", "instances that a launch could get", "stock now 37", "last 0.195, 50%")
}

func TestMarketHistory_svg(t *testing.T) {
	cloud := newFakeCloud(t, usualReplies())
	picture := filepath.Join(t.TempDir(), "day.svg")
	code, out, errOut := cloud.run("market history ecs.c6.large --svg " + picture)
	if code != exitOK || !strings.Contains(out, "cn-shenzhen-e: last") || errOut != "muster: wrote "+picture+"\n" {
		t.Errorf("exit code %d:\n%s%s", code, out, errOut)
	}
	checkPicture(t, picture, "<title>Spot price of ecs.c6.large, and stock</title>", "percent of the list price", "CNY per hour", "cn-shenzhen-d", "stock now 0",
		"instances that other tenants left")
	if code, _, errOut := cloud.run("market history ecs.c6.large --svg " + filepath.Join(picture, "x")); code != exitFailed || !strings.Contains(errOut, "day.svg") {
		t.Errorf("exit code %d:\n%s", code, errOut)
	}
}

// A cloud that is not simulated does not know what stock there was: then prices
// are drawn alone.
func TestMarketHistory_unknownStock(t *testing.T) {
	replies := usualReplies()
	delete(replies, "ListStockHistory")
	cloud := newFakeCloud(t, replies)
	if out := cloud.ok("market history ecs.c6.large"); !strings.Contains(out, "cn-shenzhen-e: last 0.2106, 54%; stock now 0\n") || strings.Contains(out, "left") {
		t.Errorf("wrote\n%s", out)
	}
	replies["ListStockHistory"] = []reply{refusal(codes.Unavailable, fleetv1.ErrorReason_ERROR_REASON_UNSPECIFIED, nil, "out of order")}
	cloud = newFakeCloud(t, replies)
	if code, _, errOut := cloud.run("market history ecs.c6.large"); code != exitFailed || errOut == "" {
		t.Errorf("exit code %d: %s", code, errOut)
	}
}

// checkPicture holds a picture against what it must say, and XML.
func checkPicture(t *testing.T, name string, want ...string) {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range want {
		if !strings.Contains(string(data), text) {
			t.Errorf("%q is missing in:\n%s", text, data)
		}
	}
	for decoder := xml.NewDecoder(strings.NewReader(string(data))); ; {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// A fault whose begin may or may not have come through tells under which id to
// repeat it; a launch and a deposit tell their token.
func TestFleet_canBeRepeated(t *testing.T) {
	for line, flag := range map[string]string{
		"fleet fault add zone-outage --zone z": "--id fault-", "fleet run --type t --zone z": "--request-id cli-",
		"fleet account deposit a 1": "--request-id cli-", "fleet start i": "--request-id cli-",
	} {
		_, _, errOut := alone(t, line+" --server 127.0.0.1:1")
		if !strings.Contains(errOut, "\nIt can be repeated safely with "+flag) {
			t.Errorf("%s: %s", line, errOut)
		}
	}
	if _, _, errOut := alone(t, "fleet start i --best-effort --server 127.0.0.1:1"); strings.Contains(errOut, "repeated") {
		t.Errorf("its outcomes tell what stands:\n%s", errOut)
	}
}

// Events since a while ago are asked for on the cloud's clock; a stream that
// breaks is taken up by its cursor.
func TestEvents_since(t *testing.T) {
	event := &healthv1.InstanceEvent{
		EventId: "i-001/v2", Kind: healthv1.InstanceEventKind_INSTANCE_EVENT_KIND_UNHEALTHY, InstanceId: "i-001", InstanceType: "ecs.c6.large",
		ZoneId: "cn-shenzhen-d", BillingMethod: fleetv1.BillingMethod_BILLING_METHOD_SPOT, Time: at(11, 30), Reason: "ProbeFailed",
		Message: "3 probes in a row\tfailed",
	}
	cloud := newFakeCloud(t, map[string][]reply{
		"GetClock": {answer(&fleetv1.GetClockResponse{Time: at(12, 0)})},
		"WatchInstanceEvents": {
			{responses: []proto.Message{&healthv1.WatchInstanceEventsResponse{Cursor: "c1"}}, err: status.Error(codes.Unavailable, "stopping")},
			{responses: []proto.Message{&healthv1.WatchInstanceEventsResponse{Cursor: "c2", Event: event}}},
		},
	})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	watch := cloud.follow(ctx, "events --since 1h --group apg-1 --account acme")
	watch.await(t, "unhealthy")
	cancel()
	want := "2026-03-01T11:30:00Z  unhealthy            i-001  ecs.c6.large cn-shenzhen-d spot  group - (ProbeFailed): \"3 probes in a row\\tfailed\"\n"
	if code := <-watch.code; code != exitOK || watch.out.String() != want {
		t.Errorf("ended with %d:\n%s\nwant\n%s", code, watch.out.String(), want)
	}
	if got, want := strings.Join(cloud.calls(), "\n"), `GetClock as acme {}
WatchInstanceEvents as acme {"groupId":"apg-1","sinceTime":"2026-03-01T11:00:00Z"}
WatchInstanceEvents as acme {"cursor":"c1","groupId":"apg-1","sinceTime":"2026-03-01T11:00:00Z"}`; got != want {
		t.Errorf("asked\n%s\nwant\n%s", got, want)
	}
}
