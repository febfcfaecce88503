package fleetsim_test

import (
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim"
)

const (
	essd       = fleetv1.DiskCategory_DISK_CATEGORY_CLOUD_ESSD
	efficiency = fleetv1.DiskCategory_DISK_CATEGORY_CLOUD_EFFICIENCY
)

// withDisks asks for a system disk and data disks of 40 GiB: one for each, kept
// or not.
func withDisks(keep ...bool) func(*fleetv1.RunInstancesRequest) {
	return func(r *fleetv1.RunInstancesRequest) {
		r.SystemDisk = &fleetv1.DiskRequest{Categories: []fleetv1.DiskCategory{essd, efficiency}, SizeGib: 40}
		for _, k := range keep {
			r.DataDisks = append(r.DataDisks, &fleetv1.DiskRequest{Categories: []fleetv1.DiskCategory{essd, efficiency}, SizeGib: 40, KeepAfterRelease: k})
		}
	}
}

func (c *cloud) disks(req *fleetv1.ListDisksRequest) (all []*fleetv1.Disk) {
	c.t.Helper()
	for {
		resp, err := c.fleet.ListDisks(c.t.Context(), req)
		if err != nil {
			c.t.Fatal(err)
		}
		all = append(all, resp.GetDisks()...)
		if req.PageToken = resp.GetNextPageToken(); req.PageToken == "" {
			return all
		}
	}
}

func TestDisks_keptOnesOutliveTheirInstance(t *testing.T) {
	c := start(t, fleetsim.Config{Volatility: still()}, false)
	ids := c.run(launch("a", 2, withDisks(true, false)))
	if all := c.disks(&fleetv1.ListDisksRequest{PageSize: 2}); len(all) != 6 || !slices.IsSortedFunc(all, func(a, b *fleetv1.Disk) int {
		if a.GetDiskId() < b.GetDiskId() {
			return -1
		}
		return 1
	}) {
		t.Errorf("got %v", all)
	}
	shown := c.one(ids[0]).GetDisks()
	if len(shown) != 3 || !shown[0].GetSystem() || shown[1].GetInstanceId() != ids[0] || shown[0].GetCategory() != essd || shown[0].GetPriceMicrosPerHour() <= 0 {
		t.Fatalf("got %v", shown)
	}
	c.must("FleetService/DeleteInstances", &fleetv1.DeleteInstancesRequest{InstanceIds: ids[:1]})
	loose := c.disks(&fleetv1.ListDisksRequest{OnlyDetached: true})
	if len(loose) != 1 || loose[0].GetDiskId() != shown[1].GetDiskId() || loose[0].GetInstanceId() != "" {
		t.Fatalf("got %v", loose)
	}
	kept := loose[0].GetDiskId()
	attached, err := c.fleet.AttachDisk(t.Context(), &fleetv1.AttachDiskRequest{DiskId: kept, InstanceId: ids[1]})
	if err != nil || attached.GetDisk().GetInstanceId() != ids[1] || attached.GetDisk().GetKeepAfterRelease() {
		t.Fatalf("%v, %v", attached, err)
	}
	if shown := c.one(ids[1]).GetDisks(); len(shown) != 4 || shown[3].GetDiskId() != kept {
		t.Errorf("got %v", shown)
	}
	_, err = c.fleet.DeleteDisk(t.Context(), &fleetv1.DeleteDiskRequest{DiskId: kept})
	refused(t, err, codes.FailedPrecondition, fleetv1.ErrorReason_ERROR_REASON_INCORRECT_DISK_STATUS)
	detached, err := c.fleet.DetachDisk(t.Context(), &fleetv1.DetachDiskRequest{DiskId: kept})
	if err != nil || detached.GetDisk().GetInstanceId() != "" {
		t.Fatalf("%v, %v", detached, err)
	}
	for range 2 { // one that is gone is no error
		c.must("FleetService/DeleteDisk", &fleetv1.DeleteDiskRequest{DiskId: kept})
	}
	if left := c.disks(&fleetv1.ListDisksRequest{}); len(left) != 3 {
		t.Errorf("got %v", left)
	}
}

