package access_test

import (
	"strings"
	"testing"

	"go.uber.org/goleak"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	reflectionalphapb "google.golang.org/grpc/reflection/grpc_reflection_v1alpha"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"pgregory.net/rapid"

	"github.com/seed-198b1370/muster/pkg/access"
	"github.com/seed-198b1370/muster/pkg/rpc"
	_ "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1" // registers its services
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	_ "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"  // registers its services
	_ "github.com/seed-198b1370/muster/proto/gen/muster/health/v1" // registers its services
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// methods are all calls of the contracts, with whether they have no side effects.
func methods() map[string]bool {
	found := map[string]bool{}
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		if !strings.HasPrefix(string(file.Package()), "muster.") {
			return true
		}
		for i := range file.Services().Len() {
			service := file.Services().Get(i)
			for k := range service.Methods().Len() {
				method := service.Methods().Get(k)
				options, _ := method.Options().(*descriptorpb.MethodOptions)
				found["/"+string(service.FullName())+"/"+string(method.Name())] =
					options.GetIdempotencyLevel() == descriptorpb.MethodOptions_NO_SIDE_EFFECTS
			}
		}
		return true
	})
	return found
}

// TestRules_areComplete holds the table against the contracts: a new call without
// a rule fails here, and what has effects is for no viewer.
func TestRules_areComplete(t *testing.T) {
	rules, calls := access.Rules(), methods()
	if len(calls) < 80 {
		t.Fatalf("only %d calls were found", len(calls))
	}
	for call, pure := range calls {
		rule, ok := rules[call]
		switch {
		case !ok:
			t.Errorf("%s has no rule in pkg/access/table.go", call)
		case rule.Open || rule.Role < access.Viewer:
			t.Errorf("%s is open to everybody", call)
		case !pure && rule.Role < access.Operator:
			t.Errorf("%s has effects and takes only %s", call, rule.Role)
		case pure && rule.Changes:
			t.Errorf("%s has no effects and is recorded as a change", call)
		case !pure && !rule.Changes && rule.Role != access.Service:
			t.Errorf("%s has effects that are not recorded", call)
		}
	}
	standard := map[string]bool{
		healthpb.Health_Check_FullMethodName: true, healthpb.Health_Watch_FullMethodName: true, healthpb.Health_List_FullMethodName: true,
		reflectionpb.ServerReflection_ServerReflectionInfo_FullMethodName:      false,
		reflectionalphapb.ServerReflection_ServerReflectionInfo_FullMethodName: false,
	}
	for call, rule := range rules {
		open, known := standard[call]
		if _, ours := calls[call]; !ours && !known {
			t.Errorf("there is no call %s", call)
		}
		if rule.Open != open {
			t.Errorf("%s is open: %v", call, rule.Open)
		}
	}
}

// TestDecide_Prop is S8 as a property: whoever is bound to an account and may not
// act for others is let in for that account or not at all.
func TestDecide_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		accounts := []string{"", "a", "b", "default"}
		caller := access.Caller{
			Role:    access.Role(rapid.IntRange(int(access.None), int(access.Admin)).Draw(t, "role")),
			Account: rapid.SampledFrom(accounts).Draw(t, "account"),
		}
		if !caller.Role.AnyAccount() && caller.Account == "" {
			caller.Account = "a" // which tokens of such roles have
		}
		named := rapid.SampledFrom(accounts).Draw(t, "named")
		rule := access.Rule{Role: access.Role(rapid.IntRange(int(access.Viewer), int(access.Admin)).Draw(t, "needed"))}
		account, err := access.Decide(caller, rule, "/a.B/C", named)
		switch {
		case err != nil && (status.Code(err) != codes.PermissionDenied || account != ""):
			t.Fatalf("refused with %v, %q", err, account)
		case err == nil && caller.Role < rule.Role:
			t.Fatalf("%s makes a call that takes %s", caller.Role, rule.Role)
		case err == nil && !caller.Role.AnyAccount() && account != caller.Account:
			t.Fatalf("S8: one of %q acts for %q", caller.Account, account)
		case err == nil && named != "" && account != named:
			t.Fatalf("a call that names %q is for %q", named, account)
		case err != nil && caller.Role >= rule.Role && (named == "" || named == caller.Account || caller.Role.AnyAccount()):
			t.Fatalf("refused without cause: %v", err)
		}
		all := access.DecideAll(caller, &fleetv1.ListInstancesRequest{AllAccounts: true})
		if (all == nil) != caller.Role.AnyAccount() {
			t.Fatalf("%s asks for all accounts: %v", caller.Role, all)
		}
		if err := access.DecideAll(caller, &fleetv1.ListInstancesRequest{}); err != nil {
			t.Fatal(err)
		}
	})
}

