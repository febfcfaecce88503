package fleetsim_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"pgregory.net/rapid"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim"
)

// owned is all that an account can see of its own.
func (c *cloud) owned(account string) []proto.Message {
	c.t.Helper()
	var all []proto.Message
	for _, ask := range []struct {
		name string
		req  proto.Message
	}{
		{"FleetService/ListInstances", &fleetv1.ListInstancesRequest{PageSize: 250}},
		{"FleetService/ListInstanceStatuses", &fleetv1.ListInstanceStatusesRequest{PageSize: 250}},
		{"FleetService/ListDisks", &fleetv1.ListDisksRequest{PageSize: 250}},
		{"FleetService/CountInstances", &fleetv1.CountInstancesRequest{}},
		{"BillingService/GetAccount", &fleetv1.GetAccountRequest{}},
		{"BillingService/GetBill", &fleetv1.GetBillRequest{}},
	} {
		resp, err := c.invoke(as(c.t.Context(), account), ask.name, ask.req)
		if err != nil {
			c.t.Fatal(err)
		}
		message := resp.ProtoReflect()
		for _, name := range []protoreflect.Name{"cursor", "position"} { // they count the transitions of all
			if field := message.Descriptor().Fields().ByName(name); field != nil {
				message.Clear(field)
			}
		}
		all = append(all, resp)
	}
	return all
}

// TestAccounts_isolation_Prop holds S8: whatever one account does, with ids of
// its own and of others, nothing that another sees of its own changes.
func TestAccounts_isolation_Prop(t *testing.T) {
	c := start(t, fleetsim.Config{Volatility: still()}, false)
	c.setAccount("other", nil)
	other := as(t.Context(), "other")
	resp, err := c.fleet.RunInstances(other, launch("theirs", 4, withDisks(true, false)))
	if err != nil {
		t.Fatal(err)
	}
	ids := append(resp.GetInstanceIds(), c.run(launch("mine", 4, withDisks(true, false)))...)
	c.clock.Advance(time.Minute)
	var disks []string
	for _, ctx := range []context.Context{t.Context(), other} {
		listed, err := c.fleet.ListDisks(ctx, &fleetv1.ListDisksRequest{})
		if err != nil {
			t.Fatal(err)
		}
		for _, disk := range listed.GetDisks() {
			disks = append(disks, disk.GetDiskId())
		}
	}
	before, calls := c.owned("other"), 0
	rapid.Check(t, func(t *rapid.T) {
		id, disk := rapid.SampledFrom(ids).Draw(t, "instance"), rapid.SampledFrom(disks).Draw(t, "disk")
		one := []string{id}
		calls++
		call := rapid.SampledFrom([]struct {
			name string
			req  proto.Message
		}{
			{"FleetService/StopInstances", &fleetv1.StopInstancesRequest{InstanceIds: one, StoppedMode: stopCharging}},
			{"FleetService/StartInstances", &fleetv1.StartInstancesRequest{InstanceIds: one, BestEffort: true}},
			{"FleetService/RebootInstances", &fleetv1.RebootInstancesRequest{InstanceIds: one}},
			{"FleetService/DeleteInstances", &fleetv1.DeleteInstancesRequest{InstanceIds: one}},
			{"FleetService/UpdateInstanceTags", &fleetv1.UpdateInstanceTagsRequest{InstanceIds: one, SetTags: map[string]string{"k": "v"}}},
			{"FleetService/UpdateInstance", &fleetv1.UpdateInstanceRequest{InstanceId: id, Attributes: &fleetv1.InstanceAttributes{InstanceName: "taken"}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"instance_name"}}}},
			{"FleetService/AttachDisk", &fleetv1.AttachDiskRequest{DiskId: disk, InstanceId: id}},
			{"FleetService/DetachDisk", &fleetv1.DetachDiskRequest{DiskId: disk}},
			{"FleetService/DeleteDisk", &fleetv1.DeleteDiskRequest{DiskId: disk}},
			{"FleetService/RunInstances", launch(fmt.Sprint("more", calls%5), 1)},
			{"BillingService/GetBill", &fleetv1.GetBillRequest{Subject: &fleetv1.GetBillRequest_InstanceId{InstanceId: id}}},
		}).Draw(t, "call")
		if _, err := c.invoke(c.t.Context(), call.name, call.req); status.Code(err) == codes.Internal {
			t.Fatalf("%s: %v", call.name, err)
		}
		unchanged(c.t, before, c.owned("other"))
	})
}
