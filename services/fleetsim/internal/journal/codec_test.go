package journal_test

import (
	"bytes"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/seed-198b1370/muster/services/fleetsim/internal/journal"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// effects is one of each thing that a fault can do, with all its fields set.
func effects() []world.Effect {
	spot, payg := true, false
	return []world.Effect{
		world.PriceShock{Pools: world.Selector{ZoneID: "z", InstanceType: "t", Billing: &spot}, Permille: 1500},
		world.ZoneOutage{ZoneID: "z"},
		world.SlowLaunch{Pools: world.Selector{Billing: &payg}, Permille: 2000},
		world.LaunchRefusal{Pools: world.Selector{InstanceType: "t"}, Refusal: 11},
		world.DiskShortage{ZoneID: "z", Category: world.DiskCloudESSD},
		world.CallTrouble{Methods: []string{"RunInstances"}, SharePermille: 5, Latency: time.Second, Outcome: 2, MaxCalls: 7},
		world.StreamTrouble{DuplicatePermille: 10, Delay: time.Second},
	}
}

// attributes is attributes with all that there can be.
func attributes(first uint64) world.Attributes {
	return world.Attributes{
		Name: "n[1,2]s", Description: "d", DeletionProtection: true, UniqueSuffix: true, First: first,
		Options: world.Share(world.Options{
			ImageID: "i", KeyPairName: "k", RAMRoleName: "r", ResourceGroupID: "g", SecurityGroupIDs: "s\x00", BandwidthMbps: 5, UserData: "dQ==", TokensRequired: true,
		}),
	}
}

// commands is one of each command, with all the fields set that matter once it
// has had an effect.
func commands() []world.Command {
	name, protected := "n", true
	batch := world.Batch{AccountID: "a", RequestID: "r", Numbers: []uint64{1, 2}, BestEffort: true}
	pools := []world.Pool{{Offer: 1, Spot: true}, {Offer: 2}}
	disk := world.DiskID{Number: 4, Place: 2}
	all := []world.Command{
		world.Launch{
			AccountID: "a", RequestID: "r", Pool: pools[0], Amount: 5, MinAmount: 2, MaxPrice: 9, Unprotected: true, StopOnReclaim: true,
			Tags: map[string]string{"k": "v"}, Attributes: attributes(0),
			Disks: []world.DiskRequest{{Categories: []world.DiskCategory{1, 3}, SizeGiB: 40, Keep: true, System: true}},
		},
		world.Release{AccountID: "a", Numbers: []uint64{1}},
		world.Start{Batch: batch},
		world.Stop{Batch: batch, Economical: true},
		world.Reboot{Batch: batch},
		world.Retag{AccountID: "a", Numbers: []uint64{1}, Set: map[string]string{"k": "v"}, Remove: []string{"x"}},
		world.Describe{AccountID: "a", Number: 3, Name: &name, DeletionProtection: &protected},
		world.AttachDisk{AccountID: "a", Disk: disk, Number: 5, Keep: true},
		world.DetachDisk{AccountID: "a", Disk: disk},
		world.DeleteDisk{AccountID: "a", Disk: disk},
		world.Reclaim{Numbers: []uint64{1}, Max: 3},
		world.Reclaim{ByPool: true, Offers: []int32{1, 2}},
		world.SetDrained{Pools: pools, Drained: true},
		world.Fail{Numbers: []uint64{1}, ByPool: true, Pools: pools, Max: 3, Failure: world.FailureHang},
		world.ClearFaults{IDs: []string{"f"}},
		world.SetAccount{AccountID: "a", Settings: world.AccountSettings{PayAsYouGoVCPUs: 1, SpotVCPUs: -1, CallsPerSecond: 3, CallBurst: 4}},
		world.Deposit{AccountID: "a", RequestID: "r", Micros: -5},
	}
	for i, effect := range effects() {
		all = append(all, world.InjectFault{ID: fmt.Sprint("f", i), Duration: time.Duration(i) * time.Hour, Effect: effect})
	}
	return all
}

// TestDecode_givesBackEveryCommand holds that nothing of a command is lost.
func TestDecode_givesBackEveryCommand(t *testing.T) {
	for _, command := range commands() {
		got, err := journal.Decode(journal.Encode(command))
		if err != nil {
			t.Errorf("%T: %v", command, err)
		}
		if diff := cmp.Diff(command, got); diff != "" {
			t.Errorf("%T: %s", command, diff)
		}
	}
}

// TestRead_givesBackEveryField holds that nothing of a state is lost.
func TestRead_givesBackEveryField(t *testing.T) {
	from := int64(12)
	disks := world.DiskSetRecord{Disks: []world.HeldDisk{{Place: 1, Category: 2, SizeGiB: 40, Keep: true, System: true}}, From: &from, Base: 77}
	told, another := attributes(7), world.Attributes{Options: attributes(0).Options}
	i := world.Instance{Attributes: &told, Disks: disks.Set()}
	fillFields(reflect.ValueOf(&i).Elem(), "Account", "Tags", "Attributes", "Disks")
	i.Account, i.Tags, i.Protected = world.NewAccount("a"), world.NewTagSet(map[string]string{"k": "v"}), false // which follows from the time
	pool, tag := world.Pool{Offer: 3, Spot: true}, world.Tag{Key: "k", Value: "v"}
	want := world.State{
		Now: 1000, LastNumber: 99, Sequence: 500, Drained: []world.Pool{pool}, Instances: []world.Instance{i, {Number: 98, Account: i.Account, Tags: i.Tags, Attributes: &another}},
		Requests: []world.Request{{Key: world.RequestKey{1, 2}, Fingerprint: 3, First: 4, Launched: 5, Time: 6}},
		Accounts: []world.AccountRecord{
			{ID: "a", Settings: world.Unlimited(), HasBalance: true, GivenMicros: 5, Overdue: true, Charges: []world.ChargeRecord{{ComputeMicros: 1, ComputeParts: 2, DiskMicros: 3, DiskParts: 4}, {Pool: &pool}, {Tag: &tag}}},
			{ID: "b"},
		},
		Disks:  []world.DiskRecord{{Disk: world.Disk{ID: world.DiskID{Number: 1, Place: 2}, AccountID: "a", ZoneID: "z", Category: 1, SizeGiB: 2, Keep: true, Instance: 3, Created: 4, PriceMicros: 5}, From: 6, Attached: -1}},
		Bills:  []world.FinalBill{{Number: 1, AccountID: "a", Compute: 2, Disks: 3}},
		Shocks: []world.Shock{{From: 1, Until: 2, Effect: effects()[0].(world.PriceShock)}},
	}
	for n := range 2500 {
		want.Accounts[1].Charges = append(want.Accounts[1].Charges, world.ChargeRecord{Tag: &tag, DiskMicros: int64(n)})
	}
	for n, effect := range effects() {
		want.Faults = append(want.Faults, world.Fault{ID: fmt.Sprint("f", n), From: 5, Until: world.Instant(n * 1000), Effect: effect})
	}
	var raw bytes.Buffer
	if err := journal.Write(&raw, journal.Snapshot{Genesis: genesis(), Epoch: 4, State: want}); err != nil {
		t.Fatal(err)
	}
	got, err := journal.Read(&raw)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got.State, cmp.AllowUnexported(world.Account{}, world.TagSet{}, world.DiskSet{}), cmpopts.IgnoreUnexported(world.Instance{})); diff != "" {
		t.Error(diff)
	}
}

// fillFields sets all fields of a struct but some to something that is not zero.
func fillFields(v reflect.Value, but ...string) {
	for i := range v.NumField() {
		field := v.Field(i)
		skip := false
		for _, name := range but {
			skip = skip || v.Type().Field(i).Name == name
		}
		switch {
		case skip, !v.Type().Field(i).IsExported(): // those follow from the others
		case field.CanInt():
			field.SetInt(int64(i + 2))
		case field.CanUint():
			field.SetUint(uint64(i + 2))
		case field.Kind() == reflect.Bool:
			field.SetBool(true)
		default:
			panic("a field of a new kind: " + v.Type().Field(i).Name)
		}
	}
}