// TestDecideAll_coversTheContracts finds every field that asks for what others
// have.
func TestDecideAll_coversTheContracts(t *testing.T) {
	found := 0
	protoregistry.GlobalTypes.RangeMessages(func(kind protoreflect.MessageType) bool {
		if field := kind.Descriptor().Fields().ByName("all_accounts"); field != nil {
			found++
			message := kind.New()
			message.Set(field, protoreflect.ValueOfBool(true))
			asked := message.Interface()
			if access.DecideAll(access.Caller{Role: access.Operator, Account: "a"}, asked) == nil {
				t.Errorf("%s is let through", kind.Descriptor().FullName())
			}
		}
		return true
	})
	if found != 2 {
		t.Errorf("%d requests ask for all accounts; are the new ones held to it?", found)
	}
}

const goodHash = "sha256:0814585178751c177349187d223a38eec36114de30428d04ccce0e8fcd7fd193"

func TestParseTokens_refuses(t *testing.T) {
	line := func(text string) string { return "tokens:\n  - {" + text + "}\n" }
	good := "name: a, account: acme, role: operator, hash: '" + goodHash + "'"
	for name, test := range map[string]struct{ text, want string }{
		"good":            {line(good), ""},
		"nothing":         {"", ""},
		"JSON":            {`{"tokens":[{"name":"a","role":"admin","hash":"` + goodHash + `"}]}`, ""},
		"no role":         {line("name: a, hash: '" + goodHash + "'"), "role must be viewer"},
		"no account":      {line("name: a, role: viewer, hash: '" + goodHash + "'"), "account must be given"},
		"odd account":     {line("name: a, role: viewer, account: 'a b', hash: '" + goodHash + "'"), "account must be 1 to 64"},
		"none is no role": {line("name: a, role: none, account: b, hash: '" + goodHash + "'"), "role must be viewer"},
		"a token":         {line("name: a, account: b, role: viewer, hash: mst_secret"), "hash must be sha256:"},
		"no name":         {line("account: b, role: viewer, hash: '" + goodHash + "'"), "name must be"},
		"twice":           {line(good) + "  - {" + good + "}\n", "that of an earlier one"},
		"misspelt":        {line(good + ", expire: 2026-01-01T00:00:00Z"), "expire"},
		"no date":         {line(good + ", expires: soon"), "read tokens"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := access.ParseTokens([]byte(test.text))
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), "mst_secret") {
				t.Errorf("a token is repeated: %v", err)
			}
		})
	}
}

// FuzzParseTokens lets through only lines that say whom a token is of.
func FuzzParseTokens(f *testing.F) {
	f.Add([]byte("tokens:\n  - {name: a, account: b, role: viewer, hash: '" + goodHash + "', expires: 2027-01-01T00:00:00Z}\n"))
	f.Add([]byte(`{"tokens":[]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		tokens, err := access.ParseTokens(text)
		if err != nil {
			return
		}
		for _, token := range tokens {
			role, err := access.ParseRole(token.Role)
			if err != nil || !role.AnyAccount() && token.Account == "" || token.Check() != nil {
				t.Errorf("%+v was let through", token)
			}
		}
	})
}

func TestNewToken(t *testing.T) {
	first, err := access.NewToken()
	second, err2 := access.NewToken()
	if err != nil || err2 != nil || first == second || len(first) < 40 || !strings.HasPrefix(first, "mst_") {
		t.Errorf("made %q and %q, %v, %v", first, second, err, err2)
	}
	if err := (access.Token{Name: "a", Role: "admin", Hash: access.HashOf(first)}).Check(); err != nil {
		t.Error(err)
	}
}

// TestAccountOf_proved takes what was proved before what is named.
func TestAccountOf_proved(t *testing.T) {
	if got := rpc.AccountOf(rpc.ForAccount(t.Context(), "a")); got != "a" {
		t.Errorf("got %q", got)
	}
}
