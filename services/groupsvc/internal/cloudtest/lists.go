package cloudtest

import (
	"context"
	"maps"
	"slices"

	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

// ListInstances implements FleetService.
func (c *Cloud) ListInstances(ctx context.Context, req *fleetv1.ListInstancesRequest) (*fleetv1.ListInstancesResponse, error) {
	return do(ctx, c, "ListInstances", func() (*fleetv1.ListInstancesResponse, error) {
		response := &fleetv1.ListInstancesResponse{}
		size := int(req.GetPageSize())
		if size == 0 {
			size = 100
		}
		for _, instance := range c.instances {
			if instance.GetAccountId() != rpc.AccountOf(ctx) || instance.GetInstanceId() <= req.GetPageToken() || c.ListDelay > 0 && c.age(instance) < c.ListDelay || !hasTags(instance, req.GetTags()) ||
				len(req.GetInstanceIds()) > 0 && !slices.Contains(req.GetInstanceIds(), instance.GetInstanceId()) {
				continue
			}
			if len(response.GetInstances()) == size {
				response.NextPageToken = response.GetInstances()[size-1].GetInstanceId()
				break
			}
			response.Instances = append(response.Instances, c.shown(instance))
		}
		return response, nil
	})
}

func hasTags(instance *fleetv1.Instance, tags map[string]string) bool {
	for key, value := range tags {
		if got, ok := instance.GetTags()[key]; !ok || got != value {
			return false
		}
	}
	return true
}

// ListZones implements FleetService.
func (c *Cloud) ListZones(ctx context.Context, _ *fleetv1.ListZonesRequest) (*fleetv1.ListZonesResponse, error) {
	return do(ctx, c, "ListZones", func() (*fleetv1.ListZonesResponse, error) {
		response := &fleetv1.ListZonesResponse{}
		for _, zone := range slices.Sorted(maps.Keys(c.zones)) {
			response.Zones = append(response.Zones, &fleetv1.Zone{ZoneId: zone})
		}
		return response, nil
	})
}

// ListInstanceTypes implements FleetService.
func (c *Cloud) ListInstanceTypes(ctx context.Context, _ *fleetv1.ListInstanceTypesRequest) (*fleetv1.ListInstanceTypesResponse, error) {
	return do(ctx, c, "ListInstanceTypes", func() (*fleetv1.ListInstanceTypesResponse, error) {
		response := &fleetv1.ListInstanceTypesResponse{}
		for _, name := range slices.Sorted(maps.Keys(c.prices)) {
			sold := &fleetv1.InstanceType{InstanceType: name, PayAsYouGoPriceMicrosPerHour: c.prices[name], Vcpus: c.vcpus[name], MemoryMib: c.memoryMiB[name]}
			for _, zone := range slices.Sorted(maps.Keys(c.zones)) {
				if _, ok := c.stock[Pool{zone, name, fleetv1.BillingMethod_BILLING_METHOD_SPOT}]; ok {
					sold.ZoneIds = append(sold.ZoneIds, zone)
				}
			}
			response.InstanceTypes = append(response.InstanceTypes, sold)
		}
		return response, nil
	})
}