func TestDisks_theFirstCategoryOnOfferIsTaken(t *testing.T) {
	c := start(t, fleetsim.Config{Volatility: still()}, false)
	shortage := func(id string, category fleetv1.DiskCategory) *fleetv1.InjectFaultRequest {
		return &fleetv1.InjectFaultRequest{Fault: &fleetv1.Fault{FaultId: id, Effect: &fleetv1.Fault_DiskShortage{DiskShortage: &fleetv1.DiskShortage{ZoneId: "cn-shenzhen-d", Category: category}}}}
	}
	c.must("SimulationService/InjectFault", shortage("a", essd))
	id := c.run(launch("a", 1, withDisks()))[0]
	if disks := c.one(id).GetDisks(); len(disks) != 1 || disks[0].GetCategory() != efficiency {
		t.Errorf("got %v", disks)
	}
	c.must("SimulationService/InjectFault", shortage("b", efficiency))
	_, err := c.fleet.RunInstances(t.Context(), launch("b", 1, withDisks()))
	refused(t, err, codes.FailedPrecondition, fleetv1.ErrorReason_ERROR_REASON_DISK_CATEGORY_NOT_AVAILABLE)
}

func TestDisks_anInstanceHasSeventeenAtMost(t *testing.T) {
	c := start(t, fleetsim.Config{Volatility: still()}, false)
	c.run(launch("full", 1, withDisks(make([]bool, 16)...)))
	full := c.run(launch("full", 1, withDisks(make([]bool, 16)...)))[0] // the same request
	spare := c.run(launch("spare", 1, withDisks(true)))[0]
	kept := c.one(spare).GetDisks()[1].GetDiskId()
	c.must("FleetService/DetachDisk", &fleetv1.DetachDiskRequest{DiskId: kept})
	_, err := c.fleet.AttachDisk(t.Context(), &fleetv1.AttachDiskRequest{DiskId: kept, InstanceId: full})
	refused(t, err, codes.ResourceExhausted, fleetv1.ErrorReason_ERROR_REASON_LIMIT_EXCEEDED)
}

func TestBills_areTheIntegralOfThePrice(t *testing.T) {
	c := start(t, fleetsim.Config{Volatility: still()}, false)
	tag := map[string]string{"muster:group": "g"}
	ids := append(c.run(launch("a", 2, func(r *fleetv1.RunInstancesRequest) { r.BillingMethod, r.Tags = payg, tag })),
		c.run(launch("b", 1, withDisks(true)))...)
	price := c.one(ids[0]).GetPriceMicrosPerHour()
	c.clock.Advance(90 * time.Minute)
	bill := func(req *fleetv1.GetBillRequest) *fleetv1.Bill {
		resp, err := c.billing.GetBill(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		return resp.GetBill()
	}
	of := func(id string) *fleetv1.GetBillRequest {
		return &fleetv1.GetBillRequest{Subject: &fleetv1.GetBillRequest_InstanceId{InstanceId: id}}
	}
	if b := bill(of(ids[0])); b.GetCostMicros() != price*3/2 || b.GetPriceMicrosPerHour() != price || b.GetInstances() != 1 || !b.GetAsOfTime().AsTime().Equal(origin.Add(90*time.Minute)) {
		t.Errorf("one at %d: %v", price, b)
	}
	tagged := bill(&fleetv1.GetBillRequest{Subject: &fleetv1.GetBillRequest_Tag{Tag: &fleetv1.BilledTag{Key: "muster:group", Value: "g"}}})
	pool := bill(&fleetv1.GetBillRequest{Subject: &fleetv1.GetBillRequest_Pool{Pool: &fleetv1.BilledPool{ZoneId: "cn-shenzhen-d", InstanceType: "ecs.c6.large", BillingMethod: payg}}})
	if tagged.GetCostMicros() != price*3 || pool.GetCostMicros() != price*3 || tagged.GetInstances() != 2 {
		t.Errorf("by tag %v, by pool %v", tagged, pool)
	}
	disks := bill(of(ids[2]))
	if disks.GetDiskCostMicros() <= 0 || disks.GetCostMicros() != disks.GetComputeCostMicros()+disks.GetDiskCostMicros() {
		t.Errorf("with disks: %v", disks)
	}
	c.must("FleetService/DeleteInstances", &fleetv1.DeleteInstancesRequest{InstanceIds: ids})
	c.clock.Advance(time.Hour)
	if b := bill(of(ids[0])); b.GetCostMicros() != price*3/2 || b.GetPriceMicrosPerHour() != 0 || b.GetInstances() != 0 {
		t.Errorf("released: %v", b)
	}
	if all := bill(&fleetv1.GetBillRequest{}); all.GetPriceMicrosPerHour() <= 0 || all.GetDiskCostMicros() <= disks.GetDiskCostMicros() || all.GetInstances() != 0 {
		t.Errorf("the kept disk is not charged for: %v", all)
	}
}
