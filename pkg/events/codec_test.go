package events_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	"github.com/seed-198b1370/muster/pkg/events"
	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
)

func TestEncode_isACloudEvent(t *testing.T) {
	event := newEvent("i-7", 4, notice)
	event.Reason, event.ReleaseTime = "StockNeeded", timestamppb.New(origin.Add(5*time.Minute))
	msg, err := events.Instances().Encode(event, "")
	if err != nil {
		t.Fatal(err)
	}
	if want := "muster.v1.events.1234.apg-1.i-7.interruption_notice"; msg.Subject != want {
		t.Errorf("subject %q, want %q", msg.Subject, want)
	}
	want := nats.Header{
		"Nats-Msg-Id": {"i-7/4"}, "ce-id": {"i-7/4"}, "ce-specversion": {"1.0"}, "ce-subject": {"i-7"},
		"ce-source": {"/muster/accounts/1234"}, "ce-type": {"muster.instance.interruption_notice"},
		"ce-time": {"2026-01-01T00:00:04Z"}, "content-type": {"application/protobuf"},
		"ce-cloudeventname": {"ecs:Instance:PreemptibleInstanceInterruption"},
	}
	if diff := cmp.Diff(want, msg.Header); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
	body := &healthv1.InstanceEvent{}
	if err := proto.Unmarshal(msg.Data, body); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(event, body, protocmp.Transform()); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
}

func TestEncode_withoutGroup(t *testing.T) {
	event := newEvent("i-7", 1, created)
	event.GroupId = ""
	msg, err := events.Instances().Encode(event, "")
	if err != nil {
		t.Fatal(err)
	}
	if want := "muster.v1.events.1234._.i-7.created"; msg.Subject != want {
		t.Errorf("subject %q, want %q", msg.Subject, want)
	}
	if names := slices.Collect(maps.Keys(msg.Header)); slices.Contains(names, "ce-cloudeventname") {
		t.Error("an event that the cloud has no name for carries one")
	}
}

// S8: the ids of accounts may have points, of which a subject has its own.
func TestAccountToken(t *testing.T) {
	for account, token := range map[string]string{"default": "default", "a.b": "a=b", "a-b": "a-b", "a_b": "a_b", "..": "==", "_": "_"} {
		subject, ok := events.Instances().SubjectOf(account, "apg-1", "muster.instance.created")
		if !events.IsAccount(account) || !ok || subject != "muster.v1.events."+token+".apg-1.*.created" {
			t.Errorf("subject of account %q is %q", account, subject)
		}
		if got := events.AccountOf(subject); got != account {
			t.Errorf("%q is of account %q, not %q", subject, got, account)
		}
	}
	for _, no := range []string{"", "a=b", "a b", "*", ">", "ä", strings.Repeat("a", 65)} {
		if events.IsAccount(no) {
			t.Errorf("%q passes for an account", no)
		}
	}
}

func TestEncode_refusesWhatBreaksTheContract(t *testing.T) {
	for name, spoil := range map[string]func(*healthv1.InstanceEvent){
		"no account":            func(e *healthv1.InstanceEvent) { e.AccountId = "" },
		"account with a mark":   func(e *healthv1.InstanceEvent) { e.AccountId = "a=b" },
		"group is a wildcard":   func(e *healthv1.InstanceEvent) { e.GroupId = ">" },
		"group is the mark":     func(e *healthv1.InstanceEvent) { e.GroupId = "_" },
		"no instance":           func(e *healthv1.InstanceEvent) { e.InstanceId, e.EventId = "", "/1" },
		"instance with a space": func(e *healthv1.InstanceEvent) { e.InstanceId, e.EventId = "i 7", "i 7/1" },
		"instance is too long": func(e *healthv1.InstanceEvent) {
			e.InstanceId = strings.Repeat("i", 65)
			e.EventId = e.InstanceId + "/1"
		},
		"no kind":                 func(e *healthv1.InstanceEvent) { e.Kind = 0 },
		"kind is not known":       func(e *healthv1.InstanceEvent) { e.Kind = 99 },
		"number zero":             func(e *healthv1.InstanceEvent) { e.TransitionNumber, e.EventId = 0, "i-7/0" },
		"id of another event":     func(e *healthv1.InstanceEvent) { e.EventId = "i-7/2" },
		"no time":                 func(e *healthv1.InstanceEvent) { e.Time = nil },
		"time is none":            func(e *healthv1.InstanceEvent) { e.Time = &timestamppb.Timestamp{Nanos: -1} },
		"release time is none":    func(e *healthv1.InstanceEvent) { e.ReleaseTime = &timestamppb.Timestamp{Seconds: 1 << 60} },
		"zone is not text":        func(e *healthv1.InstanceEvent) { e.ZoneId = "\xff" },
		"type is too long":        func(e *healthv1.InstanceEvent) { e.InstanceType = strings.Repeat("t", 129) },
		"reason is not one word ": func(e *healthv1.InstanceEvent) { e.Reason = strings.Repeat("r", 1000) },
	} {
		t.Run(name, func(t *testing.T) {
			event := newEvent("i-7", 1, created)
			spoil(event)
			if msg, err := events.Instances().Encode(event, ""); err == nil {
				t.Errorf("became message %v", msg)
			}
		})
	}
}

