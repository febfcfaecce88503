package fleetsim_test

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim"
)

func namesOf(instances []*fleetv1.Instance) []string {
	var names []string
	for _, instance := range instances {
		names = append(names, instance.GetInstanceName())
	}
	return names
}

// TestOptions_areKeptAndTold also sees them survive a restart, from the journal
// and from a snapshot, and user data told to the instance and nobody else.
func TestOptions_areKeptAndTold(t *testing.T) {
	config := fleetsim.Config{Volatility: still(), DataDir: t.TempDir()}
	c := start(t, config, false)
	options := &fleetv1.InstanceOptions{
		ImageId: "ubuntu", SecurityGroupIds: []string{"sg-1", "sg-2"}, InternetMaxBandwidthOutMbps: 7,
		KeyPairName: "key", RamRoleName: "role", ResourceGroupId: "rg",
	}
	script := "#!/bin/sh\necho secret-of-" + strings.Repeat("x", 1000)
	request := launch("a", 3, func(r *fleetv1.RunInstancesRequest) {
		r.Options, r.UserData, r.InstanceName = options, base64.StdEncoding.EncodeToString([]byte(script)), "k8s-node-[8,4]-x"
	})
	ids := c.run(request)
	c.run(launch("b", 1, func(*fleetv1.RunInstancesRequest) {}))
	c.run(launch("c", 1, func(r *fleetv1.RunInstancesRequest) {
		r.Options = &fleetv1.InstanceOptions{MetadataTokensRequired: true}
	}))
	check := func(when string) {
		t.Helper()
		list, err := c.fleet.ListInstances(t.Context(), &fleetv1.ListInstancesRequest{})
		if err != nil {
			t.Fatal(err)
		}
		instances := list.GetInstances()
		if got, want := namesOf(instances), []string{"k8s-node-0008-x", "k8s-node-0009-x", "k8s-node-0010-x", "", ""}; !slices.Equal(got, want) {
			t.Errorf("%s: names %q, want %q", when, got, want)
		}
		for _, instance := range instances[:3] {
			if diff := cmp.Diff(options, instance.GetOptions(), protocmp.Transform()); diff != "" {
				t.Errorf("%s: options (-want +got):\n%s", when, diff)
			}
		}
		if instances[3].GetOptions() != nil {
			t.Errorf("%s: options out of nothing: %v", when, instances[3])
		}
		if got := instances[4].GetOptions(); !got.GetMetadataTokensRequired() {
			t.Errorf("%s: tokens are not required: %v", when, got)
		}
		if strings.Contains(protojson.Format(list), request.GetUserData()) {
			t.Errorf("%s: user data is in a list", when)
		}
		for id, want := range map[string]string{ids[2]: script, instances[3].GetInstanceId(): ""} {
			w := httptest.NewRecorder()
			c.Metadata().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/"+id+"/latest/user-data", nil))
			if got := w.Body.String(); (w.Code == http.StatusOK) != (want != "") || want != "" && got != want {
				t.Errorf("%s: user data of %s: %d, %q", when, id, w.Code, got)
			}
		}
	}
	check("at first")
	killed := config
	killed.DataDir = copyFolder(t, config.DataDir)
	first := c
	c = start(t, killed, false)
	check("from the journal")
	if again := c.run(request); !slices.Equal(again, ids) {
		t.Errorf("the same request launched %v, first %v", again, ids)
	}
	changed := launch("a", 3, func(r *fleetv1.RunInstancesRequest) {
		r.Options, r.UserData, r.InstanceName = options, "b3RoZXI=", request.GetInstanceName()
	})
	if _, err := c.fleet.RunInstances(t.Context(), changed); !rpc.HasReason(err, fleetv1.ErrorReason_ERROR_REASON_IDEMPOTENT_PARAMETER_MISMATCH) {
		t.Errorf("the request id with other user data: %v", err)
	}
	c.stop()
	first.stop() // in order: the journal becomes a snapshot
	c = start(t, config, false)
	check("from a snapshot")
}

func TestNames_numberAndSuffix(t *testing.T) {
	c := start(t, fleetsim.Config{Volatility: still()}, false)
	for i, test := range []struct {
		name   string
		suffix bool
		want   []string
	}{
		{"web", false, []string{"web", "web"}},
		{"web", true, []string{"web001", "web002"}},
		{"web[9,1]", false, []string{"web9", "web10"}},
		{"web[9,2]", true, []string{"web09", "web10"}},
		{"web[9,2]x", true, []string{"web09x001", "web10x002"}},
		{"web[9;2]", false, []string{"web[9;2]", "web[9;2]"}},
		{"", true, []string{"", ""}},
	} {
		ids := c.run(launch(string(rune('a'+i)), 2, func(r *fleetv1.RunInstancesRequest) { r.InstanceName, r.UniqueSuffix = test.name, test.suffix }))
		list, err := c.fleet.ListInstances(t.Context(), &fleetv1.ListInstancesRequest{InstanceIds: ids})
		if err != nil {
			t.Fatal(err)
		}
		if got := namesOf(list.GetInstances()); !slices.Equal(got, test.want) {
			t.Errorf("%q, suffix %v: %q, want %q", test.name, test.suffix, got, test.want)
		}
	}
	// A name that is given later is the name, also when it looks like a pattern.
	found, err := c.fleet.ListInstances(t.Context(), &fleetv1.ListInstancesRequest{InstanceName: "web10x*"})
	if err != nil || len(found.GetInstances()) != 1 {
		t.Fatal(found, err)
	}
	update := &fleetv1.UpdateInstanceRequest{InstanceId: found.GetInstances()[0].GetInstanceId(), Attributes: &fleetv1.InstanceAttributes{InstanceName: "n[1,2]"}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"instance_name"}}}
	if got, err := c.fleet.UpdateInstance(t.Context(), update); err != nil || got.GetInstance().GetInstanceName() != "n[1,2]" {
		t.Errorf("renamed to %v, %v", got, err)
	}
	update.Attributes, update.UpdateMask = &fleetv1.InstanceAttributes{Description: "d"}, &fieldmaskpb.FieldMask{Paths: []string{"description"}}
	if got, err := c.fleet.UpdateInstance(t.Context(), update); err != nil || got.GetInstance().GetInstanceName() != "n[1,2]" {
		t.Errorf("described it is called %v, %v", got, err)
	}
}
