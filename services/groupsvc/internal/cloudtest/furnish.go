package cloudtest

import (
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/seed-198b1370/muster/pkg/sequence"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

// furnish gives an instance what its launch asks for besides the pool.
func (c *Cloud) furnish(instance *fleetv1.Instance, req *fleetv1.RunInstancesRequest, place int) {
	instance.InstanceName, instance.Description = req.GetInstanceName(), req.GetDescription()
	if pattern, numbered := sequence.Parse(req.GetInstanceName()); numbered {
		instance.InstanceName = pattern.At(uint64(place))
	}
	if req.GetOptions() != nil {
		instance.Options = proto.CloneOf(req.GetOptions())
	}
	for _, disk := range disksOf(req) {
		instance.Disks = append(instance.Disks, &fleetv1.Disk{
			Category: c.categoryOf(req.GetZoneId(), disk), SizeGib: disk.GetSizeGib(), System: disk == req.GetSystemDisk(),
		})
	}
}

// offers tells whether a zone has a category for each disk of a launch.
func (c *Cloud) offers(req *fleetv1.RunInstancesRequest) bool {
	return !slices.ContainsFunc(disksOf(req), func(disk *fleetv1.DiskRequest) bool {
		return c.categoryOf(req.GetZoneId(), disk) == fleetv1.DiskCategory_DISK_CATEGORY_UNSPECIFIED
	})
}

// categoryOf is the first category of a disk that a zone offers.
func (c *Cloud) categoryOf(zone string, disk *fleetv1.DiskRequest) fleetv1.DiskCategory {
	offered, some := c.Disks[zone]
	for _, category := range disk.GetCategories() {
		if !some || slices.Contains(offered, category) {
			return category
		}
	}
	return fleetv1.DiskCategory_DISK_CATEGORY_UNSPECIFIED
}

func disksOf(req *fleetv1.RunInstancesRequest) []*fleetv1.DiskRequest {
	var disks []*fleetv1.DiskRequest
	if req.GetSystemDisk() != nil {
		disks = append(disks, req.GetSystemDisk())
	}
	return append(disks, req.GetDataDisks()...)
}

// Requests are copies of the launches that delivered.
func (c *Cloud) Requests() []*fleetv1.RunInstancesRequest {
	c.mu.Lock()
	defer c.mu.Unlock()
	var requests []*fleetv1.RunInstancesRequest
	for _, answer := range c.answers {
		requests = append(requests, proto.CloneOf(answer.request))
	}
	return requests
}