func TestDecode_refusesWhatEncodeDoesNotMake(t *testing.T) {
	for name, spoil := range map[string]func(*nats.Msg){
		"no body":               func(m *nats.Msg) { m.Data = nil },
		"garbage body":          func(m *nats.Msg) { m.Data = []byte("not a message") },
		"body is too long":      func(m *nats.Msg) { m.Data = append(m.Data, make([]byte, events.MaxEventBytes)...) },
		"no headers":            func(m *nats.Msg) { m.Header = nil },
		"other id":              func(m *nats.Msg) { m.Header.Set("ce-id", "i-7/2") },
		"no message id":         func(m *nats.Msg) { m.Header.Del("Nats-Msg-Id") },
		"two types":             func(m *nats.Msg) { m.Header.Add("ce-type", "muster.instance.running") },
		"other type":            func(m *nats.Msg) { m.Header.Set("ce-type", "muster.instance.running") },
		"later spec version":    func(m *nats.Msg) { m.Header.Set("ce-specversion", "2.0") },
		"JSON":                  func(m *nats.Msg) { m.Header.Set("content-type", "application/json") },
		"subject of another":    func(m *nats.Msg) { m.Subject = "muster.v1.events.1234.apg-2.i-7.created" },
		"account of another S8": func(m *nats.Msg) { m.Subject = "muster.v1.events.5678.apg-1.i-7.created" },
	} {
		t.Run(name, func(t *testing.T) {
			msg, err := events.Instances().Encode(newEvent("i-7", 1, created), "")
			if err != nil {
				t.Fatal(err)
			}
			spoil(msg)
			if event, err := events.Instances().Decode(msg); err == nil {
				t.Errorf("became event %v", event)
			}
		})
	}
}

func TestDecode_passesOverHeadersItDoesNotKnow(t *testing.T) {
	msg, err := events.Instances().Encode(newEvent("i-7", 1, created), "")
	if err != nil {
		t.Fatal(err)
	}
	msg.Header.Set("traceparent", "00-1-2-01")
	if _, err := events.Instances().Decode(msg); err != nil {
		t.Error(err)
	}
}

// genEvent draws events that keep the contract.
func genEvent() *rapid.Generator[*healthv1.InstanceEvent] {
	token := rapid.StringMatching(`[A-Za-z0-9-][A-Za-z0-9_-]{0,63}`)
	return rapid.Custom(func(t *rapid.T) *healthv1.InstanceEvent {
		kind := rapid.IntRange(1, len(healthv1.InstanceEventKind_name)-1).Draw(t, "kind")
		event := newEvent(token.Draw(t, "instance"), rapid.Int64Range(1, 1<<62).Draw(t, "number"), healthv1.InstanceEventKind(kind))
		event.AccountId = token.Draw(t, "account")
		event.GroupId = rapid.OneOf(token, rapid.Just("")).Draw(t, "group")
		event.Reason = rapid.StringMatching(`[A-Za-z]{0,20}`).Draw(t, "reason")
		event.Time = timestamppb.New(time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "time"), rapid.Int64Range(0, 999_999_999).Draw(t, "nanos")))
		if rapid.Bool().Draw(t, "noticed") {
			event.ReleaseTime = timestamppb.New(event.GetTime().AsTime().Add(5 * time.Minute))
		}
		return event
	})
}

// S7: an event arrives as it was sent, under the id of its transition.
func TestDecode_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		event := genEvent().Draw(t, "event")
		msg, err := events.Instances().Encode(event, "")
		if err != nil {
			t.Fatal(err)
		}
		if id := fmt.Sprintf("%s/%d", event.GetInstanceId(), event.GetTransitionNumber()); msg.Header.Get(nats.MsgIdHdr) != id {
			t.Errorf("message id %q, want %q", msg.Header.Get(nats.MsgIdHdr), id)
		}
		got, err := events.Instances().Decode(msg)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(event, got, protocmp.Transform()); diff != "" {
			t.Errorf("event (-sent +received):\n%s", diff)
		}
	})
}

// S7: the same as JSON; and a CloudEvent is what other programs make of it.
func TestDecode_JSON_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		event := genEvent().Draw(t, "event")
		msg, err := events.Instances().Encode(event, events.JSON)
		if err != nil {
			t.Fatal(err)
		}
		got, err := events.Instances().Decode(msg)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(event, got, protocmp.Transform()); diff != "" {
			t.Errorf("event (-sent +received):\n%s", diff)
		}
	})
}

func TestCloudEvent(t *testing.T) {
	event := newEvent("i-7", 4, notice)
	event.Reason = "StockNeeded"
	got, err := events.Instances().CloudEvent(event)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"specversion":"1.0","id":"i-7/4","source":"/muster/accounts/1234","type":"muster.instance.interruption_notice",` +
		`"subject":"i-7","time":"2026-01-01T00:00:04Z","datacontenttype":"application/json",` +
		`"cloudeventname":"ecs:Instance:PreemptibleInstanceInterruption","data":{"eventId":"i-7/4",` +
		`"kind":"INSTANCE_EVENT_KIND_INTERRUPTION_NOTICE","accountId":"1234","groupId":"apg-1","instanceId":"i-7",` +
		`"zoneId":"cn-hangzhou-i","instanceType":"ecs.c6.large","billingMethod":"BILLING_METHOD_SPOT","transitionNumber":"4",` +
		`"time":"2026-01-01T00:00:04Z","reason":"StockNeeded"}}`
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// A verdict has an id of its own beside those of transitions.
func TestEncode_verdict(t *testing.T) {
	event := newEvent("i-7", 4, healthv1.InstanceEventKind_INSTANCE_EVENT_KIND_UNHEALTHY)
	event.VerdictNumber, event.EventId = 2, events.VerdictID("i-7", 2)
	msg, err := events.Instances().Encode(event, "")
	if err != nil {
		t.Fatal(err)
	}
	if id := msg.Header.Get("Nats-Msg-Id"); id != "i-7/v2" || msg.Subject != "muster.v1.events.1234.apg-1.i-7.unhealthy" {
		t.Errorf("message %s of id %s", msg.Subject, id)
	}
	if got, err := events.Instances().Decode(msg); err != nil || got.GetVerdictNumber() != 2 {
		t.Errorf("decoded %v, %v", got, err)
	}
}

func FuzzDecodeJSON(f *testing.F) {
	for _, kind := range []healthv1.InstanceEventKind{created, notice} {
		msg, err := events.Instances().Encode(newEvent("i-7", 3, kind), events.JSON)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(msg.Subject, msg.Header.Get("Nats-Msg-Id"), msg.Data)
	}
	f.Fuzz(func(t *testing.T, subject, id string, body []byte) {
		msg := &nats.Msg{Subject: subject, Data: body, Header: nats.Header{
			"Nats-Msg-Id": {id}, "content-type": {events.CloudEventJSON},
		}}
		event, err := events.Instances().Decode(msg)
		if err != nil {
			return
		}
		if again, err := events.Instances().Encode(event, events.JSON); err != nil || again.Subject != subject {
			t.Fatalf("decoded %v from %s, which becomes %v, %v", event, subject, again, err)
		}
	})
}

func FuzzDecode(f *testing.F) {
	for _, kind := range []healthv1.InstanceEventKind{created, notice} {
		msg, err := events.Instances().Encode(newEvent("i-7", 3, kind), "")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(msg.Subject, msg.Header.Get("ce-id"), msg.Header.Get("ce-type"), msg.Header.Get("ce-time"), msg.Data)
	}
	f.Fuzz(func(t *testing.T, subject, id, kind, at string, body []byte) {
		msg := &nats.Msg{Subject: subject, Data: body, Header: nats.Header{
			"Nats-Msg-Id": {id}, "ce-id": {id}, "ce-specversion": {"1.0"}, "ce-subject": {"i-7"}, "ce-source": {"/muster/accounts/1234"},
			"ce-type": {kind}, "ce-time": {at}, "content-type": {"application/protobuf"},
			"ce-cloudeventname": {"ecs:Instance:PreemptibleInstanceInterruption"},
		}}
		event, err := events.Instances().Decode(msg)
		if err != nil {
			return
		}
		again, err := events.Instances().Encode(event, "")
		if err != nil {
			t.Fatalf("decoded %v, which can not be encoded: %v", event, err)
		}
		for name, values := range again.Header {
			if !slices.Equal(values, msg.Header[name]) {
				t.Errorf("header %s was %q, is %q", name, msg.Header[name], values)
			}
		}
		if subject != again.Subject {
			t.Errorf("subject was %q, is %q", subject, again.Subject)
		}
	})
}

func TestFilter_Subjects(t *testing.T) {
	for name, test := range map[string]struct {
		filter events.Filter
		want   []string
	}{
		"all":      {events.Filter{}, []string{"muster.v1.events.*.*.*.*"}},
		"account":  {events.Filter{AccountID: "1234"}, []string{"muster.v1.events.1234.*.*.*"}},
		"instance": {events.Filter{InstanceID: "i-7"}, []string{"muster.v1.events.*.*.i-7.*"}},
		"group and kinds, one twice": {
			events.Filter{GroupID: "apg-1", Kinds: []healthv1.InstanceEventKind{running, created, running}},
			[]string{"muster.v1.events.*.apg-1.*.created", "muster.v1.events.*.apg-1.*.running"},
		},
		"no group has the mark":     {events.Filter{GroupID: "_"}, nil},
		"no account is a wildcard":  {events.Filter{AccountID: "*"}, nil},
		"no event is of this kind":  {events.Filter{Kinds: []healthv1.InstanceEventKind{99}}, nil},
		"no event is without kind ": {events.Filter{Kinds: []healthv1.InstanceEventKind{0}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := test.filter.Subjects()
			if (err != nil) != (test.want == nil) {
				t.Fatalf("got %v, %v", got, err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("subjects (-want +got):\n%s", diff)
			}
		})
	}
}
